import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import type {
  DeadLetter,
  DeadLetterStatus,
  LaneAck,
  LetterChoice,
  StoredDeadLetter,
} from '../model/journal.ts';
import { numberIn, optionalNumberIn, optionalTextIn, type Row, textIn } from './row.ts';

type Retried = NonNullable<LaneAck['retried']>;

/** What destinations refused for good, what a retry made of it, and what a person gave up. Writing half. */
export class DeadLetterWriter {
  readonly #refuse: StatementSync;
  readonly #refuseAgain: StatementSync;
  readonly #deliver: StatementSync;
  readonly #drop: StatementSync;

  constructor(db: DatabaseSync) {
    this.#refuse = db.prepare(
      `INSERT INTO dead_letter (lane, seq, record_id, event_id, reason, at_ms) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (lane, seq) DO UPDATE SET reason = excluded.reason, at_ms = excluded.at_ms`,
    );
    this.#refuseAgain = db.prepare(
      'UPDATE dead_letter SET attempts = attempts + 1, reason = ?3, at_ms = ?4 WHERE lane = ?1 AND seq = ?2',
    );
    this.#deliver = db.prepare(
      `UPDATE dead_letter SET attempts = attempts + 1, status = 'delivered', ended_ms = ?3, ended_order = ?4
         WHERE lane = ?1 AND seq = ?2`,
    );
    this.#drop = db.prepare(
      `UPDATE dead_letter SET status = 'dropped', ended_note = ?4, ended_ms = ?5, ended_order = ?6
         WHERE lane = ?1 AND status = 'refused' AND at_ms <= ?2 AND (?3 IS NULL OR seq = ?3)`,
    );
  }

  /** Inside a transaction. */
  refused(letters: readonly DeadLetter[]): void {
    for (const { lane, seq, recordId, eventId, reason, atMs } of letters)
      this.#refuse.run(lane, seq, recordId, eventId, reason.toWellFormed(), atMs);
  }

  /** Inside a transaction. */
  retried({ order, letters }: Retried, nowMs: number): void {
    for (const { lane, seq, refused } of letters) {
      if (refused === undefined) this.#deliver.run(lane, seq, nowMs, order);
      else this.#refuseAgain.run(lane, seq, refused.toWellFormed(), nowMs);
    }
  }

  /** Inside a transaction. Returns how many it was. */
  drop(
    { lane, seq, untilMs }: LetterChoice,
    { order, reason, nowMs }: { readonly order: string; readonly reason: string; readonly nowMs: number },
  ): number {
    const { changes } = this.#drop.run(lane, untilMs, seq ?? null, reason.toWellFormed(), nowMs, order);
    return Number(changes);
  }
}

export function readDeadLetters(db: DatabaseSync, lane: string | undefined): readonly StoredDeadLetter[] {
  const rows = db
    .prepare(
      `SELECT d.*, o.placed_by FROM dead_letter d LEFT JOIN orders o ON o.id = d.ended_order
         WHERE ?1 IS NULL OR d.lane = ?1 ORDER BY d.lane, d.seq`,
    )
    .all(lane ?? null);
  return rows.map((row) => {
    const ended = endOf(row);
    return {
      lane: textIn(row, 'lane'),
      seq: numberIn(row, 'seq'),
      recordId: textIn(row, 'record_id'),
      eventId: textIn(row, 'event_id'),
      reason: textIn(row, 'reason'),
      atMs: numberIn(row, 'at_ms'),
      status: statusOf(textIn(row, 'status')),
      attempts: numberIn(row, 'attempts'),
      ...(ended !== undefined && { ended }),
    };
  });
}

function endOf(row: Row): StoredDeadLetter['ended'] {
  const atMs = optionalNumberIn(row, 'ended_ms');
  if (atMs === undefined) return undefined;
  const by = optionalTextIn(row, 'placed_by');
  const note = optionalTextIn(row, 'ended_note');
  return {
    atMs,
    order: textIn(row, 'ended_order'),
    ...(by !== undefined && { by }),
    ...(note !== undefined && { note }),
  };
}

const STATUSES: Readonly<Record<string, DeadLetterStatus>> = {
  refused: 'refused',
  delivered: 'delivered',
  dropped: 'dropped',
};

export function statusOf(text: string): DeadLetterStatus {
  const status = STATUSES[text];
  if (status !== undefined) return status;
  throw new GatewatchError(
    'journal_corrupt',
    `Expected the status of a dead letter in the journal, got ${text.slice(0, 80)}`,
  );
}
