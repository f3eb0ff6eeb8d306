import fs, { writeSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import type { CommitSite } from './commit-sites.ts';

/** Everything by which the product changes the disk, beside statements of SQLite. */
const FILE_CALLS = [
  'renameSync',
  'unlinkSync',
  'rmSync',
  'writeFileSync',
  'truncateSync',
  'copyFileSync',
  'openSync',
];
const PROMISED_CALLS = ['rm', 'copyFile', 'open'];
const ENDING_STATEMENT = /BEGIN EXCLUSIVE|COMMIT|wal_checkpoint|incremental_vacuum|journal_mode = WAL/;

/**
 * Has this process die by SIGKILL right after the `nth` step on the disk that is taken from this site. Before it dies it
 * prints the names of all sites that the step was taken from: whoever asked for a commit, and where it was made.
 */
export function killAt(target: string, nth: number, sites: readonly CommitSite[]): void {
  const names = new Map(sites.map(({ file, line, name }) => [`${file}:${line}`, name]));
  let left = nth;
  Error.stackTraceLimit = 50;
  const passed = () => {
    const from = sitesIn(new Error('here').stack ?? '', names);
    return () => {
      if (!from.includes(target)) return;
      left -= 1;
      if (left > 0) return;
      writeSync(1, from.join('\n'));
      process.kill(process.pid, 'SIGKILL');
    };
  };
  for (const name of FILE_CALLS) replace(fs, name, (call) => andThen(passed(), call()));
  for (const name of PROMISED_CALLS) replace(promises, name, (call) => andThen(passed(), call()));
  syncBuiltinESMExports();
  const exec = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function watched(sql: string): void {
    const step = ENDING_STATEMENT.test(sql) ? passed() : undefined;
    exec.call(this, sql);
    step?.();
  };
}

function sitesIn(stack: string, names: ReadonlyMap<string, string>): string[] {
  return [...stack.matchAll(/\/src\/([\w./-]+\.ts:\d+)/g)].flatMap(
    ([, place = '']) => names.get(place) ?? [],
  );
}

function replace(module: object, name: string, around: (call: () => unknown) => unknown): void {
  const original: unknown = Reflect.get(module, name);
  if (typeof original !== 'function') throw new Error(`Expected a function ${name} in node:fs`);
  Reflect.set(module, name, (...given: unknown[]) => around(() => Reflect.apply(original, module, given)));
}

function andThen(step: () => void, result: unknown): unknown {
  if (result instanceof Promise) {
    return result.then((value: unknown) => {
      step();
      return value;
    });
  }
  step();
  return result;
}
