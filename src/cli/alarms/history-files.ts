import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { HistoryCache, StoredHistory } from '../../alarms/backtest/fetch-history.ts';
import { messageOf } from '../../core/errors.ts';
import { sha256Hex } from '../../core/hash.ts';

/** The least used files are removed when all of them together are larger. */
const MOST_BYTES = 512 * 1024 * 1024;
const ENDING = '.history';
const MINUTE_MS = 60_000;

const header = z.strictObject({
  version: z.literal(1),
  key: z.string(),
  covered: z.array(z.strictObject({ fromMs: z.number(), toMs: z.number() })),
  points: z.int().min(0),
});

/**
 * History of metrics in a folder, one file for each statistic: a line of JSON, then the minutes and the values of its
 * points, all compressed. A file is written beside its place and renamed, so that runs at the same time at worst ask for
 * something twice. Whatever cannot be read counts as not there, and is said.
 */
export class HistoryFiles implements HistoryCache {
  readonly #folder: string;
  readonly #mostBytes: number;
  /** Why files could not be read or written, each once, for people. */
  readonly #troubles = new Map<string, number>();

  constructor(folder: string, mostBytes = MOST_BYTES) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
  }

  /** What to tell people; empty when all went well. */
  get troubles(): readonly string[] {
    return [...this.#troubles].map(([what, count]) => (count === 1 ? what : `${what} (${count} times)`));
  }

  read(key: string): StoredHistory | undefined {
    const path = this.#pathOf(key);
    try {
      const bytes = readIfThere(path);
      return bytes && decode(bytes, key);
    } catch (error) {
      this.#trouble(`A file of ${this.#folder} could not be read (${reasonOf(error)}): asked for again`);
      return undefined;
    }
  }

  write(key: string, history: StoredHistory, keepFromMs: number): void {
    const path = this.#pathOf(key);
    const beside = `${path}.${randomUUID()}`;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(beside, encode(key, history, keepFromMs), { mode: 0o600 });
      renameSync(beside, path);
    } catch (error) {
      // What was begun is removed with the least used files, if it is there at all.
      this.#trouble(
        `${this.#folder} could not be written to (${reasonOf(error)}): nothing is kept of this run`,
      );
    }
  }

  /** Marks what a run used, and removes the least used files above the bound. Other runs may do the same meanwhile. */
  tidy(used: Iterable<string>, nowMs: number): void {
    try {
      for (const key of used) touch(this.#pathOf(key), nowMs);
      let bytes = 0;
      for (const { path, size } of filesIn(this.#folder).sort((one, other) => other.usedMs - one.usedMs)) {
        bytes += size;
        if (bytes > this.#mostBytes) rmSync(path, { force: true });
      }
    } catch (error) {
      this.#trouble(`${this.#folder} could not be tidied (${reasonOf(error)}): it may grow`);
    }
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${sha256Hex(key)}${ENDING}`);
  }

  #trouble(what: string): void {
    this.#troubles.set(what, (this.#troubles.get(what) ?? 0) + 1);
  }
}

function encode(key: string, { covered, points }: StoredHistory, keepFromMs: number): Buffer {
  const kept = [...points].filter(([atMs]) => atMs >= keepFromMs);
  const spans = covered.map(({ fromMs, toMs }) => ({ fromMs: Math.max(fromMs, keepFromMs), toMs }));
  const head = JSON.stringify({
    version: 1,
    key,
    covered: spans.filter(({ fromMs, toMs }) => fromMs < toMs),
    points: kept.length,
  });
  const text = Buffer.from(`${head}\n`);
  const body = Buffer.alloc(kept.length * 12);
  for (const [index, [atMs, value]] of kept.entries()) {
    body.writeUInt32LE(atMs / MINUTE_MS, index * 4);
    body.writeDoubleLE(value, kept.length * 4 + index * 8);
  }
  return gzipSync(Buffer.concat([text, body]), { level: 1 });
}

/** Throws when it is not whole, or of another key. */
function decode(bytes: Buffer, key: string): StoredHistory {
  const text = gunzipSync(bytes);
  const end = text.indexOf('\n');
  const head = header.parse(JSON.parse(text.toString('utf8', 0, Math.max(end, 0))));
  const body = text.subarray(end + 1);
  if (head.key !== key) throw new Error('Expected the history of another metric');
  if (body.length !== head.points * 12)
    throw new Error(`Expected ${head.points} points, got ${body.length} bytes`);
  const points = Array.from({ length: head.points }, (_, index): readonly [number, number] => [
    body.readUInt32LE(index * 4) * MINUTE_MS,
    body.readDoubleLE(head.points * 4 + index * 8),
  ]);
  return { covered: head.covered, points };
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function touch(path: string, nowMs: number): void {
  try {
    utimesSync(path, nowMs / 1_000, nowMs / 1_000);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

function filesIn(
  folder: string,
): { readonly path: string; readonly size: number; readonly usedMs: number }[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.includes(ENDING))
      .flatMap((name) => {
        const path = join(folder, name);
        const found = statSync(path, { throwIfNoEntry: false });
        return found === undefined ? [] : [{ path, size: found.size, usedMs: found.mtimeMs }];
      });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Without the names of files, so that the same reason is told once. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
}

/** Not there, or a file where its folder should be. */
function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
