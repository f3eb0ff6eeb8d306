import { afterEach, expect, it } from 'vitest';
import type { AwsClients } from '../../src/aws/aws-clients.ts';
import type { LogPart } from '../../src/model/part.ts';
import type { LogEvent, Source } from '../../src/model/source-event.ts';
import { createLagMeter, LogUnit, type LogUnitSettings } from '../../src/pipeline/log-unit.ts';
import { createLogSource } from '../../src/sources/log-window-source.ts';
import { clientsForTest, createSkippingClock } from '../aws/clients-fixture.ts';
import { line, ReadingRig, UNIT } from '../pipeline/reading-rig.ts';
import { HOUR, MINUTE, outcomesIn, ReadingFleet } from './reading-fleet.ts';
import { ACCESS_GROUP, ACCESS_UNIT, CENTRAL, REGION } from './reading-world.ts';

const SMALL_PAGES = { limits: { logPageEvents: 10 } };
const GO = new AbortController().signal;

let fleet: ReadingFleet;
let rig: ReadingRig | undefined;
let clients: AwsClients | undefined;
afterEach(async () => {
  clients?.close();
  await fleet.dispose();
  await rig?.dispose();
  [rig, clients] = [undefined, undefined];
});

async function startWith(lines: number): Promise<ReadingFleet> {
  fleet = await ReadingFleet.start({ sandbox: SMALL_PAGES });
  for (let n = 0; n < lines; n += 1) fleet.world.request(`r${n}`, fleet.nowMs - 30 * MINUTE + n * 1_000);
  return fleet;
}

const all = (lines: number) =>
  Object.fromEntries(Array.from({ length: lines }, (_, n) => [`r${n}`, 'matched'] as const));

it('FT-22 fifty empty pages with tokens are read through to what lies behind them', async () => {
  await startWith(35);
  fleet.faults('empty-run');
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, fleet.nowMs)).toEqual([]);
  expect(await outcomesIn(runtime)).toEqual(all(35));
  expect(fleet.sandbox.faultCounts.get('empty-run')).toBeGreaterThanOrEqual(50);
});

it('FT-22 a token that comes back ends the reading, not the time; the window is read again', async () => {
  await startWith(35);
  fleet.faults('repeated-token');
  const runtime = await fleet.runtime();
  const left = await fleet.readAt(runtime, fleet.nowMs, 1_500);
  expect(left).toContainEqual(expect.stringContaining('gave the same token twice'));
  expect(fleet.sandbox.faultCounts.get('repeated-token')).toBeLessThan(100);
  const before = runtime.worker.status().units.find(({ unit }) => unit === ACCESS_UNIT);
  expect(before?.readThroughMs).not.toBe(fleet.nowMs);
  fleet.faults();
  expect(await fleet.readAt(runtime, fleet.nowMs + 1_000)).toEqual([]);
  expect(await outcomesIn(runtime)).toEqual(all(35));
});

it('FT-22 a token that has expired in mid-window restarts the window, and nothing is skipped or twice', async () => {
  await startWith(35);
  fleet.faults('expired-token');
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, fleet.nowMs)).toEqual([]);
  expect(fleet.sandbox.faultCounts.get('expired-token')).toBe(4);
  expect(await outcomesIn(runtime)).toEqual(all(35));
  const ledger = await runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER);
  expect(ledger.reduce((sum, { stored }) => sum + stored, 0)).toBe(35 * 5);
});

const SETTINGS: LogUnitSettings = {
  firstReadMs: HOUR,
  sliceMs: HOUR,
  rereadsMs: [],
  lagAllowanceMs: MINUTE,
  maxOverlapMs: 2 * MINUTE,
  batchEvents: 5_000,
};

/** A log group of the fleet under a clock on which waiting takes no time, so that calls a second can be counted. */
async function unitUnderVirtualTime() {
  rig = await ReadingRig.start();
  fleet.nowMs = rig.clock.now();
  const clock = createSkippingClock();
  clients = clientsForTest({ clock, maxAttempts: 5 });
  const toParts = (events: readonly LogEvent[]): LogPart[] =>
    events.map(({ eventId, logStream, timestampMs, ingestionMs }) => {
      const part = line(eventId, timestampMs);
      return { ...part, source: { ...part.source, eventId, logStream, timestampMs, ingestionMs } };
    });
  const group = { account: CENTRAL, region: REGION, logGroup: ACCESS_GROUP };
  const source: Source<LogPart> = createLogSource({ unit: UNIT, group, client: clients, toParts });
  const { ingest, journal } = rig;
  const lag = createLagMeter(SETTINGS);
  const unit = new LogUnit({ source, lag, ingest, journal, clock: rig.clock, settings: SETTINGS });
  const calls = () => fleet.sandbox.counts.get('aws.FilterLogEvents');
  return { unit, clock, calls, requests: () => rig?.requests() };
}

it('FT-23 nine of ten calls throttled: reading finishes, loses nothing and stays at sixty percent of the quota', async () => {
  await startWith(0);
  const { unit, clock, calls, requests } = await unitUnderVirtualTime();
  for (let n = 0; n < 95; n += 1) fleet.world.line(`r${n}`, fleet.nowMs - 30 * MINUTE + n);
  fleet.faults('throttle-storm');
  const begunMs = clock.monotonic();
  expect(await unit.pollLive(GO)).toBe(95);
  const seconds = (clock.monotonic() - begunMs) / 1_000;
  expect(fleet.sandbox.faultCounts.get('throttle-storm')).toBeGreaterThan(20);
  expect(calls()).toBeLessThanOrEqual(6 * seconds + 3.01);
  expect(new Set(await requests()).size).toBe(95);
});

it('FT-23 after a throttle reading is back at its full rate within seconds', async () => {
  await startWith(0);
  const { unit, clock, calls } = await unitUnderVirtualTime();
  for (let n = 0; n < 2_000; n += 1) fleet.world.line(`r${n}`, fleet.nowMs - 30 * MINUTE + n);
  fleet.sandbox.replaceFaults({ names: ['throttle'], rates: { throttle: 0.001 } });
  const begunMs = clock.monotonic();
  expect(await unit.pollLive(GO)).toBe(2_000);
  const seconds = (clock.monotonic() - begunMs) / 1_000;
  expect(fleet.sandbox.faultCounts.get('throttle')).toBe(1);
  // 200 pages at six a second, and five seconds for the one throttle.
  expect(calls()).toBeGreaterThan(200);
  expect(seconds).toBeLessThan(200 / 6 + 5);
  expect(calls()).toBeLessThanOrEqual(6 * seconds + 3.01);
});

it('FT-23 bursts of faults of the service itself break windows off and lose nothing', async () => {
  await startWith(35);
  fleet.sandbox.replaceFaults({ names: ['aws-outage'], rates: { 'aws-outage': 0.4 } });
  const runtime = await fleet.runtime();
  // The first listing must go through; a fault of it is read again at the next turn.
  for (let turn = 0; turn < 5; turn += 1) await fleet.readAt(runtime, fleet.nowMs + 1_000, 3_000);
  expect(fleet.sandbox.faultCounts.get('aws-outage')).toBeGreaterThan(10);
  fleet.faults();
  expect(await fleet.readAt(runtime, fleet.nowMs + 10 * MINUTE)).toEqual([]);
  expect(await outcomesIn(runtime)).toEqual(all(35));
  const ledger = await runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER);
  expect(ledger.reduce((sum, { stored }) => sum + stored, 0)).toBe(35 * 5);
}, 40_000);
