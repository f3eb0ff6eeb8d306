import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import type { JournalEntry, RowOrigin, RowSpan, StreamName } from '../model/journal.ts';
import { isStreamName, StoredEntry } from './journal-entry.ts';
import { numberIn, type Row, textIn } from './row.ts';
import { textHash } from './text-hash.ts';

/** Rows of the trail by `seq`, by stream and by record id. */
export class RecordReader {
  readonly #runs: StatementSync;
  readonly #runsOfOrigin: StatementSync;
  readonly #runsOfSpan: StatementSync;
  readonly #range: StatementSync;
  readonly #rangeOfSpan: StatementSync;
  readonly #byRecord: StatementSync;
  readonly #newerSlots: StatementSync;
  readonly #bySeq: StatementSync;
  readonly #lastSeq: StatementSync;

  constructor(db: DatabaseSync) {
    const columns = 'r.seq, r.record_id, r.event_id, r.revision, r.event_ms, r.body';
    this.#runs = db.prepare(
      'SELECT first_seq, last_seq FROM stream_run WHERE stream = ? AND last_seq > ? ORDER BY last_seq LIMIT ?',
    );
    this.#runsOfOrigin = db.prepare(
      `SELECT first_seq, last_seq FROM stream_run WHERE stream = ? AND origin = ? AND last_seq > ?
         ORDER BY last_seq LIMIT ?`,
    );
    this.#runsOfSpan = db.prepare(
      `SELECT first_seq, last_seq FROM stream_run WHERE stream = ? AND last_seq > ? AND first_seq <= ?
         AND max_event_ms >= ? AND min_event_ms < ? ORDER BY last_seq`,
    );
    this.#rangeOfSpan = db.prepare(
      `SELECT ${columns} FROM record r WHERE r.seq BETWEEN ? AND ? AND r.event_ms >= ? AND r.event_ms < ?
         ORDER BY r.seq LIMIT ?`,
    );
    this.#range = db.prepare(`SELECT ${columns} FROM record r WHERE r.seq BETWEEN ? AND ? ORDER BY r.seq`);
    this.#byRecord = db.prepare(
      'SELECT seq, record_id, event_id, revision FROM record WHERE record_hash = ? ORDER BY slot DESC',
    );
    this.#newerSlots = db.prepare('SELECT record_id FROM record WHERE record_hash = ? AND slot > ?');
    this.#bySeq = db.prepare(
      `SELECT ${columns}, r.record_hash, r.slot, f.stream FROM record r JOIN facet f ON f.id = r.facet WHERE r.seq = ?`,
    );
    this.#lastSeq = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM record');
  }

  lastSeq(): number {
    return numberIn(this.#lastSeq.get() ?? {}, 'seq');
  }

  /** Rows of a stream in `seq` order; without an origin of any. The last one is that which reaches `maxBytes`. */
  readStream(
    stream: StreamName,
    afterSeq: number,
    limit: number,
    origin?: RowOrigin,
    maxBytes = Number.POSITIVE_INFINITY,
  ): readonly JournalEntry[] {
    const runs =
      origin === undefined
        ? this.#runs.all(stream, afterSeq, limit)
        : this.#runsOfOrigin.all(stream, origin, afterSeq, limit);
    const entries: JournalEntry[] = [];
    let bytes = 0;
    for (const run of runs) {
      const room = limit - entries.length;
      if (room <= 0) break;
      const first = Math.max(numberIn(run, 'first_seq'), afterSeq + 1);
      const last = Math.min(numberIn(run, 'last_seq'), first + room - 1);
      for (const row of this.#range.iterate(first, last)) {
        const entry = new StoredEntry(row, stream);
        entries.push(entry);
        bytes += entry.body.length;
        if (bytes >= maxBytes) return entries;
      }
    }
    return entries;
  }

  /** Rows of a stream and a span of event time, in `seq` order. */
  readSpan(span: RowSpan, limit: number): readonly JournalEntry[] {
    const { stream, afterSeq, throughSeq, fromMs, toMs } = span;
    const entries: JournalEntry[] = [];
    for (const run of this.#runsOfSpan.iterate(stream, afterSeq, throughSeq, fromMs, toMs)) {
      const first = Math.max(numberIn(run, 'first_seq'), afterSeq + 1);
      const last = Math.min(numberIn(run, 'last_seq'), throughSeq);
      for (const row of this.#rangeOfSpan.iterate(first, last, fromMs, toMs, limit - entries.length))
        entries.push(new StoredEntry(row, stream));
      if (entries.length >= limit) break;
    }
    return entries;
  }

  /** The newest row of a record id, without its body. */
  newest(
    recordId: string,
  ): { readonly seq: number; readonly eventId: string; readonly revision: number } | undefined {
    const row = this.#byRecord.all(textHash(recordId)).find((one) => textIn(one, 'record_id') === recordId);
    if (row === undefined) return undefined;
    return {
      seq: numberIn(row, 'seq'),
      eventId: textIn(row, 'event_id'),
      revision: numberIn(row, 'revision'),
    };
  }

  /** One row and whether a newer revision of its record is stored. */
  at(seq: number): { readonly entry: JournalEntry; readonly isSuperseded: () => boolean } | undefined {
    const row = this.#bySeq.get(seq);
    if (row === undefined) return undefined;
    const entry = new StoredEntry(row, streamIn(row));
    const isSuperseded = () =>
      this.#newerSlots
        .all(numberIn(row, 'record_hash'), numberIn(row, 'slot'))
        .some((newer) => textIn(newer, 'record_id') === entry.recordId);
    return { entry, isSuperseded };
  }
}

function streamIn(row: Row): StreamName {
  const stream = textIn(row, 'stream');
  if (isStreamName(stream)) return stream;
  throw new GatewatchError('journal_corrupt', `Expected a stream name in the journal, got ${stream}`);
}
