import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../../core/errors.ts';
import { numberIn, type Row, textIn } from '../row.ts';

/** `lost`: in a journal that was damaged. `dropped`: given up for room. Both stand with a gap record and have no file. */
export type SegmentState = 'sealed' | 'archived' | 'dropped' | 'lost';

/** An unbroken span of rows that are no longer in the live file. */
export interface Segment {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly state: SegmentState;
  /** Sealed: its name in the folder of segments. Archived: its path. Else where it was. */
  readonly file: string;
  /** Of the whole file, lower-case hexadecimal; empty when lost. */
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  readonly minEventMs: number;
  readonly maxEventMs: number;
  /** When it came into this state. */
  readonly changedMs: number;
}

/** Every segment, oldest first. */
export function readSegments(db: DatabaseSync): readonly Segment[] {
  return db.prepare('SELECT * FROM segment ORDER BY first_seq').all().map(segmentOf);
}

/** The last row that a segment holds or held; 0 before the first. New rows are numbered after it. */
export function lastSegmentedSeq(db: DatabaseSync): number {
  const row = db.prepare('SELECT coalesce(max(last_seq), 0) AS seq FROM segment').get() ?? {};
  return numberIn(row, 'seq');
}

/** Inside a transaction; one that starts at the same row is replaced. */
export function putSegment(db: DatabaseSync, segment: Segment): void {
  const { firstSeq, lastSeq, state, file, sha256, bytes, rows, minEventMs, maxEventMs, changedMs } = segment;
  db.prepare(
    `INSERT OR REPLACE INTO segment
       (first_seq, last_seq, state, file, sha256, bytes, row_count, min_event_ms, max_event_ms, changed_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(firstSeq, lastSeq, state, file, sha256, bytes, rows, minEventMs, maxEventMs, changedMs);
}

function segmentOf(row: Row): Segment {
  return {
    firstSeq: numberIn(row, 'first_seq'),
    lastSeq: numberIn(row, 'last_seq'),
    state: stateOf(textIn(row, 'state')),
    file: textIn(row, 'file'),
    sha256: textIn(row, 'sha256'),
    bytes: numberIn(row, 'bytes'),
    rows: numberIn(row, 'row_count'),
    minEventMs: numberIn(row, 'min_event_ms'),
    maxEventMs: numberIn(row, 'max_event_ms'),
    changedMs: numberIn(row, 'changed_ms'),
  };
}

function stateOf(text: string): SegmentState {
  if (text === 'sealed' || text === 'archived' || text === 'dropped' || text === 'lost') return text;
  throw new GatewatchError('journal_corrupt', `Expected the state of a segment in the journal, got ${text}.`);
}
