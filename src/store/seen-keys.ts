import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import type { SeenKey } from '../model/journal.ts';
import { textIn } from './row.ts';
import { UnionSet } from './union-set.ts';

/** Span of event time of one bucket. An overlap of a few minutes touches two or three. */
const BUCKET_MS = 300_000;

/**
 * Which source events are already stored. On disk one row per commit, unit and bucket, its keys as one JSON array; in
 * memory the buckets asked for last, kept current by commits and bounded by `maxCachedKeys`.
 */
export class SeenKeys {
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #delete: StatementSync;
  readonly #maxCachedKeys: number;
  /** Least recently used first. */
  readonly #cache = new Map<string, Set<string>>();
  #cachedKeys = 0;

  constructor(db: DatabaseSync, maxCachedKeys: number) {
    this.#maxCachedKeys = maxCachedKeys;
    this.#insert = db.prepare('INSERT INTO seen_chunk (bucket, unit, keys) VALUES (?, ?, ?)');
    this.#select = db.prepare('SELECT keys FROM seen_chunk WHERE bucket = ? AND unit = ?');
    this.#delete = db.prepare('DELETE FROM seen_chunk WHERE bucket < ?');
  }

  /** Inside a transaction. Hand the result to `remember` once it is committed. */
  append(unit: string, seen: readonly SeenKey[]): ReadonlyMap<number, readonly string[]> {
    const buckets = byBucket(seen);
    for (const [bucket, keys] of buckets) this.#insert.run(bucket, unit, JSON.stringify(keys));
    return buckets;
  }

  remember(unit: string, buckets: ReadonlyMap<number, readonly string[]>): void {
    for (const [bucket, keys] of buckets) {
      const cached = this.#cache.get(cacheKey(unit, bucket));
      if (cached === undefined) continue;
      const before = cached.size;
      for (const key of keys) cached.add(key);
      this.#cachedKeys += cached.size - before;
    }
    this.#shrink();
  }

  /** Every key of the unit with event time in `[fromMs, toMs]`; may hold neighbours from the same buckets. */
  seenIn(unit: string, fromMs: number, toMs: number): ReadonlySet<string> {
    const sets: ReadonlySet<string>[] = [];
    for (let bucket = bucketOf(fromMs); bucket <= bucketOf(toMs); bucket++) {
      const keys = this.#load(unit, bucket);
      if (keys.size > 0) sets.push(keys);
    }
    this.#shrink();
    const [only] = sets;
    return sets.length === 1 && only !== undefined ? only : new UnionSet(sets);
  }

  /** Inside a transaction: forgets whole buckets that ended before `beforeMs`. */
  prune(beforeMs: number): void {
    this.#delete.run(bucketOf(beforeMs));
  }

  #load(unit: string, bucket: number): ReadonlySet<string> {
    const name = cacheKey(unit, bucket);
    const cached = this.#cache.get(name);
    const keys = cached ?? this.#read(unit, bucket);
    this.#cache.delete(name);
    this.#cache.set(name, keys);
    if (cached === undefined) this.#cachedKeys += keys.size;
    return keys;
  }

  #read(unit: string, bucket: number): Set<string> {
    const keys = new Set<string>();
    for (const row of this.#select.iterate(bucket, unit)) {
      for (const key of parseKeys(textIn(row, 'keys'))) keys.add(key);
    }
    return keys;
  }

  #shrink(): void {
    for (const [name, keys] of this.#cache) {
      if (this.#cachedKeys <= this.#maxCachedKeys) return;
      this.#cache.delete(name);
      this.#cachedKeys -= keys.size;
    }
  }
}

function bucketOf(ms: number): number {
  return Math.floor(ms / BUCKET_MS);
}

function cacheKey(unit: string, bucket: number): string {
  return `${bucket} ${unit}`;
}

function byBucket(seen: readonly SeenKey[]): ReadonlyMap<number, string[]> {
  const buckets = new Map<number, string[]>();
  for (const { atMs, key } of seen) {
    const bucket = bucketOf(atMs);
    const keys = buckets.get(bucket);
    if (keys === undefined) buckets.set(bucket, [key]);
    else keys.push(key);
  }
  return buckets;
}

function parseKeys(text: string): readonly string[] {
  const keys: unknown = JSON.parse(text);
  if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  throw new GatewatchError(
    'journal_corrupt',
    'Expected a list of source event keys in the journal, got another value.',
  );
}
