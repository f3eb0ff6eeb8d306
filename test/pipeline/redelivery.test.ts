import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal, LaneAck } from '../../src/model/journal.ts';
import type { Order, ReplayOrder, RetryOrder } from '../../src/model/order.ts';
import type { Sink } from '../../src/model/sink.ts';
import { Circuits } from '../../src/pipeline/circuit.ts';
import type { LaneSettings } from '../../src/pipeline/drain-lane.ts';
import { createLaneSet } from '../../src/pipeline/lane-set.ts';
import { Redelivery } from '../../src/pipeline/redelivery.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { requestRecord } from '../contract/journal-records.ts';
import { commitRecords } from '../store/commits.ts';
import { quiet } from '../support/fake-clock.ts';
import { accepts, busy, holds, LaneRig, ScriptedSink, seqs, sorts } from './lane-rig.ts';

const SETTINGS: LaneSettings = {
  firstRetryMs: 1_000,
  maxRetryMs: 8_000,
  heldProbeMs: 5_000,
  batchesInFlight: 2,
};
const LIVE = 'splunk/records/live';

let rig: LaneRig;
let stop: AbortController;
let works: Promise<unknown>[];
beforeEach(async () => {
  rig = await LaneRig.start();
  stop = new AbortController();
  works = [];
});
afterEach(async () => {
  await ended();
  await rig.dispose();
});

async function ended(): Promise<void> {
  stop.abort(new Error('the test is over'));
  await Promise.allSettled(works);
}

/** Standing lanes and orders over these sinks, as a worker runs them. */
async function working(sinks: readonly Sink[], journal: Journal = rig.journal): Promise<Redelivery> {
  const { clock, logger, meter } = rig;
  const parts = { clock, random: () => 1, settings: SETTINGS };
  const deps = { ...parts, journal, logger, meter, circuits: new Circuits(parts) };
  const lanes = createLaneSet(sinks, deps);
  for (const lane of [...lanes.live, ...lanes.backfill]) {
    await lane.start();
    works.push(lane.run(stop.signal));
  }
  return new Redelivery({ ...deps, sinks, liveFirst: lanes.liveFirst });
}

async function carryingOut(sinks: readonly Sink[], ...orders: Order[]): Promise<void> {
  const redelivery = await working(sinks);
  await rig.clock.advance(100);
  await place(...orders);
  works.push(redelivery.run(stop.signal));
  await quiet();
  await rig.clock.advance(1_000);
}

async function place(...orders: Order[]): Promise<void> {
  const desk = await openOrderDesk(rig.files.path, rig.clock);
  for (const order of orders) await desk.place(order);
  await desk.close();
}

async function orderNow(id = 'o1'): Promise<Order | undefined> {
  return (await rig.journal.orders()).find((order) => order.id === id);
}

function replay(more: Partial<ReplayOrder> = {}): ReplayOrder {
  const span = { fromMs: 0, toMs: rig.clock.now() + 60_000, rows: 9, throughSeq: 9 };
  const asked = {
    id: 'o1',
    asked: 'all',
    createdMs: rig.clock.now(),
    state: 'pending',
    progress: {},
  } as const;
  return { ...asked, kind: 'replay', sink: 'splunk', stream: 'records', ...span, ...more };
}

function retry(more: Partial<RetryOrder> = {}): RetryOrder {
  const createdMs = rig.clock.now() + 1_000;
  return {
    id: 'o1',
    kind: 'retry',
    asked: 'all',
    createdMs,
    state: 'pending',
    progress: {},
    lane: LIVE,
    ...more,
  };
}

/** Rows 1 to `count`, one second apart. */
async function rowsBySecond(count: number): Promise<void> {
  const startMs = rig.clock.now();
  const records = Array.from({ length: count }, (_, index) => {
    return requestRecord({
      recordId: `r${index + 1}`,
      eventId: `e${index + 1}`,
      eventMs: startMs + index * 1_000,
    });
  });
  await commitRecords(rig.journal, records);
}

/** The journal, with one method replaced. */
function withMethod(name: keyof Journal, method: unknown): Journal {
  return new Proxy(rig.journal, {
    get(target, property) {
      const value: unknown = property === name ? method : Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The rows that went out after the first `count` of all, in the order they went. */
function sentAfter(sink: ScriptedSink, count: number): number[] {
  return sink.sent.flat().slice(count);
}

describe('a replay', () => {
  it('sends the rows of its span again, no others, and leaves every other cursor where it is', async () => {
    const startMs = rig.clock.now();
    await rowsBySecond(9);
    const sink = new ScriptedSink('splunk', 10, accepts);
    const fromMs = startMs + 2_000;
    await carryingOut([sink], replay({ fromMs, toMs: startMs + 6_000, rows: 4, throughSeq: 5 }));
    expect(sentAfter(sink, 9)).toEqual([3, 4, 5]);
    expect(await orderNow()).toMatchObject({
      state: 'done',
      progress: { rows: 4, done: 3, accepted: 3 },
      message: '3 delivered, 0 refused, 0 expired, 0 filtered',
    });
    const lanes = await rig.journal.lanes();
    expect(lanes.map(({ lane, cursor }) => [lane, cursor])).toEqual([
      ['splunk/records/backfill', 0],
      [LIVE, 9],
      ['splunk/records/replay/o1', 5],
    ]);
    await rig.clock.advance(10_000);
    expect(sink.sent.flat()).toHaveLength(12);
  });

  it('tells what was expired, filtered and refused, and keeps a dead letter of its own', async () => {
    await rowsBySecond(5);
    const sink = new ScriptedSink('splunk', 10, accepts, sorts({ 2: 'expire', 3: 'filter', 4: 'reject' }));
    await carryingOut([sink], replay({ rows: 5, throughSeq: 5 }));
    expect(await orderNow()).toMatchObject({
      state: 'done',
      message: '2 delivered, 1 refused, 1 expired, 1 filtered',
    });
    expect(await rig.journal.deadLetters()).toMatchObject([{ lane: 'splunk/records/replay/o1', seq: 4 }]);
    expect(await rig.journal.deliveryOf(4)).toMatchObject([{ lane: LIVE, status: 'delivered' }]);
  });

  it('keeps to its rate', async () => {
    await rowsBySecond(9);
    const sink = new ScriptedSink('splunk', 10, accepts);
    const startedMs = rig.clock.now();
    await carryingOut([sink], replay({ rowsPerSecond: 2 }));
    const afterMs = () => rig.clock.now() - startedMs;
    expect([sentAfter(sink, 9).length, afterMs()]).toEqual([4, 1_100]);
    await rig.clock.advance(1_000);
    expect(sentAfter(sink, 9)).toHaveLength(6);
    await rig.clock.advance(3_000);
    expect(sentAfter(sink, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await orderNow()).toMatchObject({ state: 'done' });
  });

  it('goes on behind the last acknowledged row when its worker died in the middle', async () => {
    await rowsBySecond(9);
    const sink = new ScriptedSink('splunk', 3, accepts, accepts, accepts, accepts, busy());
    await carryingOut([sink], replay());
    expect(await orderNow()).toMatchObject({ state: 'running', progress: { rows: 9, done: 3 } });
    const before = sink.sent.flat().length;
    await ended();
    const next = await rig.files.takeOver();
    stop = new AbortController();
    sink.answerWith(accepts);
    const redelivery = await working([sink], next);
    works.push(redelivery.run(stop.signal));
    await quiet();
    await rig.clock.advance(1_000);
    expect(sentAfter(sink, before)).toEqual([4, 5, 6, 7, 8, 9]);
    expect((await next.orders())[0]).toMatchObject({ state: 'done', progress: { rows: 9, done: 9 } });
  });

  it('waits while live rows are not on their way, and sends none between them', async () => {
    await rowsBySecond(4);
    const sink = new ScriptedSink('splunk', 4, accepts);
    const redelivery = await working([sink]);
    await rig.clock.advance(100);
    sink.answerWith(busy(), busy(), accepts);
    await rig.rows('new 1', 'new 2');
    await rig.clock.advance(1_100);
    await place(replay({ throughSeq: 4, rows: 4 }));
    works.push(redelivery.run(stop.signal));
    await quiet();
    await rig.clock.advance(1_500);
    expect(sentAfter(sink, 4)).toEqual([5, 6, 5, 6]);
    await rig.clock.advance(3_000);
    expect(sentAfter(sink, 4)).toEqual([5, 6, 5, 6, 5, 6, 1, 2, 3, 4]);
  });

  it('says that it is held, and goes on by itself once that is mended', async () => {
    await rowsBySecond(2);
    const sink = new ScriptedSink('splunk', 4, accepts, holds('wrong token'));
    await carryingOut([sink], replay({ throughSeq: 2, rows: 2 }));
    expect(await orderNow()).toMatchObject({ state: 'running', message: 'held: wrong token' });
    sink.answerWith(accepts);
    await rig.clock.advance(6_000);
    expect(await orderNow()).toMatchObject({ state: 'done' });
    expect(sink.refreshed).toBe(1);
  });

  it('fails with the reason when the configuration has no such sink', async () => {
    await rowsBySecond(1);
    await carryingOut([new ScriptedSink('splunk', 4, accepts)], replay({ sink: 'gone' }));
    expect(await orderNow()).toMatchObject({
      state: 'failed',
      message: 'the configuration has no sink gone that takes records',
    });
  });

  it('waits for the one before it to the same sink, not for those to others', async () => {
    await rowsBySecond(2);
    const splunk = new ScriptedSink('splunk', 4, accepts, busy());
    const other = new ScriptedSink('other', 4, accepts);
    await carryingOut([splunk, other], replay(), replay({ id: 'o2' }), replay({ id: 'o3', sink: 'other' }));
    expect(sentAfter(other, 2)).toEqual([1, 2]);
    expect(await orderNow('o3')).toMatchObject({ state: 'done' });
    expect(await orderNow('o2')).toMatchObject({ state: 'pending' });
    splunk.answerWith(accepts);
    await rig.clock.advance(20_000);
    expect(await orderNow('o1')).toMatchObject({ state: 'done' });
    expect(await orderNow('o2')).toMatchObject({ state: 'done' });
  });
});

describe('a retry of dead letters', () => {
  const refusesAll = sorts({ 1: 'reject', 2: 'reject', 3: 'reject' });

  it('marks what is delivered now, and leaves what is refused again with its new reason', async () => {
    await rowsBySecond(4);
    const sink = new ScriptedSink('splunk', 10, refusesAll, sorts({ 2: 'reject', 3: 'expire' }));
    await carryingOut([sink], retry());
    expect(sentAfter(sink, 4).sort()).toEqual([1, 2, 3]);
    const reason = 'field `time` is no number';
    expect(await rig.journal.deadLetters()).toMatchObject([
      { lane: LIVE, seq: 1, status: 'delivered', attempts: 2, ended: { order: 'o1' } },
      { lane: LIVE, seq: 2, status: 'refused', attempts: 2, reason },
      { lane: LIVE, seq: 3, status: 'refused', attempts: 2, reason: 'older than 24 h' },
    ]);
    expect(await orderNow()).toMatchObject({
      state: 'done',
      progress: { rows: 3, done: 3, accepted: 1, rejected: 1, expired: 1 },
    });
    await rig.clock.advance(60_000);
    expect(sink.sent.flat()).toHaveLength(7);
  });

  it('tries the one that is asked for, and not what was refused after it was asked for', async () => {
    await rowsBySecond(4);
    const sink = new ScriptedSink('splunk', 10, refusesAll, accepts);
    await carryingOut([sink], retry({ seq: 2 }), retry({ id: 'o2', createdMs: rig.clock.now() - 1 }));
    await rig.clock.advance(5_000);
    expect(sentAfter(sink, 4)).toEqual([2]);
    expect(await orderNow('o2')).toMatchObject({ state: 'done', progress: { rows: 0 } });
  });

  it('knows a row that is refused without being named, because it goes alone', async () => {
    await rowsBySecond(2);
    const unnamed = { count: 1, message: 'one was refused' };
    const sink = new ScriptedSink(
      'splunk',
      10,
      sorts({ 1: 'reject', 2: 'reject' }),
      (batch) => ({ ...NOTHING, accepted: seqs(batch), rejectedUnknown: unnamed }),
      accepts,
    );
    await carryingOut([sink], retry());
    expect(sink.sent.slice(1).every((batch) => batch.length === 1)).toBe(true);
    const told = (await rig.journal.deadLetters()).map(({ status, reason }) => [status, reason]);
    expect(told).toContainEqual(['refused', 'one was refused']);
    expect(told).toContainEqual(['delivered', 'field `time` is no number']);
  });

  it('leaves a dead letter whose row was given up for room, and says so', async () => {
    await rowsBySecond(3);
    const sink = new ScriptedSink('splunk', 10, refusesAll, accepts);
    const without2 = withMethod('rowsAt', (seqs: readonly number[]) =>
      rig.journal.rowsAt(seqs.filter((seq) => seq !== 2)),
    );
    const redelivery = await working([sink], without2);
    await rig.clock.advance(100);
    await place(retry());
    works.push(redelivery.run(stop.signal));
    await quiet();
    await rig.clock.advance(1_000);
    expect((await rig.journal.deadLetters()).map(({ status, reason }) => [status, reason])).toEqual([
      ['delivered', 'field `time` is no number'],
      ['refused', 'its row is no longer in the journal'],
      ['delivered', 'field `time` is no number'],
    ]);
  });

  it('is tried again, not forgotten, when its worker died before the end was written down', async () => {
    await rowsBySecond(3);
    const sink = new ScriptedSink('splunk', 10, refusesAll, accepts);
    const failing = withMethod('ackLane', async (ack: LaneAck) => {
      if (ack.retried !== undefined) throw new Error('cut off');
      return rig.journal.ackLane(ack);
    });
    const redelivery = await working([sink], failing);
    await rig.clock.advance(100);
    await place(retry());
    works.push(redelivery.run(stop.signal));
    await quiet();
    await rig.clock.advance(500);
    expect((await rig.journal.deadLetters()).every(({ status }) => status === 'refused')).toBe(true);
    await ended();
    const next = await rig.files.takeOver();
    stop = new AbortController();
    works.push((await working([sink], next)).run(stop.signal));
    await quiet();
    await rig.clock.advance(1_000);
    expect((await next.deadLetters()).map(({ status }) => status)).toEqual(Array(3).fill('delivered'));
  });
});

const NOTHING = { accepted: [], rejected: [], expired: [], filtered: [], retry: [] };

describe('a drop of dead letters', () => {
  it('sends nothing, keeps them with the reason and who gave it, and no retry finds them', async () => {
    await rowsBySecond(3);
    const sink = new ScriptedSink('splunk', 10, sorts({ 1: 'reject', 3: 'reject' }), accepts);
    const { id, asked, createdMs, state, progress } = retry();
    const drop = { id, asked, createdMs, state, progress, kind: 'drop', lane: LIVE, seq: 3 } as const;
    await carryingOut([sink], { ...drop, by: 'ada', reason: 'test traffic' }, retry({ id: 'o2' }));
    expect(await orderNow()).toMatchObject({ state: 'done', message: '1 dropped' });
    expect(await rig.journal.deadLetters()).toMatchObject([
      { seq: 1, status: 'delivered' },
      { seq: 3, status: 'dropped', ended: { order: 'o1', by: 'ada', note: 'test traffic' } },
    ]);
    expect(sentAfter(sink, 3)).toEqual([1]);
  });
});

describe('orders carried out at once', () => {
  it('are all done before it returns', async () => {
    await rowsBySecond(3);
    const sink = new ScriptedSink('splunk', 1, accepts);
    const redelivery = await working([sink]);
    await rig.clock.advance(100);
    await place(replay({ throughSeq: 3, rows: 3 }), replay({ id: 'o2', throughSeq: 3, rows: 3 }));
    const left = redelivery.finish(new AbortController().signal);
    await quiet();
    await rig.clock.advance(10_000);
    expect(await left).toEqual([]);
    expect(sink.sent.flat()).toHaveLength(9);
  });

  it('wait for what the destination says now, whatever held them when the last worker ended', async () => {
    await rowsBySecond(1);
    const answered = Promise.withResolvers<void>();
    const slow = new ScriptedSink('splunk', 1, accepts, async (batch, signal) => {
      await answered.promise;
      return accepts(batch, signal);
    });
    const redelivery = await working([slow]);
    await rig.clock.advance(100);
    await place(replay({ throughSeq: 1, rows: 1 }));
    const name = 'splunk/records/replay/o1';
    await rig.journal.lane({ sink: 'splunk', stream: 'records', class: 'replay', name });
    await rig.journal.setLaneHeld(name, 'wrong token');
    const left = redelivery.finish(new AbortController().signal);
    await quiet();
    await rig.clock.advance(2_000);
    expect(slow.sent).toHaveLength(2);
    answered.resolve();
    await quiet();
    await rig.clock.advance(2_000);
    expect(await left).toEqual([]);
  });

  it('are left, and said, when only a person can mend what holds them', async () => {
    await rowsBySecond(1);
    const sink = new ScriptedSink('splunk', 1, accepts, holds('wrong token'));
    const redelivery = await working([sink]);
    await rig.clock.advance(100);
    await place(replay(), replay({ id: 'o2' }));
    const left = redelivery.finish(new AbortController().signal);
    await quiet();
    await rig.clock.advance(2_000);
    expect(await left).toEqual([
      'order o1 (replay) is not done: held: wrong token',
      'order o2 (replay) is not done: held: wrong token',
    ]);
  });
});
