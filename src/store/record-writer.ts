import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { sha256Id } from '../core/hash.ts';
import type { JournalEntry, JournalRecord } from '../model/journal.ts';
import { RecordCanonicalizer } from './canonical-json.ts';
import { FacetWriter } from './facet-table.ts';
import { streamOf } from './journal-entry.ts';
import { numberIn, type Row, textIn } from './row.ts';
import { textHash } from './text-hash.ts';

/** Where a row goes among the rows of its record. */
interface Place {
  readonly slot: number;
  readonly revision: number;
}

/** What the writer has to know of rows that are no longer in the live file. */
export interface SealedRecords {
  /** No sealed row is of a newer event than this; -Infinity while there is none. */
  newestEventMs(): number;
  /** The newest sealed row of a record whose events are around this time. */
  newestSealed(
    recordId: string,
    eventMs: number,
  ): { readonly eventId: string; readonly revision: number } | undefined;
}

/** Revisions count from 0: what was never corrected is revision 0. */
const FIRST: Place = { slot: 1, revision: 0 };

export interface AppendResult {
  readonly entries: readonly JournalEntry[];
  /** Records left out because their content is already the newest revision. */
  readonly repeated: number;
}

/**
 * Appends records with the next `seq` and the revision that follows what is stored. A record is tried as the first of
 * its id; the unique index tells by conflict when it is not, so that new records, nearly all, cost one insert. One as old
 * as sealed rows is looked up first, because what is in a segment conflicts with nothing.
 */
export class RecordWriter {
  readonly #insert: StatementSync;
  readonly #sameHash: StatementSync;
  readonly #facets: FacetWriter;
  readonly #canonicalizer = new RecordCanonicalizer();
  readonly #sealed: SealedRecords;

  constructor(db: DatabaseSync, sealed: SealedRecords) {
    this.#sealed = sealed;
    this.#facets = new FacetWriter(db);
    this.#insert = db.prepare(
      `INSERT INTO record (seq, facet, event_ms, record_hash, slot, customer_hash, principal_hash, revision,
         record_id, event_id, sha256, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, unhex(?), ?) ON CONFLICT (record_hash, slot) DO NOTHING`,
    );
    this.#sameHash = db.prepare(
      'SELECT slot, revision, record_id, event_id FROM record WHERE record_hash = ? ORDER BY slot DESC',
    );
  }

  append(records: readonly JournalRecord[], afterSeq: number): AppendResult {
    const entries: JournalEntry[] = [];
    const sealedMs = this.#sealed.newestEventMs();
    for (const record of records) {
      const seq = afterSeq + entries.length + 1;
      const entry = record.eventMs > sealedMs ? this.#appendOne(record, seq) : this.#appendOld(record, seq);
      if (entry !== undefined) entries.push(entry);
    }
    return { entries, repeated: records.length - entries.length };
  }

  /** After a transaction that was rolled back: ids it gave out are not in the file. */
  forget(): void {
    this.#facets.forget();
  }

  #appendOne(record: JournalRecord, seq: number): JournalEntry | undefined {
    const recordHash = textHash(record.recordId);
    const first = this.#insertAt(record, recordHash, FIRST, seq);
    if (first !== undefined) return first;
    return this.#appendAfter(this.#sameHash.all(recordHash), record, recordHash, seq);
  }

  #appendAfter(
    rows: readonly Row[],
    record: JournalRecord,
    recordHash: number,
    seq: number,
  ): JournalEntry | undefined {
    const place = placeAfter(rows, record);
    return place === undefined ? undefined : this.#insertAt(underOwnId(rows, record), recordHash, place, seq);
  }

  #appendOld(record: JournalRecord, seq: number): JournalEntry | undefined {
    const recordHash = textHash(record.recordId);
    const live = this.#sameHash.all(recordHash);
    const isLive = live.some((row) => textIn(row, 'record_id') === record.recordId);
    const sealed = isLive ? undefined : this.#sealed.newestSealed(record.recordId, record.eventMs);
    if (sealed === undefined) return this.#appendAfter(live, record, recordHash, seq);
    const place = placeAfterSealed(live, sealed, record);
    return place === undefined ? undefined : this.#insertAt(record, recordHash, place, seq);
  }

  #insertAt(record: JournalRecord, recordHash: number, place: Place, seq: number): JournalEntry | undefined {
    const canonical = this.#canonicalizer.write(record, place.revision);
    const { recordId, eventId, eventMs } = record;
    const { changes } = this.#insert.run(
      seq,
      this.#facets.idOf(record),
      eventMs,
      recordHash,
      place.slot,
      hashOf(record.kind === 'request' ? record.customer : undefined),
      hashOf(record.kind === 'request' ? record.principal : undefined),
      place.revision,
      recordId,
      eventId,
      hash('sha256', canonical.body, 'hex'),
      canonical.body,
    );
    if (changes === 0) return undefined;
    const stream = streamOf(record);
    return { seq, stream, recordId, eventId, revision: place.revision, eventMs, ...canonical };
  }
}

function hashOf(text: string | undefined): number | null {
  return text === undefined ? null : textHash(text);
}

/**
 * A record that says again what an earlier revision said, after another one said otherwise, is no repeat of it: under its
 * id a destination would take it for one, and stay with what was said in between. `before`: the revision in between.
 */
function idSaidAgain(eventId: string, before: string): string {
  return sha256Id(`${eventId}\n${before}`);
}

/** Metric points keep theirs: whether one is new is told by its id before it comes here. */
function underOwnId(rows: readonly Row[], record: JournalRecord): JournalRecord {
  if (record.kind === 'metric') return record;
  const [newest, ...earlier] = eventIdsOf(rows, record);
  if (newest === undefined || !earlier.includes(record.eventId)) return record;
  return { ...record, eventId: idSaidAgain(record.eventId, newest) };
}

/** Of all revisions of the record, newest first. */
function eventIdsOf(rows: readonly Row[], { recordId }: JournalRecord): string[] {
  return rows.flatMap((row) => (textIn(row, 'record_id') === recordId ? [textIn(row, 'event_id')] : []));
}

/** True when the newest revision says just that. */
function isRepeat(rows: readonly Row[], record: JournalRecord): boolean {
  const [newest, before] = eventIdsOf(rows, record);
  if (newest === record.eventId) return true;
  return before !== undefined && newest === idSaidAgain(record.eventId, before);
}

/** Rows newest first; those of other ids with the same hash only take up slots. `undefined`: nothing new. */
function placeAfter(rows: readonly Row[], record: JournalRecord): Place | undefined {
  if (isRepeat(rows, record)) return undefined;
  const newest = rows.find((row) => textIn(row, 'record_id') === record.recordId);
  const last = rows[0];
  return {
    slot: last === undefined ? FIRST.slot : numberIn(last, 'slot') + 1,
    revision: newest === undefined ? FIRST.revision : numberIn(newest, 'revision') + 1,
  };
}

function placeAfterSealed(
  live: readonly Row[],
  sealed: { readonly eventId: string; readonly revision: number },
  record: JournalRecord,
): Place | undefined {
  if (sealed.eventId === record.eventId) return undefined;
  const last = live[0];
  const slot = last === undefined ? FIRST.slot : numberIn(last, 'slot') + 1;
  return { slot, revision: sealed.revision + 1 };
}
