import type { DeadLetter, JournalEntry } from '../model/journal.ts';
import type { Verdict } from '../model/sink.ts';

/** What a lane keeps of a row that is under way: not the row itself, which the journal has. */
type Row = Pick<JournalEntry, 'seq' | 'recordId' | 'eventId'>;

/** A batch under way, and what of it has no end yet. */
export interface Flight {
  readonly rows: readonly Row[];
  /** Newest event time among them. */
  readonly throughMs: number;
  /** The rows themselves until they are sent for the first time; to send some again they are read again. */
  entries: readonly JournalEntry[] | undefined;
  /** Without an end yet, ascending. */
  open: readonly number[];
  done: Promise<void>;
  /** Attempts in a row that brought nothing. Another batch that goes through does not mend this one. */
  attempt: number;
  trouble: string | undefined;
}

export function newFlight(batch: readonly JournalEntry[]): Flight {
  let throughMs = 0;
  for (const { eventMs } of batch) throughMs = Math.max(throughMs, eventMs);
  return {
    rows: batch.map(({ seq, recordId, eventId }) => ({ seq, recordId, eventId })),
    throughMs,
    entries: batch,
    open: batch.map(({ seq }) => seq),
    done: Promise.resolve(),
    attempt: 0,
    trouble: undefined,
  };
}

/** The last row of the prefix that has an end, once `open` is what is left of `flight`. */
export function acknowledgedPrefix(
  flights: readonly Flight[],
  cursor: number,
  flight: Flight,
  open: readonly number[],
): number {
  let prefix = cursor;
  for (const other of flights) {
    const [firstOpen] = other === flight ? open : other.open;
    for (const { seq } of other.rows) {
      if (firstOpen !== undefined && seq >= firstOpen) return prefix;
      prefix = Math.max(prefix, seq);
    }
  }
  return prefix;
}

export function deadLettersOf(flight: Flight, verdict: Verdict, lane: string, atMs: number): DeadLetter[] {
  if (verdict.rejected.length === 0) return [];
  const bySeq = new Map(flight.rows.map((row) => [row.seq, row]));
  return verdict.rejected.flatMap(({ seq, reason }) => {
    const row = bySeq.get(seq);
    return row === undefined ? [] : [{ lane, ...row, reason, atMs }];
  });
}
