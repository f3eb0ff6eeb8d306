import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_POINTS, MAX_QUERIES, planMetricCalls } from '../../../src/sources/metrics/metric-calls.ts';
import { seriesOf } from './series-fixture.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_700_000_000_000;
const FIVE = ['p50', 'p95', 'p99', 'Average', 'SampleCount'];

function manySeries(count: number, statistics = FIVE) {
  return Array.from({ length: count }, (_, index) => seriesOf(`M${index}`, statistics));
}

describe('planMetricCalls', () => {
  it('puts a hundred series of five statistics into one call and the next into another', () => {
    const window = { fromMs: NOW - HOUR, toMs: NOW };
    expect(planMetricCalls(manySeries(100), window, NOW).calls).toHaveLength(1);
    const calls = planMetricCalls(manySeries(101), window, NOW).calls;
    expect(calls.map(({ entries }) => entries.length)).toEqual([100, 1]);
  });

  it('never splits the statistics of a series, never passes a limit and leaves no minute out', () => {
    const shape = fc.record({
      counts: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 150 }),
      minutes: fc.integer({ min: 1, max: 40 * 1_440 }),
    });
    fc.assert(
      fc.property(shape, ({ counts, minutes }) => {
        const series = counts.map((count, index) =>
          seriesOf(`M${index}`, FIVE.concat('Sum', 'Minimum').slice(0, count)),
        );
        const toMs = Math.floor(NOW / HOUR) * HOUR;
        const window = { fromMs: toMs - minutes * 60_000, toMs };
        const { calls } = planMetricCalls(series, window, NOW);
        const readOf = new Map(series.map(({ metricName }) => [metricName, 0]));
        for (const call of calls) {
          const queries = call.entries.flatMap((entry) => entry.queries);
          const points = ((call.toMs - call.fromMs) / (call.periodS * 1_000)) * queries.length;
          expect(queries.length).toBeLessThanOrEqual(MAX_QUERIES);
          expect(points).toBeLessThanOrEqual(MAX_POINTS);
          expect(new Set(queries.map(({ id }) => id)).size).toBe(queries.length);
          for (const entry of call.entries) {
            expect(entry.queries).toHaveLength(entry.series.statistics.length);
            const from = Math.max(call.fromMs, window.fromMs);
            const read = Math.min(call.toMs, window.toMs) - from;
            readOf.set(entry.series.metricName, (readOf.get(entry.series.metricName) ?? 0) + read);
          }
        }
        for (const read of readOf.values()) expect(read).toBe(window.toMs - window.fromMs);
      }),
      { numRuns: 50 },
    );
  });

  it('reads an old window at the resolution that is still kept', () => {
    const { calls, gone } = planMetricCalls(
      [seriesOf('Latency', FIVE)],
      { fromMs: NOW - 500 * DAY, toMs: NOW },
      NOW,
    );
    const periods = [...new Set(calls.map(({ periodS }) => periodS))];
    expect(periods).toEqual([3_600, 300, 60]);
    const youngestOf = (periodS: number) =>
      Math.min(...calls.filter((call) => call.periodS === periodS).map(({ fromMs }) => fromMs));
    expect(youngestOf(60)).toBeGreaterThan(NOW - 15 * DAY);
    expect(youngestOf(300)).toBeGreaterThan(NOW - 63 * DAY);
    expect(youngestOf(3_600)).toBeGreaterThan(NOW - 455 * DAY);
    expect(gone?.fromMs).toBe(NOW - 500 * DAY);
    expect(gone?.toMs).toBe(youngestOf(3_600));
    expect(calls[0]?.entries[0]?.series.periodS).toBe(3_600);
  });

  it('aligns an unaligned window outwards, to whole points', () => {
    const { calls } = planMetricCalls(
      [seriesOf('Latency', ['p99'])],
      { fromMs: NOW - 90_001, toMs: NOW - 1 },
      NOW,
    );
    expect(calls.map(({ fromMs, toMs }) => [fromMs % 60_000, toMs % 60_000])).toEqual([[0, 0]]);
  });
});
