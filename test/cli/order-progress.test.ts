import { expect, it } from 'vitest';
import { createProgressView } from '../../src/cli/order-progress.ts';
import type { BackfillOrder, ReplayOrder } from '../../src/model/order.ts';

const BASE = { id: 'o', asked: 'all', createdMs: 0, state: 'running', progress: {} } as const;
const HOUR = 3_600_000;

function lines(
  work: (show: ReturnType<typeof createProgressView>['show'], at: (ms: number) => void) => void,
) {
  let nowMs = 0;
  let text = '';
  const view = createProgressView({ write: (more) => (text += more) }, () => nowMs);
  work(view.show, (ms) => {
    nowMs = ms;
  });
  return text.split('\n').slice(0, -1);
}

it('FT-34 shows how far a backfill has read and how long it will still take, at the pace since it is watched', () => {
  const order: BackfillOrder = { ...BASE, kind: 'backfill', fromMs: 0, toMs: 10 * HOUR };
  const through = (hours: number): BackfillOrder => ({
    ...order,
    progress: { a: hours * HOUR, b: 10 * HOUR },
  });
  expect(
    lines((show, at) => {
      show(through(2));
      at(10_000);
      show(through(4));
      at(30_000);
      show(through(9));
      show({ ...through(10), state: 'done' });
    }),
  ).toEqual([
    'backfill 60 %, through 1970-01-01T02:00:00',
    'backfill 70 %, through 1970-01-01T04:00:00, about 30s left',
    'backfill 95 %, through 1970-01-01T09:00:00, about 4s left',
    'backfill 100 %, through 1970-01-01T10:00:00',
  ]);
});

it('counts the rows of a replay, and gives a word of life when nothing moves', () => {
  const order: ReplayOrder = {
    ...BASE,
    kind: 'replay',
    fromMs: 0,
    toMs: HOUR,
    sink: 'splunk',
    stream: 'records',
    rows: 200,
    throughSeq: 900,
  };
  const done = (rows: number): ReplayOrder => ({ ...order, progress: { rows: 200, done: rows } });
  expect(
    lines((show, at) => {
      show(order);
      at(5_000);
      show(done(10));
      show(done(20));
      at(36_000);
      show(done(20));
    }),
  ).toEqual([
    'replay 0 %, 0 of 0 rows',
    'replay 10 %, 20 of 200 rows, about 45s left',
    'replay 10 %, 20 of 200 rows, about 5m24s left',
  ]);
});
