import type { JournalRecord } from '../model/journal.ts';
import type { Window } from '../model/source-event.ts';
import { logUnitOf } from './topology.ts';

/** A span of the past that is read on order: lines of it wait for its own progress, not for live reading. */
export interface PastReading extends Window {
  /** Records of events before this time travel in backfill lanes; younger ones are live reading's, whoever reads them. */
  readonly liveFromMs: number;
  /** Event time through which the unit was read for it; undefined for a unit that takes no part. */
  throughOf(unit: string): number | undefined;
}

/** A line is due up to this long after its event time: the longest request and some slack, milliseconds. */
export const PAST_TAIL_MS = 60_000;

/**
 * Ids of the records that travel in backfill lanes: their event lies in the span of an order under way, of a unit that
 * the order reads, and before the time that is live reading's. Told by the record alone, not by who released it: a poll
 * can let go of a line that a backfill brought, and the other way round. `unit` is where metric records come from.
 */
export function backfilledAmong(
  records: readonly JournalRecord[],
  unit: string,
  past: readonly PastReading[],
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const record of records) {
    const [part] = 'parts' in record ? record.parts : [];
    const origin = part === undefined ? unit : logUnitOf(part);
    if (past.some((reading) => isOf(reading, origin, record.eventMs))) found.add(record.recordId);
  }
  return found;
}

/** A request begins before its line is written: one of the span may lie a little before it. */
function isOf(reading: PastReading, unit: string, eventMs: number): boolean {
  if (reading.throughOf(unit) === undefined) return false;
  return eventMs >= reading.fromMs - PAST_TAIL_MS && eventMs < Math.min(reading.toMs, reading.liveFromMs);
}
