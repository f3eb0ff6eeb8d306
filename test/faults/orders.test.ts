import { afterEach, beforeEach, expect, it } from 'vitest';
import { readinessOf } from '../../src/cli/worker/health.ts';
import type { Runtime, RuntimeDeps } from '../../src/cli/worker/runtime.ts';
import { createSteeredClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { Secret } from '../../src/core/secret.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { Sink, Verdict } from '../../src/model/sink.ts';
import type { Page, Source, Window } from '../../src/model/source-event.ts';
import { Backfill } from '../../src/pipeline/backfill.ts';
import { MetricReads } from '../../src/pipeline/metric-reads.ts';
import type { StartCron } from '../../src/scheduler/start-cron.ts';
import { createDynatraceOtlpSink } from '../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import { createDynatraceOtlpSettings } from '../../src/sinks/dynatrace/otlp-settings.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { page, ReadingRig } from '../pipeline/reading-rig.ts';
import { type FakeOtlp, startFakeOtlp } from '../sinks/dynatrace/fake-otlp.ts';
import { DAY, HOUR, MINUTE, ReadingFleet } from './reading-fleet.ts';

const START = Date.UTC(2026, 10, 22, 10);
const POLL = 20_000;
const REQUESTS = 900;
/** What the slow destination gets done between two polls. */
const SENDS_PER_POLL = 3;

/** Takes five rows at a time, as many batches as it is granted. */
class SlowSink implements Sink {
  readonly name = 'splunk';
  readonly streams = ['records'] as const;
  readonly maxBatchEntries = 5;
  readonly taken = new Set<string>();
  granted = 0;
  #waiting: (() => void)[] = [];

  grant(sends: number): void {
    this.granted += sends;
    while (this.granted > 0 && this.#waiting.length > 0) {
      this.granted -= 1;
      this.#waiting.shift()?.();
    }
  }

  async send(batch: readonly JournalEntry[]): Promise<Verdict> {
    if (this.granted > 0) this.granted -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    for (const { record } of batch)
      if (record.kind === 'request') this.taken.add(record.extendedRequestId ?? '');
    const accepted = batch.map(({ seq }) => seq);
    return { accepted, rejected: [], expired: [], filtered: [], retry: [] };
  }

  refreshSecrets(): void {}

  async close(): Promise<void> {}
}

/** A group whose every window has four pages, of a quarter of a second each. */
class PagedSource implements Source<LogPart> {
  readonly unit: string;
  readonly #rig: ReadingRig;
  calls = 0;

  constructor(unit: string, rig: ReadingRig) {
    this.unit = unit;
    this.#rig = rig;
  }

  async *read(_: Window, signal: AbortSignal): AsyncIterable<Page<LogPart>> {
    for (let n = 0; n < 4; n += 1) {
      this.calls += 1;
      await this.#rig.clock.sleep(250, signal);
      yield page([]);
    }
  }
}

let fleet: ReadingFleet;
let otlp: FakeOtlp;
let slow: SlowSink;
let stop: AbortController;
const polls = new Map<string, () => Promise<void>>();
const startCron: StartCron = (name, _, run) => {
  polls.set(name, run);
  return { destroy: () => undefined };
};

beforeEach(async () => {
  fleet = await ReadingFleet.start({ nowMs: START });
  otlp = await startFakeOtlp();
  slow = new SlowSink();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await fleet.dispose();
  await otlp.server.close();
});

/** A worker that delivers to a slow destination and to Dynatrace. */
function working(): Promise<Runtime> {
  const createSinks: RuntimeDeps['createSinks'] = (_, deps) => {
    const settings = createDynatraceOtlpSettings({ url: otlp.server.url, token: new Secret('good') });
    return [slow, createDynatraceOtlpSink({ ...deps, name: 'dynatrace', settings })];
  };
  return fleet.runtime({ createSinks, startCron });
}

async function pendingOf(runtime: Runtime, lane: string): Promise<number> {
  const found = (await runtime.journal.lanes()).find((one) => one.lane === lane);
  return found?.pending ?? 0;
}

/** Looks now and then, so that the worker gets to do its work in between. */
async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  await expect.poll(holds, { message: what, timeout: 30_000, interval: 10 }).toBe(true);
}

function healthOf(runtime: Runtime) {
  const clock = createSteeredClock(() => fleet.nowMs);
  return readinessOf(runtime, fleet.config(), clock, { startedMs: START, stopping: false });
}

it('FT-34 a month-long backfill leaves live rows at most two polls behind, and the worker ready', async () => {
  for (let n = 0; n < REQUESTS; n += 1)
    fleet.world.request(`old-${n}`, START - 30 * DAY + (n * (30 * DAY - HOUR)) / REQUESTS);
  const runtime = await working();
  await fleet.orderBackfill(START - 30 * DAY, START);
  const running = runtime.worker.run(stop.signal);
  const backlog = () => pendingOf(runtime, 'splunk/records/backfill');
  await eventually(
    async () => (await backlog()) > 200,
    'there are hundreds of old rows before the slow destination',
  );

  // A poll that falls on one still busy is skipped: the worker is ready as soon as that one is done.
  const ready = () =>
    eventually(async () => (await healthOf(runtime)).reasons.length === 0, 'the worker is ready');
  await ready();
  const late: string[] = [];
  let pollsWithBacklog = 0;
  for (let poll = 0; poll < 40; poll += 1) {
    fleet.nowMs += POLL;
    fleet.world.request(`live-${poll}`, fleet.nowMs - 2_000);
    await polls.get('logs')?.();
    if (poll % 10 === 0) await polls.get('metrics')?.();
    slow.grant(SENDS_PER_POLL);
    await eventually(
      async () => slow.granted === 0 || (await backlog()) === 0,
      'the time of a poll has gone by',
    );
    if (poll >= 2 && !slow.taken.has(`ext-live-${poll - 2}`)) late.push(`live-${poll - 2}`);
    if ((await backlog()) > 0) {
      pollsWithBacklog += 1;
      await ready();
    }
  }
  expect(late).toEqual([]);
  expect(pollsWithBacklog).toBeGreaterThan(10);
  slow.grant(1_000);
  await eventually(async () => (await runtime.journal.orders())[0]?.state === 'done', 'the order is done');
  await eventually(async () => (await backlog()) === 0, 'every old row is delivered');
  expect([...slow.taken].filter((id) => id.startsWith('ext-old-'))).toHaveLength(REQUESTS);

  // What Dynatrace no longer takes is told, row by row, and holds nothing up.
  await eventually(
    async () => (await pendingOf(runtime, 'dynatrace/records/backfill')) === 0,
    'Dynatrace has the rest',
  );
  const lanes = await runtime.journal.lanes();
  const dynatrace = lanes.find(({ lane }) => lane === 'dynatrace/records/backfill');
  const young = [...Array(REQUESTS).keys()].filter(
    (n) => START - 30 * DAY + (n * (30 * DAY - HOUR)) / REQUESTS >= START - DAY,
  ).length;
  expect(dynatrace?.accepted).toBeLessThanOrEqual(young);
  expect(dynatrace?.accepted).toBeGreaterThan(young - 5);
  expect((dynatrace?.accepted ?? 0) + (dynatrace?.expired ?? 0)).toBe(REQUESTS);
  stop.abort();
  await running;
}, 90_000);

it('FT-34 a backfill that is given a rate uses nine tenths of it at least, and not more than all', async () => {
  const rig = await ReadingRig.start();
  const { ingest, journal, clock } = rig;
  const sources = ['/a', '/b', '/c'].map((name) => new PagedSource(`logs:1:eu-west-1:${name}`, rig));
  const settings = { sliceMs: 5 * MINUTE, batchEvents: 100, metricPeriodMs: MINUTE, metricSettleMs: MINUTE };
  const backfill = new Backfill({
    journal,
    ingest,
    metricReads: new MetricReads({ ingest, journal, clock }),
    clock,
    logger: silentLogger,
    settings,
    isAuthorizer: () => false,
  });
  const nowMs = clock.now();
  const desk = await openOrderDesk(rig.files.path, clock);
  const order = { id: 'o1', asked: 'a month', createdMs: nowMs, state: 'pending', progress: {} } as const;
  const span = { fromMs: nowMs - 30 * DAY, toMs: nowMs, callsPerSecond: 5 };
  await desk.place({ ...order, ...span, kind: 'backfill' });
  await desk.close();
  const turn = {
    units: { logs: sources.map((source) => ({ unit: source.unit, source })), metrics: [], complete: true },
    signal: new AbortController().signal,
    beforeRead: async () => {},
  };
  const startedMs = clock.monotonic();
  for (let isDone = false; !isDone; ) {
    let ended = false;
    const result = backfill.turn(turn).finally(() => {
      ended = true;
    });
    while (!ended) await clock.advance(50);
    isDone = (await result).kind === 'done';
  }
  const calls = sources.reduce((sum, source) => sum + source.calls, 0);
  const perSecond = (calls / (clock.monotonic() - startedMs)) * 1_000;
  expect(calls).toBeGreaterThan(1_000);
  expect(perSecond).toBeGreaterThanOrEqual(0.9 * 5);
  expect(perSecond).toBeLessThanOrEqual(5.05);
  await rig.dispose();
});
