import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * A line of the product behind which the disk is another than before it. Folders that are made, rights and flushes do not
 * count: a process that was killed does not leave less for them.
 */
export interface CommitSite {
  /** `store/segments/sealer.ts sealNext: renameSync`; stays the same when lines move. */
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  readonly line: number;
}

const SOURCE = join(import.meta.dirname, '../../../src');

/** Where files are changed, and where those stand who ask the journal for a commit. */
const FOLDERS = ['store', 'pipeline', 'scheduler', 'cli/worker'];

const SITES: readonly RegExp[] = [
  /\b(renameSync|unlinkSync|rmSync|rm|writeFileSync|truncateSync|copyFile|copyFileSync)\(/,
  /\b(open|openSync)\([^)]*, '[wa]'/,
  /\.(exec)\(.*(?:BEGIN EXCLUSIVE|COMMIT|wal_checkpoint|incremental_vacuum|journal_mode = WAL)/,
  /\b(inTransaction)\(/,
  /(#transaction)\(\(\) =>/,
  /(#write)\(\(\) =>/,
  /\bwrites\.(small|growing|acknowledging)\(\(\) =>/,
  /journal\.(commitWindow|ackLane|lane|setLaneHeld|saveOrder|dropDeadLetters|renewLease|prune)\(/i,
];

/** What others go through to change the disk: whoever calls these is the site. */
const PASSAGES = new Set([
  'store/connection.ts inTransaction',
  'store/connection.ts inUnsyncedTransaction',
  'store/disk/guarded-writes.ts #transaction',
  'store/segments/sealer.ts #write',
]);

/** A function, a method, or the field of an object that is one, by how its first line begins. */
const BEGINNING =
  /^(?:(?:export )?(?:async )?function\*? (\w+)| {2}(?:static |override |async )*(#?\w+)(?:<[^>]*>)?\((?:.*\{)?$)/;

/** Every site of the product, in the order of its files. */
export function commitSites(): readonly CommitSite[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(SOURCE, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .sort()
      .flatMap((path) => sitesOf(relative(SOURCE, join(SOURCE, folder, path)))),
  );
}

function sitesOf(file: string): CommitSite[] {
  const lines = readFileSync(join(SOURCE, file), 'utf8').split('\n');
  const times = new Map<string, number>();
  let within = '';
  return lines.flatMap((text, index): CommitSite[] => {
    const beginning = BEGINNING.exec(text);
    if (beginning !== null) within = beginning[1] ?? beginning[2] ?? within;
    const what = beginning?.[1] === undefined ? whatIsDone(text) : undefined;
    const place = `${file} ${within}`;
    if (what === undefined || PASSAGES.has(place)) return [];
    const name = `${place}: ${what}`;
    const time = (times.get(name) ?? 0) + 1;
    times.set(name, time);
    return [{ name: time === 1 ? name : `${name} ${time}`, file, line: index + 1 }];
  });
}

function whatIsDone(text: string): string | undefined {
  if (/^\s*(\*|\/\/|import )/.test(text)) return undefined;
  for (const site of SITES) {
    const found = site.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}
