import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { Order, OrderState } from '../model/order.ts';
import { numberIn, optionalNumberIn, optionalTextIn, type Row, textIn } from './row.ts';

/** Every order, oldest first. */
export function readOrders(db: DatabaseSync): readonly Order[] {
  return db.prepare('SELECT * FROM orders ORDER BY created_ms, id').all().map(orderOf);
}

/** Inside a transaction. */
export function insertOrder(db: DatabaseSync, order: Order): void {
  const { id, kind, fromMs, toMs, unit, callsPerSecond, asked, createdMs, state, progress, message } = order;
  db.prepare(
    `INSERT INTO orders (id, kind, from_ms, to_ms, unit, calls_per_second, asked, created_ms, state, progress, message)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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

function orderOf(row: Row): Order {
  const unit = optionalTextIn(row, 'unit');
  const callsPerSecond = optionalNumberIn(row, 'calls_per_second');
  const message = optionalTextIn(row, 'message');
  return {
    id: textIn(row, 'id'),
    kind: kindOf(textIn(row, 'kind')),
    fromMs: numberIn(row, 'from_ms'),
    toMs: numberIn(row, 'to_ms'),
    asked: textIn(row, 'asked'),
    createdMs: numberIn(row, 'created_ms'),
    state: stateOf(textIn(row, 'state')),
    progress: progressOf(textIn(row, 'progress')),
    ...(unit !== undefined && { unit }),
    ...(callsPerSecond !== undefined && { callsPerSecond }),
    ...(message !== undefined && { message }),
  };
}

function kindOf(text: string): Order['kind'] {
  if (text === 'backfill') return text;
  throw unreadable('an order kind', text);
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
