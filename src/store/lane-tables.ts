import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import type { LaneAck, LaneId, LaneState } from '../model/journal.ts';
import { type DeadLetterWriter, statusOf } from './dead-letter-table.ts';
import { numberIn, optionalNumberIn, optionalTextIn, type Row, textIn } from './row.ts';

/**
 * A lane with what is still before it: `pending` rows of its stream and class after the cursor, and the oldest event time
 * among the commits that hold them. A replay has none by this count.
 */
const LANES = `
  SELECT l.*,
    (SELECT coalesce(sum(s.last_seq - max(s.first_seq - 1, l.cursor)), 0) FROM stream_run s
      WHERE s.stream = l.stream AND s.origin = l.class AND s.last_seq > l.cursor) AS pending,
    (SELECT min(s.min_event_ms) FROM stream_run s
      WHERE s.stream = l.stream AND s.origin = l.class AND s.last_seq > l.cursor) AS oldest_ms
  FROM lane l`;

/** Delivery state per lane: cursor, counts, what was refused or given up. Writing half. */
export class LaneWriter {
  readonly #create: StatementSync;
  readonly #select: StatementSync;
  readonly #advance: StatementSync;
  readonly #deadLetters: DeadLetterWriter;
  readonly #undelivered: StatementSync;
  readonly #held: StatementSync;

  constructor(db: DatabaseSync, deadLetters: DeadLetterWriter) {
    this.#deadLetters = deadLetters;
    this.#create = db.prepare(
      `INSERT INTO lane (name, sink, stream, class, cursor)
         VALUES (?, ?, ?, ?, coalesce((SELECT max(last_seq) FROM segment WHERE state = 'lost'), 0))
         ON CONFLICT (name) DO NOTHING`,
    );
    this.#select = db.prepare(`${LANES} WHERE l.name = ?`);
    this.#advance = db.prepare(
      `UPDATE lane SET cursor = max(cursor, ?2), accepted = accepted + ?3, rejected = rejected + ?4,
         rejected_unknown = rejected_unknown + ?5, expired = expired + ?6, filtered = filtered + ?7,
         through_ms = max(through_ms, coalesce((SELECT max(s.max_event_ms) FROM stream_run s
           WHERE s.stream = lane.stream AND s.origin = lane.class AND s.last_seq > lane.cursor AND s.last_seq <= ?2), 0))
       WHERE name = ?1`,
    );
    this.#undelivered = db.prepare(
      'INSERT INTO undelivered (lane, first_seq, last_seq, status, reason, seqs) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#held = db.prepare('UPDATE lane SET held_reason = ? WHERE name = ?');
  }

  /** The lane's state; a new one starts before the first row, or after a loss, where nobody knows what it delivered. */
  open(id: LaneId): LaneState {
    this.#create.run(id.name, id.sink, id.stream, id.class);
    const row = this.#select.get(id.name) ?? {};
    if (textIn(row, 'sink') === id.sink && textIn(row, 'stream') === id.stream) return laneStateOf(row);
    throw new GatewatchError(
      'lane_name_taken',
      `Expected lane ${id.name} to be ${id.sink} × ${id.stream}, got ${textIn(row, 'sink')} × ${textIn(row, 'stream')} in the journal.`,
    );
  }

  /** Inside a transaction. */
  acknowledge(ack: LaneAck): void {
    const { accepted, rejected, rejectedUnknown, expired, filtered } = ack.counts;
    const { changes } = this.#advance.run(
      ack.lane,
      ack.cursor,
      accepted,
      rejected,
      rejectedUnknown,
      expired,
      filtered,
    );
    if (changes === 0) throw unknownLane(ack.lane);
    this.#deadLetters.refused(ack.deadLetters);
    if (ack.retried !== undefined) this.#deadLetters.retried(ack.retried, ack.nowMs);
    for (const [reason, seqs] of seqsByReason(ack.expired)) this.#giveUp(ack.lane, 'expired', reason, seqs);
    this.#giveUp(ack.lane, 'filtered', 'left out by the filter of the sink', ack.filtered ?? []);
  }

  setHeld(lane: string, reason: string | undefined): void {
    const { changes } = this.#held.run(reason ?? null, lane);
    if (changes === 0) throw unknownLane(lane);
  }

  #giveUp(lane: string, status: string, reason: string, seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    const { first, last } = boundsOf(seqs);
    this.#undelivered.run(lane, first, last, status, reason.toWellFormed(), JSON.stringify(seqs));
  }
}

export function readLanes(db: DatabaseSync): readonly LaneState[] {
  return db.prepare(`${LANES} ORDER BY l.name`).all().map(laneStateOf);
}

export interface Delivery {
  readonly lane: string;
  readonly status: 'delivered' | 'pending' | 'rejected' | 'dropped' | 'expired' | 'filtered';
  readonly reason?: string;
}

/** What became of one row in each lane of its stream and class. */
export function readDeliveries(db: DatabaseSync, seq: number): readonly Delivery[] {
  const lanes = db.prepare(
    `SELECT l.name, l.cursor, l.held_reason, d.reason AS refusal, d.status AS letter, d.ended_note FROM lane l
       LEFT JOIN dead_letter d ON d.lane = l.name AND d.seq = ?1
       WHERE (SELECT s.first_seq FROM stream_run s WHERE s.stream = l.stream AND s.origin = l.class AND s.last_seq >= ?1
         ORDER BY s.last_seq LIMIT 1) <= ?1
       ORDER BY l.name`,
  );
  const givenUp = db.prepare(
    `SELECT status, reason FROM undelivered WHERE lane = ?1 AND last_seq >= ?2 AND first_seq <= ?2
       AND EXISTS (SELECT 1 FROM json_each(seqs) WHERE value = ?2) LIMIT 1`,
  );
  return lanes.all(seq).map((lane) => deliveryOf(lane, seq, givenUp.get(textIn(lane, 'name'), seq)));
}

function deliveryOf(lane: Row, seq: number, givenUp: Row | undefined): Delivery {
  const name = textIn(lane, 'name');
  const refusal = optionalTextIn(lane, 'refusal');
  if (refusal !== undefined) return { lane: name, ...endOfRefused(lane, refusal) };
  if (givenUp !== undefined) {
    const status = textIn(givenUp, 'status') === 'expired' ? 'expired' : 'filtered';
    return { lane: name, status, reason: textIn(givenUp, 'reason') };
  }
  if (numberIn(lane, 'cursor') >= seq) return { lane: name, status: 'delivered' };
  const held = optionalTextIn(lane, 'held_reason');
  return { lane: name, status: 'pending', ...(held !== undefined && { reason: held }) };
}

function endOfRefused(lane: Row, refusal: string): Pick<Delivery, 'status' | 'reason'> {
  switch (statusOf(textIn(lane, 'letter'))) {
    case 'refused':
      return { status: 'rejected', reason: refusal };
    case 'delivered':
      return { status: 'delivered', reason: `when it was tried again; at first: ${refusal}` };
    case 'dropped':
      return { status: 'dropped', reason: `${textIn(lane, 'ended_note')}; refused: ${refusal}` };
  }
}

function laneStateOf(row: Row): LaneState {
  const heldReason = optionalTextIn(row, 'held_reason');
  const oldestPendingMs = optionalNumberIn(row, 'oldest_ms');
  return {
    lane: textIn(row, 'name'),
    class: classOf(textIn(row, 'class')),
    cursor: numberIn(row, 'cursor'),
    throughMs: numberIn(row, 'through_ms'),
    accepted: numberIn(row, 'accepted'),
    rejected: numberIn(row, 'rejected'),
    rejectedUnknown: numberIn(row, 'rejected_unknown'),
    expired: numberIn(row, 'expired'),
    filtered: numberIn(row, 'filtered'),
    pending: numberIn(row, 'pending'),
    ...(oldestPendingMs !== undefined && { oldestPendingMs }),
    ...(heldReason !== undefined && { heldReason }),
  };
}

function classOf(text: string): LaneId['class'] {
  if (text === 'live' || text === 'backfill' || text === 'replay') return text;
  throw new GatewatchError('journal_corrupt', `Expected a class of lane in the journal, got ${text}`);
}

function seqsByReason(rows: LaneAck['expired']): ReadonlyMap<string, readonly number[]> {
  const byReason = Map.groupBy(rows, ({ reason }) => reason);
  return new Map([...byReason].map(([reason, group]) => [reason, group.map(({ seq }) => seq)]));
}

function boundsOf(seqs: readonly number[]): { readonly first: number; readonly last: number } {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const seq of seqs) {
    first = Math.min(first, seq);
    last = Math.max(last, seq);
  }
  return { first, last };
}

function unknownLane(lane: string): GatewatchError {
  return new GatewatchError('unknown_lane', `Expected a lane that was opened before, got ${lane}.`);
}
