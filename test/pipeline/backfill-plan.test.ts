import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/core/token-bucket.ts';
import type { Order } from '../../src/model/order.ts';
import { forecastBackfill } from '../../src/pipeline/backfill-forecast.ts';
import { begun, chooseUnits, planRound, progressShare } from '../../src/pipeline/backfill-plan.ts';
import { createRateLimitedSource } from '../../src/pipeline/rate-limited-source.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW_MS = Date.UTC(2026, 10, 22, 12);
const ORDER: Order = {
  id: 'o',
  kind: 'backfill',
  fromMs: 0,
  toMs: HOUR_MS,
  asked: 'x',
  createdMs: 0,
  state: 'pending',
  progress: {},
};
const CHOSEN = { authorizers: ['authorizer'], accesses: ['access'], metrics: [] };

describe('the plan of a backfill', () => {
  it('reads the authorizers a minute ahead of the access lines that name them', () => {
    expect(planRound(ORDER, CHOSEN, 600_000)).toEqual({
      authorizers: [{ unit: 'authorizer', window: { fromMs: 0, toMs: 660_000 } }],
      accesses: [{ unit: 'access', window: { fromMs: 0, toMs: 600_000 } }],
    });
  });

  it('takes up each unit where it stands and never goes past the end', () => {
    const order = { ...ORDER, progress: { authorizer: HOUR_MS, access: HOUR_MS - 1_000 } };
    expect(planRound(order, CHOSEN, 600_000)).toEqual({
      authorizers: [],
      accesses: [{ unit: 'access', window: { fromMs: HOUR_MS - 1_000, toMs: HOUR_MS } }],
    });
  });

  it('goes back for an authorizer that was left behind', () => {
    const order = { ...ORDER, progress: { authorizer: 1_000, access: HOUR_MS } };
    expect(planRound(order, CHOSEN, 600_000)?.authorizers[0]?.window).toEqual({
      fromMs: 1_000,
      toMs: 661_000,
    });
  });

  it('is empty when all units are at the end', () => {
    const order = { ...ORDER, progress: { authorizer: HOUR_MS, access: HOUR_MS } };
    expect(planRound(order, CHOSEN, 600_000)).toBeUndefined();
  });

  it('chooses by pattern and counts every chosen unit in its share', () => {
    const units = { logs: ['logs:1:a:/x', 'logs:1:a:/aws/lambda/f'], metrics: ['metrics:1:a'] };
    const chosen = chooseUnits({ unit: 'logs:*' }, units, (unit) => unit.includes('lambda'));
    expect(chosen).toEqual({
      authorizers: ['logs:1:a:/aws/lambda/f'],
      accesses: ['logs:1:a:/x'],
      metrics: [],
    });
    const order = begun({ ...ORDER, progress: { 'logs:1:a:/x': HOUR_MS / 2 } }, chosen);
    expect(order.state).toBe('running');
    expect(progressShare(order)).toBe(0.25);
  });
});

describe('the forecast of a backfill', () => {
  const group = { account: '111122223333', region: 'eu-west-1', logGroup: '/apigw/orders' };
  const series = {
    account: '111122223333',
    region: 'eu-west-1',
    namespace: 'AWS/ApiGateway',
    metricName: 'Latency',
    dimensions: { ApiName: 'orders', Stage: 'prod' },
    protocol: 'REST',
    periodS: 60,
    statistics: ['p50', 'p95', 'p99', 'Average', 'SampleCount', 'Maximum'],
    unit: 'ms',
  } as const;
  const forecast = (fromMs: number, more: object = {}) =>
    forecastBackfill({
      span: { fromMs, toMs: NOW_MS },
      logGroups: [group],
      series: [series],
      sliceMs: 600_000,
      quotaShare: 0.6,
      quotas: {},
      dollarsPerThousandMetrics: 10,
      nowMs: NOW_MS,
      ...more,
    });

  it('counts a call per growing slice and bills a series once a day for each five statistics', () => {
    const { operations, billedMetrics, dollars } = forecast(NOW_MS - 2 * DAY_MS);
    // 10, 20, 40, 80, 160, 320 minutes, then six hours each.
    expect(operations.map(({ operation, calls }) => [operation, calls])).toEqual([
      ['FilterLogEvents', 13],
      ['GetMetricData', 2],
    ]);
    expect(billedMetrics).toBe(4);
    expect(dollars).toBeCloseTo(0.04);
  });

  it('takes as long as the rate limit makes it', () => {
    const { operations, expectedMs } = forecast(NOW_MS - 2 * DAY_MS, { callsPerSecond: 0.1 });
    expect(expectedMs).toBe(150_000);
    expect(operations[0]?.quotaShare).toBeCloseTo(0.01);
  });

  it('says at which resolution old points are kept, and what is gone', () => {
    expect(forecast(NOW_MS - DAY_MS).coarsestPeriodS).toBe(60);
    expect(forecast(NOW_MS - 20 * DAY_MS).coarsestPeriodS).toBe(300);
    expect(forecast(NOW_MS - 400 * DAY_MS)).not.toHaveProperty('gone');
    expect(forecast(NOW_MS - 500 * DAY_MS).gone?.fromMs).toBe(NOW_MS - 500 * DAY_MS);
    expect(forecast(NOW_MS - 500 * DAY_MS, { series: [] })).not.toHaveProperty('gone');
  });
});

it('a rate-limited source pays one token for each page and none for the end', async () => {
  let nowMs = 0;
  const clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const source = {
    unit: 'u',
    async *read() {
      for (const items of [[1], [], [2]]) yield { items, read: items.length, bytes: 0 };
    },
  };
  const limited = createRateLimitedSource(source, new TokenBucket({ clock, ratePerSecond: 2, burst: 1 }));
  const pages: unknown[] = [];
  const signal = new AbortController().signal;
  for await (const page of limited.read({ fromMs: 0, toMs: 1 }, signal)) pages.push(page.items);
  expect(pages).toEqual([[1], [], [2]]);
  expect(nowMs).toBe(1_000);
});
