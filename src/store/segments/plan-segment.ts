import type { DatabaseSync } from 'node:sqlite';
import type { SealSettings } from '../../model/journal-upkeep.ts';
import { numberIn, optionalNumberIn, type Row } from '../row.ts';
import type { SeqSpan } from './segment-file.ts';
import { lastSegmentedSeq } from './segment-table.ts';

const DAY_MS = 86_400_000;
/** What a row takes beside its body, as in the queue's size. */
const ROW_OVERHEAD_BYTES = 450;

/** Rows to be sealed together. */
export interface SegmentPlan extends SeqSpan {
  readonly minEventMs: number;
  readonly maxEventMs: number;
}

/**
 * The next rows to be sealed, from the first that is not: of a day that has ended `sealAfterMs` ago, stored that long ago,
 * and acknowledged in every lane of this worker. Ends where a commit ends. `undefined` when there are none yet.
 */
export function planSegment(
  db: DatabaseSync,
  lanes: readonly string[],
  settings: SealSettings,
  nowMs: number,
): SegmentPlan | undefined {
  const firstSeq = lastSegmentedSeq(db) + 1;
  const before = nowMs - settings.sealAfterMs;
  const limit = Math.min(storedBy(db, before), deliveredThrough(db, lanes));
  if (limit < firstSeq) return undefined;
  const runs = db.prepare(
    `SELECT first_seq, last_seq, min_event_ms, max_event_ms, bytes FROM stream_run
       WHERE first_seq BETWEEN ? AND ? ORDER BY first_seq`,
  );
  const chosen = chooseRuns(runs.iterate(firstSeq, limit), limit, before, settings.segmentBytes);
  return chosen === undefined ? undefined : atCommitEnd(db, { firstSeq, ...chosen });
}

/** Takes runs while they are old enough, of the first day, and fit. */
function chooseRuns(runs: Iterable<Row>, limit: number, beforeMs: number, mostBytes: number) {
  const cutoffMs = Math.floor(beforeMs / DAY_MS) * DAY_MS;
  let chosen: { lastSeq: number; minEventMs: number; maxEventMs: number } | undefined;
  let bytes = 0;
  for (const run of runs) {
    const first = numberIn(run, 'first_seq');
    const lastSeq = numberIn(run, 'last_seq');
    const [minMs, maxMs] = [numberIn(run, 'min_event_ms'), numberIn(run, 'max_event_ms')];
    bytes += numberIn(run, 'bytes') + (lastSeq - first + 1) * ROW_OVERHEAD_BYTES;
    if (lastSeq > limit || maxMs >= cutoffMs) break;
    if (chosen !== undefined && (bytes > mostBytes || minMs >= dayEndOf(chosen.minEventMs))) break;
    chosen = {
      lastSeq,
      minEventMs: Math.min(minMs, chosen?.minEventMs ?? minMs),
      maxEventMs: Math.max(maxMs, chosen?.maxEventMs ?? maxMs),
    };
  }
  return chosen;
}

function dayEndOf(ms: number): number {
  return (Math.floor(ms / DAY_MS) + 1) * DAY_MS;
}

/** What finds event ids is packed per commit and must not be cut in two. */
function atCommitEnd(db: DatabaseSync, plan: SegmentPlan): SegmentPlan | undefined {
  const whole = db.prepare(
    `SELECT CASE WHEN EXISTS (SELECT 1 FROM record WHERE seq > ?1)
       THEN (SELECT max(first_seq) - 1 FROM event_chunk WHERE first_seq <= ?1 + 1) ELSE ?1 END AS seq`,
  );
  const lastSeq = optionalNumberIn(whole.get(plan.lastSeq) ?? { seq: null }, 'seq') ?? 0;
  return lastSeq < plan.firstSeq ? undefined : { ...plan, lastSeq };
}

/** The last row that was stored by then, by the marks of that time; 0 when none is that old. */
function storedBy(db: DatabaseSync, ms: number): number {
  const row = db.prepare('SELECT coalesce(max(last_seq), 0) AS seq FROM usage_mark WHERE at_ms <= ?').get(ms);
  return numberIn(row ?? {}, 'seq');
}

/** Before the first row that some lane still has to deliver. Replays read segments, so they hold nothing up. */
function deliveredThrough(db: DatabaseSync, lanes: readonly string[]): number {
  const waiting = db.prepare(
    `SELECT max(s.first_seq, l.cursor + 1) AS seq FROM lane l JOIN stream_run s
       ON s.stream = l.stream AND s.origin = l.class AND s.last_seq > l.cursor
       WHERE l.name = ? ORDER BY s.last_seq LIMIT 1`,
  );
  let through = Number.MAX_SAFE_INTEGER;
  for (const name of lanes) {
    const row = waiting.get(name);
    if (row !== undefined) through = Math.min(through, numberIn(row, 'seq') - 1);
  }
  return through;
}
