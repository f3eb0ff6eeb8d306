import type { World, WorldEvent, WorldSeries } from '../../src/sandbox/world.ts';

export const central = '111122223333';
export const identity = '444455556666';
export const region = 'eu-west-1';
export const historyFromMs = Date.UTC(2026, 10, 1, 10, 0, 0);
export const historyToMs = historyFromMs + 3_600_000;
export const longestLagMs = 120_000;

export const accessGroup = '/aws/apigateway/orders';
export const authorizerGroup = '/aws/lambda/authorizer';

/** `count` events a second apart; each fourth becomes readable only after the longest lag. */
export function eventsOf(count: number, message = (n: number) => `line ${n}`): WorldEvent[] {
  return Array.from({ length: count }, (_, n) => {
    const timestampMs = historyFromMs + n * 1_000;
    return {
      logStream: `stream-${n % 3}`,
      eventId: String(n).padStart(8, '0'),
      timestampMs,
      ingestionMs: timestampMs + (n % 4 === 3 ? longestLagMs : 500),
      message: message(n),
    };
  });
}

const latency: WorldSeries = {
  account: central,
  region,
  namespace: 'AWS/ApiGateway',
  metricName: 'Latency',
  dimensions: { ApiName: 'orders', Stage: 'prod' },
};

export const series: readonly WorldSeries[] = [
  latency,
  { ...latency, dimensions: { ApiName: 'orders' } },
  { ...latency, metricName: 'Count' },
  { ...latency, account: identity, dimensions: { ApiId: 'h1' } },
];

export interface SmallWorld extends World {
  readonly advancedTo: number[];
}

/** A world made by hand: one REST and one HTTP API, two groups; a metric point is its minute's number. */
export function smallWorld(events: { access?: WorldEvent[]; authorizer?: WorldEvent[] } = {}): SmallWorld {
  const advancedTo: number[] = [];
  return {
    advancedTo,
    accounts: [
      { accountId: central, regions: [region] },
      { accountId: identity, regions: [region] },
    ],
    restApis: Array.from({ length: 3 }, (_, n) => ({
      account: central,
      region,
      api: { id: `rest${n}`, name: `orders-${n}`, createdDate: historyFromMs / 1_000, tags: { team: 'a' } },
      stages: [
        { stageName: 'prod', accessLogSettings: { format: '$context.requestId', destinationArn: 'arn' } },
      ],
      authorizers: [{ id: 'auth1', name: 'token', type: 'TOKEN', authorizerResultTtlInSeconds: 300 }],
      resources: [
        { id: 'r', path: '/', resourceMethods: { GET: { httpMethod: 'GET', authorizationType: 'CUSTOM' } } },
      ],
    })),
    v2Apis: Array.from({ length: 3 }, (_, n) => ({
      account: central,
      region,
      api: { apiId: `http${n}`, name: `pay-${n}`, protocolType: 'HTTP', createdDate: '2026-11-01T00:00:00Z' },
      stages: [{ stageName: '$default', accessLogSettings: { format: '$context.requestId' } }],
      authorizers: [{ authorizerId: 'jwt1', name: 'jwt', authorizerType: 'JWT' }],
      routes: [{ routeId: 'x', routeKey: 'GET /pay', authorizationType: 'JWT', authorizerId: 'jwt1' }],
    })),
    logGroups: [
      { account: central, region, name: accessGroup, events: events.access ?? eventsOf(100) },
      { account: identity, region, name: authorizerGroup, events: events.authorizer ?? eventsOf(10) },
    ],
    series,
    longestLagMs,
    historyFromMs,
    historyToMs,
    plantedSecrets: [],
    advanceTo: (nowMs) => advancedTo.push(nowMs),
    points: (wanted, _stat, periodS, fromMs, toMs, nowMs) => {
      if (wanted.metricName !== 'Latency') return [];
      const periodMs = periodS * 1_000;
      const points = [];
      for (
        let at = Math.max(historyFromMs, fromMs);
        at < Math.min(toMs, historyToMs, nowMs);
        at += periodMs
      ) {
        points.push({ timestampMs: at, value: (at - historyFromMs) / periodMs + 0.5 });
      }
      return points;
    },
    *truth() {
      yield {
        type: 'metric',
        account: central,
        region,
        metricName: 'Latency',
        dimensions: latency.dimensions,
        timestampMs: historyFromMs,
        values: { p99: 0.5 },
      };
    },
  };
}
