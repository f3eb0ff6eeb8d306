import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { JournalEntry } from '../model/journal.ts';
import { numberIn } from './row.ts';
import { textHash } from './text-hash.ts';

/** Four bytes of each event id's hash. A scan over a million rows reads 4 MB; the row itself decides. */
const HASH_BYTES = 4;

/**
 * Event ids in order of `seq`, one packed row per commit. Looking one up is rare (an auditor holds an id seen in a
 * sink) and scans these; a B-tree over random ids would slow every insert for it.
 */
export class EventChunkWriter {
  readonly #insert: StatementSync;

  constructor(db: DatabaseSync) {
    this.#insert = db.prepare('INSERT INTO event_chunk (first_seq, hashes) VALUES (?, ?)');
  }

  append(entries: readonly JournalEntry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const hashes = Buffer.allocUnsafe(entries.length * HASH_BYTES);
    let offset = 0;
    for (const entry of entries) offset = hashes.writeUInt32LE(lowBits(entry.eventId), offset);
    this.#insert.run(first.seq, hashes);
  }
}

/** `seq` of every row whose event id may be this one. */
export function findByEventId(db: DatabaseSync, eventId: string): readonly number[] {
  const wanted = Buffer.allocUnsafe(HASH_BYTES);
  wanted.writeUInt32LE(lowBits(eventId));
  const found: number[] = [];
  for (const row of db.prepare('SELECT first_seq, hashes FROM event_chunk').iterate()) {
    if (!(row.hashes instanceof Uint8Array)) continue;
    const firstSeq = numberIn(row, 'first_seq');
    for (const index of indexesOf(Buffer.from(row.hashes.buffer), wanted)) found.push(firstSeq + index);
  }
  return found;
}

function* indexesOf(hashes: Buffer, wanted: Buffer): Iterable<number> {
  for (let at = hashes.indexOf(wanted); at >= 0; at = hashes.indexOf(wanted, at + 1)) {
    if (at % HASH_BYTES === 0) yield at / HASH_BYTES;
  }
}

function lowBits(eventId: string): number {
  return textHash(eventId) % 2 ** 32;
}
