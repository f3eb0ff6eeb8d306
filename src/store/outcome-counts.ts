import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { OutcomeCount } from '../model/journal.ts';
import { numberIn, optionalNumberIn, type Row, textIn } from './row.ts';
import { textHash } from './text-hash.ts';

/** Longest span of event time that one statement reads: a long statement keeps the log from being checkpointed. */
const SLICE_MS = 3_600_000;

/** A span of event time, the end left out. */
export interface EventSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A record whose earlier revisions are in an earlier file. */
export interface RevisedRecord {
  readonly recordId: string;
  /** Of the event that the revision tells. */
  readonly eventMs: number;
}

/** Records by API, stage and outcome. */
export class OutcomeTally {
  readonly #counts = new Map<string, OutcomeCount>();

  /** `facet` is a row of table `facet`; facets tell decisions apart, outcomes do not. */
  add(facet: Row, records: number): void {
    const [apiName, stage, apiId] = [
      textIn(facet, 'api_name'),
      textIn(facet, 'stage'),
      textIn(facet, 'api_id'),
    ];
    const outcome = textIn(facet, 'kind') === 'unparsed' ? 'unparsed' : textIn(facet, 'outcome');
    this.#add([apiName, stage, apiId, outcome].join('\n'), { apiId, apiName, stage, outcome, records });
  }

  addAll(other: OutcomeTally): void {
    for (const [key, count] of other.#counts) this.#add(key, count);
  }

  /** Ordered by the name of the API, stage, API and outcome. */
  counts(): readonly OutcomeCount[] {
    const keys = [...this.#counts.keys()].sort();
    const counts = keys.flatMap((key) => this.#counts.get(key) ?? []);
    return counts.filter(({ records }) => records > 0);
  }

  #add(key: string, count: OutcomeCount): void {
    const before = this.#counts.get(key)?.records ?? 0;
    this.#counts.set(key, { ...count, records: before + count.records });
  }
}

/** What one file of the trail tells of how requests were joined. */
export class FileOutcomes {
  readonly #db: DatabaseSync;
  readonly #afterSeq: number;
  readonly #facets: readonly Row[];
  readonly #next: StatementSync;
  readonly #rowsOf: StatementSync;

  /** Rows up to `afterSeq` are not this file's any more. */
  constructor(db: DatabaseSync, afterSeq = 0) {
    this.#db = db;
    this.#afterSeq = afterSeq;
    this.#facets = db.prepare("SELECT * FROM facet WHERE stream = 'records'").all();
    this.#next = db.prepare(
      'SELECT min(event_ms) AS ms FROM record WHERE facet = ? AND event_ms >= ? AND event_ms < ?',
    );
    this.#rowsOf = db.prepare(
      `SELECT facet.*, event_ms, record_id, revision > 0 AND json_extract(body, '$.supersededBy') IS NOT NULL AS moved
         FROM record JOIN facet ON facet.id = record.facet WHERE record_hash = ? ORDER BY slot DESC`,
    );
  }

  /**
   * Counts the newest revisions that the file has of the records of a span. An invocation that was taken over by its
   * request is told there.
   */
  count(span: EventSpan, tally: OutcomeTally): void {
    const count = this.#db.prepare(
      `SELECT count(*) AS records FROM record AS own
         WHERE facet = ? AND event_ms >= ? AND event_ms < ? AND seq > ?
           AND NOT EXISTS (SELECT 1 FROM record AS newer WHERE newer.record_hash = own.record_hash
                             AND newer.slot > own.slot AND newer.record_id = own.record_id)
           AND (revision = 0 OR json_extract(body, '$.supersededBy') IS NULL)`,
    );
    for (const { facet, id, fromMs, toMs } of this.#slices(span)) {
      tally.add(facet, numberIn(count.get(id, fromMs, toMs, this.#afterSeq) ?? {}, 'records'));
    }
  }

  /** Records of a span whose first row in this file is not their first revision, slice by slice. */
  *revised(span: EventSpan): Generator<readonly RevisedRecord[]> {
    const read = this.#db.prepare(
      `SELECT record_id, event_ms FROM record AS own
         WHERE facet = ? AND event_ms >= ? AND event_ms < ? AND seq > ? AND revision > 0
           AND NOT EXISTS (SELECT 1 FROM record AS older WHERE older.record_hash = own.record_hash
                             AND older.slot < own.slot AND older.record_id = own.record_id AND older.seq > ?)`,
    );
    for (const { id, fromMs, toMs } of this.#slices(span)) {
      const rows = read.all(id, fromMs, toMs, this.#afterSeq, this.#afterSeq);
      yield rows.map((row) => ({ recordId: textIn(row, 'record_id'), eventMs: numberIn(row, 'event_ms') }));
    }
  }

  /** Takes back what was counted for a record, because a later file revises it. False when this file has none of it. */
  takeBack(recordId: string, span: EventSpan, tally: OutcomeTally): boolean {
    const rows = this.#rowsOf.all(textHash(recordId));
    const newest = rows.find((row) => textIn(row, 'record_id') === recordId);
    if (newest === undefined) return false;
    const eventMs = numberIn(newest, 'event_ms');
    const isCounted = eventMs >= span.fromMs && eventMs < span.toMs && numberIn(newest, 'moved') === 0;
    if (isCounted) tally.add(newest, -1);
    return true;
  }

  /** The parts of a span in which each facet has rows; stretches without any cost one look-up. */
  *#slices({ fromMs, toMs }: EventSpan) {
    for (const facet of this.#facets) {
      const id = numberIn(facet, 'id');
      for (let at = fromMs; ; ) {
        const next = optionalNumberIn(this.#next.get(id, at, toMs) ?? { ms: null }, 'ms');
        if (next === undefined) break;
        at = Math.min(next + SLICE_MS, toMs);
        yield { facet, id, fromMs: next, toMs: at };
      }
    }
  }
}
