import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { Order, OrderState } from '../model/order.ts';
import { isStreamName } from './journal-entry.ts';
import { numberIn, optionalNumberIn, optionalTextIn, type Row, textIn } from './row.ts';

/** Every order, oldest first. */
export function readOrders(db: DatabaseSync): readonly Order[] {
  return db.prepare('SELECT * FROM orders ORDER BY created_ms, id').all().map(orderOf);
}

/** Inside a transaction. */
export function insertOrder(db: DatabaseSync, order: Order): void {
  const { id, kind, asked, createdMs, by, state, progress, message } = order;
  const { fromMs, toMs, unit, callsPerSecond, detail } = partsOf(order);
  db.prepare(
    `INSERT INTO orders (id, kind, from_ms, to_ms, unit, calls_per_second, asked, created_ms, state, progress, message,
       placed_by, detail)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    id,
    kind,
    fromMs,
    toMs,
    unit ?? null,
    callsPerSecond ?? null,
    asked,
    createdMs,
    state,
    JSON.stringify(progress),
    message ?? null,
    by?.toWellFormed() ?? null,
    detail === undefined ? null : JSON.stringify(detail),
  );
}

/** Inside a transaction. Throws `unknown_order` for one that was never placed. */
export function updateOrder(db: DatabaseSync, { id, state, progress, message }: Order): void {
  const { changes } = db
    .prepare('UPDATE orders SET state = ?, progress = ?, message = ? WHERE id = ?')
    .run(state, JSON.stringify(progress), message?.toWellFormed() ?? null, id);
  if (changes === 0)
    throw new GatewatchError('unknown_order', `Expected an order that was placed before, got ${id}.`);
}

/** What only some kinds of order have: in columns for a backfill, as JSON in `detail` for the others. */
interface OrderParts {
  readonly fromMs: number;
  readonly toMs: number;
  readonly unit?: string | undefined;
  readonly callsPerSecond?: number | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

function partsOf(order: Order): OrderParts {
  switch (order.kind) {
    case 'backfill': {
      const { fromMs, toMs, unit, callsPerSecond } = order;
      return { fromMs, toMs, unit, callsPerSecond };
    }
    case 'replay': {
      const { fromMs, toMs, sink, stream, rows, throughSeq, rowsPerSecond } = order;
      return { fromMs, toMs, detail: { sink, stream, rows, throughSeq, rowsPerSecond } };
    }
    case 'retry': {
      const { lane, seq } = order;
      return { fromMs: 0, toMs: 0, detail: { lane, seq } };
    }
    case 'drop': {
      const { lane, seq, reason } = order;
      return { fromMs: 0, toMs: 0, detail: { lane, seq, reason: reason.toWellFormed() } };
    }
  }
}

function orderOf(row: Row): Order {
  const message = optionalTextIn(row, 'message');
  const by = optionalTextIn(row, 'placed_by');
  const base = {
    id: textIn(row, 'id'),
    asked: textIn(row, 'asked'),
    createdMs: numberIn(row, 'created_ms'),
    state: stateOf(textIn(row, 'state')),
    progress: progressOf(textIn(row, 'progress')),
    ...(by !== undefined && { by }),
    ...(message !== undefined && { message }),
  };
  const kind = textIn(row, 'kind');
  switch (kind) {
    case 'backfill':
      return { ...base, kind, ...spanOf(row), ...backfillOf(row) };
    case 'replay':
      return { ...base, kind, ...spanOf(row), ...replayOf(row) };
    case 'retry':
      return { ...base, kind, ...lettersOf(new Detail(row)) };
    case 'drop': {
      const detail = new Detail(row);
      return { ...base, kind, ...lettersOf(detail), reason: detail.text('reason') };
    }
    default:
      throw unreadable('an order kind', kind);
  }
}

function spanOf(row: Row) {
  return { fromMs: numberIn(row, 'from_ms'), toMs: numberIn(row, 'to_ms') };
}

function backfillOf(row: Row) {
  const unit = optionalTextIn(row, 'unit');
  const callsPerSecond = optionalNumberIn(row, 'calls_per_second');
  return { ...(unit !== undefined && { unit }), ...(callsPerSecond !== undefined && { callsPerSecond }) };
}

function replayOf(row: Row) {
  const detail = new Detail(row);
  const stream = detail.text('stream');
  if (!isStreamName(stream)) throw unreadable('a stream name in an order', stream);
  const rowsPerSecond = detail.optionalNumber('rowsPerSecond');
  return {
    sink: detail.text('sink'),
    stream,
    rows: detail.number('rows'),
    throughSeq: detail.number('throughSeq'),
    ...(rowsPerSecond !== undefined && { rowsPerSecond }),
  };
}

function lettersOf(detail: Detail) {
  const seq = detail.optionalNumber('seq');
  return { lane: detail.text('lane'), ...(seq !== undefined && { seq }) };
}

/** The `detail` column of one order. */
class Detail {
  readonly #text: string;
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(row: Row) {
    this.#text = textIn(row, 'detail');
    const value: unknown = JSON.parse(this.#text);
    if (!isObject(value)) throw unreadable('the details of an order', this.#text);
    this.#members = value;
  }

  text(name: string): string {
    const value = this.#members[name];
    if (typeof value === 'string') return value;
    throw unreadable(`text under ${name} in an order`, this.#text);
  }

  number(name: string): number {
    const value = this.optionalNumber(name);
    if (value !== undefined) return value;
    throw unreadable(`a number under ${name} in an order`, this.#text);
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#members[name];
    if (value === undefined || typeof value === 'number') return value;
    throw unreadable(`a number under ${name} in an order`, this.#text);
  }
}

const STATES: Readonly<Record<string, OrderState>> = {
  pending: 'pending',
  running: 'running',
  done: 'done',
  failed: 'failed',
};

function stateOf(text: string): OrderState {
  const state = STATES[text];
  if (state !== undefined) return state;
  throw unreadable('an order state', text);
}

function progressOf(text: string): Readonly<Record<string, number>> {
  const value: unknown = JSON.parse(text);
  if (isProgress(value)) return value;
  throw unreadable('the progress of an order', text);
}

function isProgress(value: unknown): value is Readonly<Record<string, number>> {
  return isObject(value) && Object.values(value).every((through) => typeof through === 'number');
}

function unreadable(what: string, got: string): GatewatchError {
  return new GatewatchError('journal_corrupt', `Expected ${what} in the journal, got ${got.slice(0, 80)}`);
}
