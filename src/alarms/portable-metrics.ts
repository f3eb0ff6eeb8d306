import { API_GATEWAY_NAMESPACE, METRICS, publishedApiName } from '../catalog/metrics.ts';
import type { Protocol, StageInventory } from '../model/inventory.ts';
import type { PORTABLE_METRICS } from './format/alarm-schema.ts';

export type PortableMetric = (typeof PORTABLE_METRICS)[number];

/** Signals that CloudWatch has no metric for: they come from the access log. */
export const LOG_SIGNALS = ['auth.failures', 'auth.denials', 'auth.latency', 'throttles'] as const;
export type LogSignal = (typeof LOG_SIGNALS)[number];

export interface MetricRef {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** CloudWatch's own name of a portable metric, by protocol. Absent: that protocol publishes no such thing. */
const NAMES: Readonly<
  Record<Exclude<PortableMetric, LogSignal>, Partial<Readonly<Record<Protocol, string>>>>
> = {
  requests: { REST: 'Count', HTTP: 'Count', WEBSOCKET: 'MessageCount' },
  'errors.server': { REST: '5XXError', HTTP: '5xx', WEBSOCKET: 'ExecutionError' },
  'errors.client': { REST: '4XXError', HTTP: '4xx', WEBSOCKET: 'ClientError' },
  latency: { REST: 'Latency', HTTP: 'Latency', WEBSOCKET: 'IntegrationLatency' },
  'latency.integration': {
    REST: 'IntegrationLatency',
    HTTP: 'IntegrationLatency',
    WEBSOCKET: 'IntegrationLatency',
  },
  'integration.errors': { WEBSOCKET: 'IntegrationError' },
};

export function isLogSignal(metric: PortableMetric): metric is LogSignal {
  return !Object.hasOwn(NAMES, metric);
}

/**
 * A portable metric of one stage, or of one of its routes. Always with `Stage`: without it a test stage hides or
 * triggers production. `undefined` where the protocol publishes no such metric.
 */
export function metricOf(
  metric: Exclude<PortableMetric, LogSignal>,
  stage: StageInventory,
  route?: string,
): MetricRef | undefined {
  const metricName = NAMES[metric][stage.protocol];
  const row = METRICS.find((known) => known.protocol === stage.protocol && known.name === metricName);
  if (row === undefined) return undefined;
  const values: Readonly<Record<string, string>> = {
    ApiName: publishedApiName(stage.apiName, stage.apiId),
    ApiId: stage.apiId,
    Stage: stage.stage,
    ...(route === undefined ? {} : routeValues(route)),
  };
  const names = row.dimensions[route === undefined ? 'stage' : 'detailed'];
  return {
    namespace: API_GATEWAY_NAMESPACE,
    metricName: row.name,
    dimensions: Object.fromEntries(names.map((name) => [name, values[name] ?? ''])),
  };
}

function routeValues(route: string): Readonly<Record<string, string>> {
  const space = route.indexOf(' ');
  return space < 0
    ? { Route: route, Method: route, Resource: route }
    : { Route: route, Method: route.slice(0, space), Resource: route.slice(space + 1) };
}
