import type { Protocol } from '../model/inventory.ts';

/** What a metric measures, which decides its unit and its statistics. */
export type MetricKind = 'latency' | 'count' | 'error' | 'cache' | 'bytes';

/** Unit as sinks print it: milliseconds, a bare number, bytes. Never sent to CloudWatch: a wrong one returns nothing. */
export type MetricUnit = 'ms' | '1' | 'By';

/** `api`: all stages of an API; `stage`; `detailed`: per method and resource or per route, published only when paid for. */
export type DimensionLevel = 'api' | 'stage' | 'detailed';

export interface MetricRow {
  readonly protocol: Protocol;
  /** CloudWatch's name; case matters and differs between REST (`4XXError`) and HTTP (`4xx`). */
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit: MetricUnit;
  /** Names of the exact dimension set at each level. Two sets of one metric must never be added up. */
  readonly dimensions: Readonly<Record<DimensionLevel, readonly string[]>>;
  /** At most five, which CloudWatch bills as one. */
  readonly defaultStatistics: readonly string[];
}

export const API_GATEWAY_NAMESPACE = 'AWS/ApiGateway';

const UNITS: Readonly<Record<MetricKind, MetricUnit>> = {
  latency: 'ms',
  count: '1',
  error: '1',
  cache: '1',
  bytes: 'By',
};

/**
 * Percentiles come with the count they rest on. Each request is one sample of `Count`, so `SampleCount` is the number;
 * errors and cache hits are 0 or 1 per request, so `Sum` is the number and `Average` the rate.
 */
export const DEFAULT_STATISTICS: Readonly<Record<MetricKind, readonly string[]>> = {
  latency: ['p50', 'p95', 'p99', 'Average', 'SampleCount'],
  count: ['SampleCount'],
  error: ['Sum', 'Average', 'SampleCount'],
  cache: ['Sum', 'Average', 'SampleCount'],
  bytes: ['Sum', 'Average', 'SampleCount'],
};

/** REST metrics are keyed by API name, the others by API id. HTTP detailed metrics had `{ApiId,Stage,Route}` before. */
const DIMENSIONS: Readonly<Record<Protocol, MetricRow['dimensions']>> = {
  REST: {
    api: ['ApiName'],
    stage: ['ApiName', 'Stage'],
    detailed: ['ApiName', 'Method', 'Resource', 'Stage'],
  },
  HTTP: {
    api: ['ApiId'],
    stage: ['ApiId', 'Stage'],
    detailed: ['ApiId', 'Method', 'Resource', 'Stage'],
  },
  WEBSOCKET: {
    api: ['ApiId'],
    stage: ['ApiId', 'Stage'],
    detailed: ['ApiId', 'Stage', 'Route'],
  },
};

function row(protocol: Protocol, name: string, kind: MetricKind): MetricRow {
  return {
    protocol,
    name,
    kind,
    unit: UNITS[kind],
    dimensions: DIMENSIONS[protocol],
    defaultStatistics: DEFAULT_STATISTICS[kind],
  };
}

/** Every metric that API Gateway publishes: developer guide, "metrics and dimensions" of each protocol. */
export const METRICS: readonly MetricRow[] = [
  row('REST', 'Count', 'count'),
  row('REST', '4XXError', 'error'),
  row('REST', '5XXError', 'error'),
  row('REST', 'Latency', 'latency'),
  row('REST', 'IntegrationLatency', 'latency'),
  row('REST', 'CacheHitCount', 'cache'),
  row('REST', 'CacheMissCount', 'cache'),
  row('HTTP', 'Count', 'count'),
  row('HTTP', '4xx', 'error'),
  row('HTTP', '5xx', 'error'),
  row('HTTP', 'Latency', 'latency'),
  row('HTTP', 'IntegrationLatency', 'latency'),
  row('HTTP', 'DataProcessed', 'bytes'),
  row('WEBSOCKET', 'ConnectCount', 'count'),
  row('WEBSOCKET', 'MessageCount', 'count'),
  row('WEBSOCKET', 'IntegrationError', 'error'),
  row('WEBSOCKET', 'ClientError', 'error'),
  row('WEBSOCKET', 'ExecutionError', 'error'),
  row('WEBSOCKET', 'IntegrationLatency', 'latency'),
];

/**
 * `ApiName` as published: API Gateway leaves out what is not ASCII, and uses the API id when nothing is left.
 */
export function publishedApiName(apiName: string, apiId: string): string {
  const ascii = [...apiName].filter((character) => character.charCodeAt(0) < 128).join('');
  return ascii === '' ? apiId : ascii;
}
