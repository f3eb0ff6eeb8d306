import { describe, expect, it } from 'vitest';
import { type CostInput, forecastCost } from '../../src/sources/cost-forecast.ts';
import { metricsConfig } from '../../src/sources/metrics/config.ts';
import { metricSeriesFor } from '../../src/sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../src/sources/metrics/metrics-settings.ts';
import { CENTRAL, REGION, seriesOf, stageOf } from './metrics/series-fixture.ts';

const metrics = metricsSettingsOf(metricsConfig.parse({}));
const group = (logGroup: string) => ({ account: CENTRAL, region: REGION, logGroup });
const stage = stageOf('r1', 'orders', 'REST', {
  accessLogGroup: group('/apigw/orders'),
  authorizers: {
    a: { authorizerId: 'a', name: 'a', kind: 'lambda_token', ttlMs: 0, logGroup: group('/aws/lambda/a') },
    b: { authorizerId: 'b', name: 'b', kind: 'lambda_token', ttlMs: 0, logGroup: group('/aws/lambda/a') },
  },
});

function inputOf(more: Partial<CostInput> = {}): CostInput {
  return {
    inventory: { stages: [stage] },
    series: metricSeriesFor({ stages: [stage] }, metrics),
    runsPerDay: { metrics: 288, logs: 4_320, inventory: 144 },
    metrics,
    logs: { overlapMs: 60_000, rereadsMs: [], sliceMs: 300_000, eventsPerSecond: 0, bytesPerEvent: 800 },
    prices: { perThousandMetrics: 0.01 },
    quotas: {},
    nowMs: 1_700_000_000_000,
    ...more,
  };
}

function callsOf(input: CostInput, operation: string): number | undefined {
  return forecastCost(input).operations.find((one) => one.operation === operation)?.callsPerDay;
}

describe('forecastCost', () => {
  it('prices one series read every five minutes at nine cents in thirty days', () => {
    const forecast = forecastCost(
      inputOf({ series: [seriesOf('Latency', ['p50', 'p95', 'p99', 'Average', 'SampleCount'])] }),
    );
    expect(forecast.billedMetricsPerDay).toBe(288);
    expect(forecast.dollarsPer30Days).toBeCloseTo(0.0864, 6);
  });

  it('bills the sixth statistic as another metric', () => {
    const six = ['p50', 'p90', 'p95', 'p99', 'Average', 'SampleCount'];
    expect(forecastCost(inputOf({ series: [seriesOf('Latency', six)] })).billedMetricsPerRead).toBe(2);
  });

  it('counts one metric call a run while all series fit one', () => {
    expect(callsOf(inputOf(), 'GetMetricData')).toBe(288);
  });

  it('counts each log group once, however many stages and authorizers share it', () => {
    const forecast = forecastCost(inputOf());
    expect(forecast.logGroups).toBe(2);
    expect(callsOf(inputOf(), 'FilterLogEvents')).toBe(2 * 4_320);
  });

  it('adds re-reads and further pages to the log calls', () => {
    const { logs } = inputOf();
    const reread = inputOf({ logs: { ...logs, rereadsMs: [300_000, 86_400_000] } });
    expect(callsOf(reread, 'FilterLogEvents')).toBe(2 * (4_320 + 288 + 12));
    // 1,000 events a second fill 86,400,000 / 1,250 pages; the 60 s overlap on a 20 s rhythm reads each four times.
    const busy = inputOf({ logs: { ...logs, eventsPerSecond: 1_000 } });
    expect(callsOf(busy, 'FilterLogEvents')).toBe(2 * 4_320 + 4 * 69_120);
  });

  it('shows how much of the quota is used, by the quota of the Region', () => {
    const filter = forecastCost(inputOf()).operations.find(
      ({ operation }) => operation === 'FilterLogEvents',
    );
    expect(filter).toMatchObject({ account: CENTRAL, region: REGION, quotaPerSecond: 10 });
    expect(filter?.quotaShare).toBeCloseTo(0.01, 6);
  });
});
