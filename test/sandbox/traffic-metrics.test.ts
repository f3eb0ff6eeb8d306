import { describe, expect, it } from 'vitest';
import { percentile, statisticOf } from '../../src/sandbox/metric-points.ts';
import type { World, WorldSeries } from '../../src/sandbox/world.ts';
import {
  eventKey,
  eventsByKey,
  HISTORY_END_MS,
  metricsOf,
  requestsOf,
  settledTruth,
  worldOf,
} from './traffic-world.ts';

const MINUTE_MS = 60_000;
const world = worldOf({ seed: 21, minutes: 30, ratePerSecond: 10 });
const settledMs = HISTORY_END_MS + world.longestLagMs;

function seriesOf(
  from: World,
  metricName: string,
  dimensions: Readonly<Record<string, string>>,
): WorldSeries {
  const wanted = JSON.stringify(dimensions);
  const found = from.series.find(
    (series) => series.metricName === metricName && JSON.stringify(series.dimensions) === wanted,
  );
  if (found === undefined) throw new Error(`Expected a series ${metricName} ${wanted}, got none`);
  return found;
}

describe('percentile', () => {
  it('interpolates linearly between the nearest ranks', () => {
    expect(percentile([10, 20, 30, 40], 50)).toBe(25);
    expect(percentile([10, 20, 30, 40], 95)).toBeCloseTo(38.5, 10);
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([1, 2, 3], 100)).toBe(3);
  });

  it('refuses a statistic it cannot compute instead of looking idle', () => {
    expect(() => statisticOf('tm99')).toThrow(/p99/);
    expect(statisticOf('p99.9')([1, 2])).toBeCloseTo(1.999, 10);
  });
});

describe('metric points', () => {
  const latency = seriesOf(world, 'Latency', { ApiName: 'orders-api', Stage: 'prod' });

  it('come from the same requests as the access lines', () => {
    const events = eventsByKey(world);
    const latencies = new Map<number, number[]>();
    for (const row of requestsOf(settledTruth(world))) {
      if (row.apiName !== 'payments-http' || row.access === undefined) continue;
      const line: unknown = JSON.parse(events.get(eventKey(row.access))?.message ?? 'null');
      if (typeof line !== 'object' || line === null || !('responseLatency' in line)) continue;
      const tookMs = Number(line.responseLatency);
      const minuteMs = Math.floor((row.eventMs + tookMs) / MINUTE_MS) * MINUTE_MS;
      latencies.set(minuteMs, [...(latencies.get(minuteMs) ?? []), tookMs]);
    }
    const series = seriesOf(world, 'Latency', { ApiId: 'd0e1f2a3b4', Stage: 'live' });
    const points = world.points(series, 'Maximum', 60, world.historyFromMs, HISTORY_END_MS, settledMs);
    const counts = world.points(series, 'SampleCount', 60, world.historyFromMs, HISTORY_END_MS, settledMs);
    const truncated =
      counts.reduce((sum, point) => sum + point.value, 0) - [...latencies.values()].flat().length;
    expect(truncated).toBeGreaterThanOrEqual(0);
    expect(truncated).toBeLessThan(60);
    expect(points.length).toBe(30);
    for (const [minuteMs, taken] of latencies) {
      const most = points.find((point) => point.timestampMs === minuteMs)?.value;
      if (most !== undefined) expect(most).toBeGreaterThanOrEqual(Math.max(...taken));
    }
  });

  it('are absent at first, partial next, and final in the end', () => {
    const minuteMs = HISTORY_END_MS - 10 * MINUTE_MS;
    const at = (nowMs: number) =>
      world.points(latency, 'SampleCount', 60, minuteMs, minuteMs + MINUTE_MS, nowMs)[0]?.value;
    const final = at(settledMs) ?? 0;
    expect(at(minuteMs + 65_000)).toBeUndefined();
    expect(at(minuteMs + 100_000)).toBeGreaterThan(0);
    expect(at(minuteMs + 100_000)).toBeLessThan(final);
    let last = 0;
    for (let nowMs = minuteMs + 60_000; nowMs < settledMs; nowMs += 5_000) {
      expect(at(nowMs) ?? 0).toBeGreaterThanOrEqual(last);
      last = at(nowMs) ?? 0;
    }
  });

  it('are sometimes restated after they looked complete', () => {
    const settle = 180_000;
    const restated = world.series.flatMap((series) => {
      const early = Array.from({ length: 20 }, (_, i) => {
        const minuteMs = HISTORY_END_MS - (i + 8) * MINUTE_MS;
        const read = (nowMs: number) =>
          world.points(series, 'SampleCount', 60, minuteMs, minuteMs + 1, nowMs)[0];
        return read(minuteMs + settle)?.value !== read(settledMs)?.value;
      });
      return early.filter(Boolean);
    });
    expect(restated.length).toBeGreaterThan(0);
  });

  it('agree with the truth, which lists only what will not change', () => {
    const nowMs = HISTORY_END_MS;
    const rows = metricsOf([...world.truth(nowMs)]);
    expect(rows.length).toBeGreaterThan(1_000);
    for (const row of rows.filter((_, index) => index % 7 === 0)) {
      const series = world.series.find(
        (one) => one.metricName === row.metricName && one.dimensions === row.dimensions,
      );
      if (series === undefined) throw new Error(`Expected the series of ${row.metricName}, got none`);
      for (const [stat, value] of Object.entries(row.values)) {
        for (const at of [nowMs, settledMs]) {
          const point = world.points(series, stat, 60, row.timestampMs, row.timestampMs + 1, at);
          expect(point).toEqual([{ timestampMs: row.timestampMs, value }]);
        }
      }
    }
  });

  it('count an error as a sample of one, so that the average is the rate', () => {
    const errors = seriesOf(world, '4XXError', { ApiName: 'orders-api', Stage: 'prod' });
    const [from, to] = [world.historyFromMs, HISTORY_END_MS];
    const value = (stat: string) =>
      world.points(errors, stat, 1_800, from, to, settledMs)[0]?.value ?? Number.NaN;
    expect(value('Average')).toBeCloseTo(value('Sum') / value('SampleCount'), 12);
    expect(value('Sum')).toBeGreaterThan(0);
  });

  it('name series as each protocol does, by name or by id, with and without stage', () => {
    const shapes = new Set(world.series.map((series) => Object.keys(series.dimensions).sort().join(',')));
    expect([...shapes].sort()).toEqual([
      'ApiId',
      'ApiId,Stage',
      'ApiName',
      'ApiName,Method,Resource,Stage',
      'ApiName,Stage',
    ]);
    const names = new Set(world.series.map((series) => series.metricName));
    for (const name of ['4XXError', '4xx', 'DataProcessed', 'ConnectCount', 'ExecutionError']) {
      expect(names.has(name)).toBe(true);
    }
  });

  it('start at the period they are asked for and leave out the end', () => {
    const minuteMs = HISTORY_END_MS - 20 * MINUTE_MS;
    const points = world.points(
      latency,
      'SampleCount',
      60,
      minuteMs + 1,
      minuteMs + 2 * MINUTE_MS,
      settledMs,
    );
    expect(points.map((point) => point.timestampMs)).toEqual([minuteMs + MINUTE_MS]);
  });
});
