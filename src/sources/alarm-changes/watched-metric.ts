import { isObject } from '../../core/json.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { Properties } from '../../model/managed-resource.ts';

/** What somebody who reads "server errors" looks for among the requests. */
export type SampleKind =
  | 'server_errors'
  | 'client_errors'
  | 'latency'
  | 'authorizer_latency'
  | 'denials'
  | 'authorizer_failures'
  | 'throttles';

/** The one metric that an alarm is about; of metric math, the first that is no mere count of requests. */
export interface WatchedMetric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** CloudWatch's word: `p99`, `Sum`. */
  readonly statistic: string;
  /** True where the value is divided by a count. */
  readonly isShare: boolean;
  readonly periodS: number;
}

export interface Place {
  readonly apiId?: string;
  readonly apiName?: string;
  readonly stage?: string;
}

/** Metric math may ask for anything; a period that is not told is the one CloudWatch takes by itself. */
const DEFAULT_PERIOD_S = 60;
/** Metric filters have no dimensions: the name says it all, `<signal>/<apiId>/<stage>`, with `%24` for `$`. */
const FILTER_NAMESPACE = 'Gatewatch/ApiGateway';

/** Reads the properties of a described metric alarm; undefined for a composite, or what names no metric. */
export function watchedMetric(properties: Properties): WatchedMetric | undefined {
  if (typeof properties.MetricName === 'string') {
    const statistic = properties.ExtendedStatistic ?? properties.Statistic;
    return {
      ...metricOf(properties),
      statistic: typeof statistic === 'string' ? statistic : '',
      isShare: false,
      periodS: numberOr(properties.Period, DEFAULT_PERIOD_S),
    };
  }
  const queries = Array.isArray(properties.Metrics) ? properties.Metrics.filter(isObject) : [];
  const stats = queries.flatMap((query) => (isObject(query.MetricStat) ? [query.MetricStat] : []));
  const stat = stats.find((one) => one.Stat !== 'SampleCount') ?? stats[0];
  if (stat === undefined || !isObject(stat.Metric)) return undefined;
  const isShare = queries.some(
    ({ Expression }) => typeof Expression === 'string' && /\/\s*[a-z]/i.test(Expression),
  );
  return {
    ...metricOf(stat.Metric),
    statistic: typeof stat.Stat === 'string' ? stat.Stat : '',
    isShare,
    periodS: numberOr(stat.Period, DEFAULT_PERIOD_S),
  };
}

function metricOf(metric: Readonly<Record<string, unknown>>) {
  const list = Array.isArray(metric.Dimensions) ? metric.Dimensions.filter(isObject) : [];
  return {
    namespace: String(metric.Namespace ?? ''),
    metricName: String(metric.MetricName ?? ''),
    dimensions: Object.fromEntries(list.map(({ Name, Value }) => [String(Name), String(Value)])),
  };
}

/** The API and stage that a metric is of, with what the inventory knows of them. Two APIs of one name leave the id open. */
export function placeOf(metric: WatchedMetric, stages: readonly StageInventory[]): Place {
  const named = namedPlace(metric);
  const fitting = stages.filter(
    ({ apiId, apiName, stage }) =>
      (named.apiId === undefined || named.apiId === apiId) &&
      (named.apiName === undefined || named.apiName === apiName) &&
      (named.stage === undefined || named.stage === stage),
  );
  const isNamed = named.apiId !== undefined || named.apiName !== undefined;
  const ids = new Set(fitting.map(({ apiId }) => apiId));
  const [one] = fitting;
  if (!isNamed || one === undefined) return named;
  return { apiName: one.apiName, ...named, ...(ids.size === 1 && { apiId: one.apiId }) };
}

function namedPlace({ namespace, metricName, dimensions }: WatchedMetric): Place {
  // What the worker publishes itself has dimensions, as CloudWatch's own metrics do.
  if (namespace === FILTER_NAMESPACE && metricName.includes('/')) {
    const [, apiId, stage] = metricName.split('/');
    return { ...(apiId && { apiId }), ...(stage && { stage: stage.replace('%24', '$') }) };
  }
  const { ApiId: apiId, ApiName: apiName, Stage: stage } = dimensions;
  return { ...(apiId && { apiId }), ...(apiName && { apiName }), ...(stage && { stage }) };
}

interface Words {
  readonly name: string;
  readonly sample?: SampleKind;
}

const WORDS: Readonly<Record<string, Words>> = {
  Latency: { name: 'latency', sample: 'latency' },
  IntegrationLatency: { name: 'integration latency', sample: 'latency' },
  '5XXError': { name: 'server errors', sample: 'server_errors' },
  '5xx': { name: 'server errors', sample: 'server_errors' },
  ExecutionError: { name: 'execution errors', sample: 'server_errors' },
  IntegrationError: { name: 'integration errors', sample: 'server_errors' },
  '4XXError': { name: 'client errors', sample: 'client_errors' },
  '4xx': { name: 'client errors', sample: 'client_errors' },
  ClientError: { name: 'client errors', sample: 'client_errors' },
  Count: { name: 'requests' },
  MessageCount: { name: 'messages' },
  ConnectCount: { name: 'connections' },
  'auth.failures': { name: 'authorizer failures', sample: 'authorizer_failures' },
  'auth.denials': { name: 'denials', sample: 'denials' },
  'auth.latency': { name: 'authorizer latency', sample: 'authorizer_latency' },
  throttles: { name: 'throttled requests', sample: 'throttles' },
};

/** What a metric is called in a sentence, and which requests show it. A metric that is not ours keeps its own name. */
export function wordsOf({ namespace, metricName }: WatchedMetric): Words {
  const key = namespace === FILTER_NAMESPACE ? (metricName.split('/')[0] ?? '') : metricName;
  const known = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
  return known ?? { name: metricName };
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}
