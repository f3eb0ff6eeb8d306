import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { hashesOf, KeySet, WORDS_PER_KEY } from '../core/key-set.ts';
import type { KnownKeys, SeenKey } from '../model/journal.ts';
import { optionalBytesIn, type Row, textIn } from './row.ts';
import { UnionSet } from './union-set.ts';

/** Span of event time of one bucket. An overlap of a few minutes touches two or three. */
const BUCKET_MS = 300_000;
const KEY_BYTES = WORDS_PER_KEY * 4;

/**
 * Which source events are already stored: a hash of each key, because a live window over a busy group asks for millions.
 * On disk one row per commit, unit and bucket; in memory the buckets asked for last, kept current by commits and bounded
 * by `maxCachedKeys`.
 */
export class SeenKeys {
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #delete: StatementSync;
  readonly #maxCachedKeys: number;
  /** Least recently used first. */
  readonly #cache = new Map<string, KeySet>();
  #cachedKeys = 0;

  constructor(db: DatabaseSync, maxCachedKeys: number) {
    this.#maxCachedKeys = maxCachedKeys;
    this.#insert = db.prepare(`INSERT INTO seen_chunk (bucket, unit, keys, hashes) VALUES (?, ?, '', ?)`);
    this.#select = db.prepare('SELECT keys, hashes FROM seen_chunk WHERE bucket = ? AND unit = ?');
    this.#delete = db.prepare('DELETE FROM seen_chunk WHERE bucket < ?');
  }

  /** Inside a transaction. Hand the result to `remember` once it is committed. */
  append(unit: string, seen: readonly SeenKey[]): ReadonlyMap<number, Uint32Array> {
    const buckets = new Map<number, Uint32Array>();
    for (const [bucket, keys] of byBucket(seen)) {
      const hashes = hashesOf(keys);
      this.#insert.run(bucket, unit, bytesOf(hashes));
      buckets.set(bucket, hashes);
    }
    return buckets;
  }

  remember(unit: string, buckets: ReadonlyMap<number, Uint32Array>): void {
    for (const [bucket, hashes] of buckets) {
      const cached = this.#cache.get(cacheKey(unit, bucket));
      if (cached === undefined) continue;
      const before = cached.size;
      cached.addHashes(hashes);
      this.#cachedKeys += cached.size - before;
    }
    this.#shrink();
  }

  /** Every key of the unit with event time in `[fromMs, toMs]`; may hold neighbours from the same buckets. */
  seenIn(unit: string, fromMs: number, toMs: number): KnownKeys {
    const sets: KnownKeys[] = [];
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

  #load(unit: string, bucket: number): KeySet {
    const name = cacheKey(unit, bucket);
    const cached = this.#cache.get(name);
    const keys = cached ?? this.#read(unit, bucket);
    this.#cache.delete(name);
    this.#cache.set(name, keys);
    if (cached === undefined) this.#cachedKeys += keys.size;
    return keys;
  }

  #read(unit: string, bucket: number): KeySet {
    const keys = new KeySet();
    for (const row of this.#select.iterate(bucket, unit)) keys.addHashes(hashesIn(row));
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

/** Little-endian, on every machine. */
function bytesOf(hashes: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(hashes.length * 4);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < hashes.length; index += 1) view.setUint32(index * 4, hashes[index] ?? 0, true);
  return bytes;
}

/** Rows from before version 5 have the keys themselves, as a JSON list. */
function hashesIn(row: Row): Uint32Array {
  const bytes = optionalBytesIn(row, 'hashes');
  if (bytes === undefined) return hashesOf(parseKeys(textIn(row, 'keys')));
  if (bytes.length % KEY_BYTES !== 0) throw unreadable(`${bytes.length} bytes of hashes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hashes = new Uint32Array(bytes.length / 4);
  for (let index = 0; index < hashes.length; index += 1) hashes[index] = view.getUint32(index * 4, true);
  return hashes;
}

function parseKeys(text: string): readonly string[] {
  const keys: unknown = JSON.parse(text);
  if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  throw unreadable('another value');
}

function unreadable(got: string): GatewatchError {
  return new GatewatchError(
    'journal_corrupt',
    `Expected a list of source event keys in the journal, got ${got}.`,
  );
}
