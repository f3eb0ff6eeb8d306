import { afterEach, expect, it } from 'vitest';
import type { Runtime } from '../../src/cli/worker/runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { WorldPoint, WorldSeries } from '../../src/sandbox/world.ts';
import { rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { DAY, HOUR, MINUTE, outcomesIn, ReadingFleet, spansOf } from './reading-fleet.ts';
import { ACCESS_UNIT, AUTHORIZER_UNIT, CENTRAL, METRICS_UNIT, REGION } from './reading-world.ts';

const SECOND = 1_000;

let fleet: ReadingFleet;
afterEach(() => fleet.dispose());

function statusOf(runtime: Runtime, unit = ACCESS_UNIT) {
  return runtime.worker.status().units.find((status) => status.unit === unit);
}

it('FT-39 a deleted log group: what was unread is a gap, the others go on, and it is read again once it exists again', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  const runtime = await fleet.runtime();
  world.request('read', fleet.nowMs - 10 * SECOND);
  await fleet.readAt(runtime, fleet.nowMs);
  const readThrough = fleet.nowMs;

  world.request('lost', fleet.nowMs + 5 * SECOND);
  world.logGroups = [world.authorizer];
  expect(await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND)).toEqual([]);
  const deletedMs = fleet.nowMs;
  await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND);
  await fleet.readAt(runtime, fleet.nowMs + 10 * MINUTE);
  expect(spansOf(await runtime.journal.gaps(), ACCESS_UNIT)).toEqual([[readThrough, deletedMs]]);
  expect(statusOf(runtime)).toMatchObject({ missingSinceMs: deletedMs });
  expect(statusOf(runtime, AUTHORIZER_UNIT)?.readThroughMs).toBe(fleet.nowMs);
  expect(fleet.logger.at('warn').filter(({ message }) => message.includes('does not exist'))).toHaveLength(1);
  // The decision of the lost request is in the trail all the same.
  const rows = await rowsOf(runtime.journal, 'records');
  expect(rows.map(({ record }) => record.kind === 'request' && record.outcome)).toContain('authorizer_only');

  world.access.events = [];
  world.logGroups = [world.access, world.authorizer];
  world.request('again', fleet.nowMs + 5 * SECOND);
  expect(await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND)).toEqual([]);
  expect(await outcomesIn(runtime)).toMatchObject({ read: 'matched', again: 'matched' });
  expect(statusOf(runtime)?.missingSinceMs).toBeUndefined();
  expect(spansOf(await runtime.journal.gaps(), ACCESS_UNIT)).toHaveLength(1);
});

it('FT-39 a log group deleted and created again between two polls has a gap before its creation', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  world.access.createdMs = fleet.nowMs - 30 * DAY;
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  const createdMs = fleet.nowMs + 10 * SECOND;
  world.access.createdMs = createdMs;
  await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND);
  await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND);
  const gaps = await runtime.journal.gaps();
  expect(spansOf(gaps, ACCESS_UNIT)).toEqual([[createdMs - MINUTE, createdMs]]);
  expect(gaps[0]?.reason).toContain('deleted and created again');
});

it('FT-39 a retention shorter than what is still to be read leaves a gap, and the rest is read', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  const first = await fleet.runtime();
  await fleet.readAt(first, fleet.nowMs);
  const stoppedMs = fleet.nowMs;
  await fleet.close(first);
  // Three days without a worker; meanwhile somebody sets the group to keep one day.
  world.access.retentionInDays = 1;
  world.request('expired', stoppedMs + HOUR);
  world.request('kept', stoppedMs + 3 * DAY - HOUR);
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, stoppedMs + 3 * DAY)).toEqual([]);
  const gaps = await runtime.journal.gaps();
  expect(spansOf(gaps, ACCESS_UNIT)).toEqual([[stoppedMs, stoppedMs + 2 * DAY]]);
  expect(spansOf(gaps, AUTHORIZER_UNIT)).toEqual([]);
  expect(gaps[0]?.reason).toContain('keeps this log group 1d');
  expect(await outcomesIn(runtime)).toMatchObject({ kept: 'matched' });
  expect(statusOf(runtime)?.readThroughMs).toBe(fleet.nowMs);
});

it('FT-39 a backfill of time that has expired unread leaves a gap; what was read before has none', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  const firstReadMs = fleet.nowMs - HOUR;
  for (let day = 1; day <= 3; day += 1) await fleet.readAt(runtime, fleet.nowMs + DAY);
  world.access.retentionInDays = 1;
  const fromMs = firstReadMs - 2 * HOUR;
  await fleet.orderBackfill(fromMs, firstReadMs + 2 * HOUR);
  expect(await fleet.readAt(runtime, fleet.nowMs + MINUTE)).toEqual([]);
  const spans = spansOf(await runtime.journal.gaps(), ACCESS_UNIT);
  expect([Math.min(...spans.map(([from]) => from)), Math.max(...spans.map(([, to]) => to))]).toEqual([
    fromMs,
    firstReadMs,
  ]);
  expect(spans.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(2 * HOUR);
});

it('FT-39 a refused encryption key holds its group without moving its position, and is told apart from a missing permission', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  const before = await runtime.journal.checkpoint(ACCESS_UNIT);
  world.logGroups = [{ ...world.access, kmsDenied: true }, world.authorizer];
  world.request('r', fleet.nowMs + 5 * SECOND);
  for (let turn = 0; turn < 3; turn += 1) {
    const left = await fleet.readAt(runtime, fleet.nowMs + 2 * MINUTE);
    expect(left).toEqual([expect.stringContaining('kms:Decrypt on the key that encrypts the log group')]);
  }
  expect(await runtime.journal.checkpoint(ACCESS_UNIT)).toEqual(before);
  expect(fleet.logger.at('error')).toHaveLength(1);
  expect(statusOf(runtime, AUTHORIZER_UNIT)?.readThroughMs).toBe(fleet.nowMs);
  world.logGroups = [world.access, world.authorizer];
  expect(await fleet.readAt(runtime, fleet.nowMs + 2 * MINUTE)).toEqual([]);
  expect(await outcomesIn(runtime)).toEqual({ r: 'matched' });
  expect(await runtime.journal.gaps()).toEqual([]);
});

const LATENCY: WorldSeries = {
  account: CENTRAL,
  region: REGION,
  namespace: 'AWS/ApiGateway',
  metricName: 'Latency',
  dimensions: { ApiName: 'orders', Stage: 'prod' },
};

async function metricsIn(runtime: Runtime): Promise<MetricRecord[]> {
  const rows = await rowsOf(runtime.journal, 'metrics');
  return rows.flatMap(({ record }) => (record.kind === 'metric' ? [record] : []));
}

it('FT-42 absence is not zero: a minute without samples has no record, and a percentile without samples no value', async () => {
  fleet = await ReadingFleet.start({ config: 'metrics: { firstRead: 10m, settle: 3m }' });
  const { world, nowMs } = fleet;
  world.series = [LATENCY];
  const minute = (n: number) => nowMs - 9 * MINUTE + n * MINUTE;
  const points: Readonly<Record<string, readonly WorldPoint[]>> = {
    SampleCount: [0, 1, 4].map((n) => ({ timestampMs: minute(n), value: 2 })),
    p99: [0, 4].map((n) => ({ timestampMs: minute(n), value: 80 })),
  };
  world.pointsOf = (_series, stat) => points[stat] ?? [];
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, nowMs)).toEqual([]);
  const records = (await metricsIn(runtime)).map(({ eventMs, values }) => [eventMs, values]);
  expect(records).toEqual([
    [minute(0), { SampleCount: 2, p99: 80 }],
    [minute(1), { SampleCount: 2 }],
    [minute(4), { SampleCount: 2, p99: 80 }],
  ]);
});

it('FT-42 a period below a minute is refused before anything is read', async () => {
  fleet = await ReadingFleet.start();
  const text = 'version: 1\nmetrics: { period: 30s }\n';
  const loaded = loadConfig({ path: 'gatewatch.yaml', text, env: {}, readFile: () => '' });
  expect(loaded.ok).toBe(false);
  const problems = loaded.ok ? [] : loaded.problems;
  expect(JSON.stringify(problems)).toMatch(/metrics.{0,20}period.*60 ?s|metrics.{0,20}period.*1m/);
});

it('FT-42 after three weeks without a worker old minutes are asked for by five minutes, and the lost resolution is a gap', async () => {
  fleet = await ReadingFleet.start({
    config: 'metrics: { firstRead: 10m, statistics: { latency: [Average] } }',
    sandbox: { limits: { metricPagePoints: 100_000 } },
  });
  const { world } = fleet;
  world.series = [LATENCY];
  const stoppedMs = fleet.nowMs;
  // One sample at each full hour.
  world.pointsOf = (_series, _stat, periodS) =>
    Array.from({ length: 22 * 24 }, (_, hour) => stoppedMs + hour * HOUR)
      .filter((atMs) => atMs % (periodS * SECOND) === 0)
      .map((timestampMs) => ({ timestampMs, value: 1 }));
  const first = await fleet.runtime();
  await fleet.readAt(first, stoppedMs);
  await fleet.close(first);
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, stoppedMs + 21 * DAY)).toEqual([]);
  const records = await metricsIn(runtime);
  const edgeMs = fleet.nowMs - 15 * DAY;
  // Every hour is there; by minutes only where minutes are kept.
  expect(new Set(records.map(({ eventMs }) => eventMs)).size).toBe(21 * 24);
  for (const { eventMs, periodS } of records)
    expect([eventMs, periodS]).toEqual([eventMs, eventMs < edgeMs + HOUR ? 300 : 60]);
  const gaps = await runtime.journal.gaps();
  const spans = spansOf(gaps, METRICS_UNIT);
  expect(spans[0]?.[0]).toBeLessThanOrEqual(stoppedMs);
  expect(Math.max(...spans.map(([, toMs]) => toMs))).toBe(edgeMs + HOUR);
  expect(gaps[0]?.reason).toBe(
    'CloudWatch keeps points of 60 s 15 days: this time was read in points of 300 s instead',
  );
});

it('FT-42 what is older than CloudWatch keeps at any period is a gap', async () => {
  fleet = await ReadingFleet.start({ config: 'metrics: { firstRead: 10m }' });
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  await fleet.orderBackfill(fleet.nowMs - 457 * DAY, fleet.nowMs - 456 * DAY);
  expect(await fleet.readAt(runtime, fleet.nowMs + MINUTE)).toEqual([]);
  const gaps = (await runtime.journal.gaps()).filter(({ unit }) => unit === METRICS_UNIT);
  expect(gaps.map(({ reason }) => reason)).toEqual(['CloudWatch keeps metric points 455 days']);
  expect(gaps[0]?.toMs).toBe(fleet.nowMs - MINUTE - 456 * DAY);
});
