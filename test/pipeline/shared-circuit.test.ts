import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReplayOrder } from '../../src/model/order.ts';
import { Circuits } from '../../src/pipeline/circuit.ts';
import { defaultLaneSettings } from '../../src/pipeline/drain-lane.ts';
import { createLaneSet } from '../../src/pipeline/lane-set.ts';
import { Redelivery } from '../../src/pipeline/redelivery.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { requestRecord } from '../contract/journal-records.ts';
import { recordsOnly } from '../store/commits.ts';
import { quiet } from '../support/fake-clock.ts';
import { accepts, busy, LaneRig, ScriptedSink, seqs } from './lane-rig.ts';

const PROBE_MS = defaultLaneSettings.maxRetryMs;
/** By then the waits between two probes have grown to the longest. */
const WELL_DOWN_MS = 180_000;
const OLD = [1, 2, 3];
const BACKFILLED = [4, 5];

let rig: LaneRig;
let stop: AbortController;
let works: Promise<unknown>[];
let sink: ScriptedSink;
/** What was asked of the destination while it was down: when, and with which rows. */
let asked: { readonly atMs: number; readonly rows: readonly number[] }[];
let isDown: boolean;
beforeEach(async () => {
  rig = await LaneRig.start();
  stop = new AbortController();
  works = [];
  asked = [];
  isDown = false;
  sink = new ScriptedSink('splunk', 10, (batch, signal) => {
    if (!isDown) return accepts(batch, signal);
    asked.push({ atMs: rig.clock.monotonic(), rows: seqs(batch) });
    return busy()(batch, signal);
  });
  await rig.rows('old 1', 'old 2', 'old 3');
  await startWorking();
  await rig.clock.advance(5_000);
});
afterEach(async () => {
  stop.abort(new Error('the test is over'));
  await Promise.allSettled(works);
  await rig.dispose();
});

/** Standing lanes and orders, as a worker runs them. */
async function startWorking(): Promise<void> {
  const { clock, logger, meter, journal } = rig;
  const parts = { clock, random: () => 0.5, settings: defaultLaneSettings };
  const deps = { ...parts, journal, logger, meter, circuits: new Circuits(parts) };
  const lanes = createLaneSet([sink], deps);
  for (const lane of [...lanes.live, ...lanes.backfill]) {
    await lane.start();
    works.push(lane.run(stop.signal));
  }
  const redelivery = new Redelivery({ ...deps, sinks: [sink], liveFirst: lanes.liveFirst });
  works.push(redelivery.run(stop.signal));
}

/** Rows that a backfill brings, and a replay of the oldest. */
async function orderOldRows(): Promise<void> {
  const records = BACKFILLED.map((n) => requestRecord({ recordId: `past ${n}`, eventId: `past ${n}` }));
  const backfilled = new Set(records.map(({ recordId }) => recordId));
  await rig.journal.commitWindow({ ...recordsOnly(rig.journal.epoch, records), backfilled });
  const desk = await openOrderDesk(rig.files.path, rig.clock);
  const order: ReplayOrder = {
    id: 'o1',
    kind: 'replay',
    asked: 'all',
    createdMs: rig.clock.now(),
    state: 'pending',
    progress: {},
    sink: 'splunk',
    stream: 'records',
    fromMs: 0,
    toMs: rig.clock.now() + 60_000,
    rows: OLD.length,
    throughSeq: OLD.length,
  };
  await desk.place(order);
  await desk.close();
  await quiet();
}

/** The shortest time between two requests in a row, of those since `fromMs`. */
function shortestPause(fromMs: number): number {
  const times = asked.map(({ atMs }) => atMs).filter((ms) => ms >= fromMs);
  expect(times.length).toBeGreaterThan(3);
  return Math.min(...times.slice(1).map((ms, n) => ms - (times[n] ?? 0)));
}

describe('a destination that is well', () => {
  it('gets live rows at once while it refuses what a backfill brings', async () => {
    const acceptedMs: number[] = [];
    sink.answerWith((batch, signal) => {
      if (seqs(batch).some((seq) => BACKFILLED.includes(seq))) return busy()(batch, signal);
      acceptedMs.push(rig.clock.monotonic());
      return accepts(batch, signal);
    });
    await orderOldRows();
    await rig.clock.advance(WELL_DOWN_MS);
    for (const name of ['new 6', 'new 7', 'new 8']) {
      const storedMs = rig.clock.monotonic();
      await rig.rows(name);
      await rig.clock.advance(PROBE_MS);
      expect((acceptedMs.at(-1) ?? 0) - storedMs).toBeLessThanOrEqual(1_000);
      await rig.clock.advance(PROBE_MS);
    }
  });
});

describe('a destination that is down', () => {
  it('is asked once in 30 s by live, backfill and replay lanes together', async () => {
    isDown = true;
    await orderOldRows();
    await rig.clock.advance(WELL_DOWN_MS);
    const fromMs = rig.clock.monotonic();
    await rig.clock.advance(10 * PROBE_MS);
    expect(shortestPause(fromMs)).toBeGreaterThanOrEqual(PROBE_MS);
    // Live rows find out for themselves, as any do; from then on nobody else asks.
    await rig.rows('new 6', 'new 7');
    await rig.clock.advance(WELL_DOWN_MS);
    const downMs = rig.clock.monotonic();
    await rig.clock.advance(10 * PROBE_MS);
    expect(shortestPause(downMs)).toBeGreaterThanOrEqual(PROBE_MS);
  });

  it('is asked by the live lane as soon as that has something to send', async () => {
    isDown = true;
    await orderOldRows();
    await rig.clock.advance(WELL_DOWN_MS);
    expect(asked.flatMap(({ rows }) => rows).every((seq) => seq <= 5)).toBe(true);
    const fromMs = rig.clock.monotonic();
    await rig.rows('new 6', 'new 7');
    await rig.clock.advance(5 * PROBE_MS);
    const since = asked.filter(({ atMs }) => atMs >= fromMs);
    expect(since.length).toBeGreaterThan(2);
    for (const { rows } of since) expect(rows).toEqual([6, 7]);
  });

  it('takes live rows first when it is well again, then all the others once', async () => {
    isDown = true;
    await orderOldRows();
    await rig.clock.advance(WELL_DOWN_MS);
    await rig.rows('new 6', 'new 7');
    isDown = false;
    const before = sink.sent.length;
    await rig.clock.advance(2 * PROBE_MS);
    const [first, ...others] = sink.sent.slice(before);
    expect(first).toEqual([6, 7]);
    expect(others.flat().toSorted()).toEqual([...OLD, ...BACKFILLED]);
  });
});
