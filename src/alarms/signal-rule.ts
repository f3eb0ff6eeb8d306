import type { RequestRecord } from '../model/request-record.ts';
import { LOG_SIGNALS, type LogSignal, type MetricRef } from './portable-metrics.ts';

/** Where metrics that we make from access logs are published. */
export const SIGNAL_NAMESPACE = 'Gatewatch/ApiGateway';

/**
 * What a line counts for. `count`: 1 when the variable has one of these values. `value`: the number it has. Metric
 * filters, what the worker publishes and replays from the journal are all made from the same rule.
 */
export type SignalRule =
  | { readonly kind: 'count'; readonly variable: CountedVariable; readonly anyOf: readonly string[] }
  | { readonly kind: 'value'; readonly variable: string };

/** `$context` variables without `$context.`. */
type CountedVariable = 'error.responseType' | 'status';

/**
 * Answers of API Gateway that count as a signal, by `$context.error.responseType`. `MISSING_AUTHENTICATION_TOKEN` is none:
 * an unknown path gives it too. Source: developer guide, "Gateway response types".
 */
const RESPONSE_TYPES: Readonly<Record<Exclude<LogSignal, 'auth.latency'>, readonly string[]>> = {
  'auth.failures': ['AUTHORIZER_FAILURE', 'AUTHORIZER_CONFIGURATION_ERROR'],
  'auth.denials': [
    'UNAUTHORIZED',
    'ACCESS_DENIED',
    'EXPIRED_TOKEN',
    'INVALID_SIGNATURE',
    'INVALID_API_KEY',
    'WAF_FILTERED',
  ],
  throttles: ['THROTTLED', 'QUOTA_EXCEEDED'],
};

/** What to count where the format has no `error.responseType` (HTTP APIs do not): the status alone, where it is telling. */
const STATUSES: Partial<Readonly<Record<LogSignal, readonly string[]>>> = {
  'auth.denials': ['401', '403'],
  throttles: ['429'],
};

/** In the order in which a record takes its authorizer latency from them. */
const LATENCY_VARIABLES = ['authorizer.latency', 'authorizer.integrationLatency'];

/** The rule of a signal for a format, told by which variables it has; a text says what is missing. */
export function signalRule(signal: LogSignal, has: (variable: string) => boolean): SignalRule | string {
  if (signal === 'auth.latency') {
    const variable = LATENCY_VARIABLES.find(has);
    if (variable !== undefined) return { kind: 'value', variable };
    return 'the access-log format has no $context.authorizer.latency: add it';
  }
  if (has('error.responseType')) {
    return { kind: 'count', variable: 'error.responseType', anyOf: RESPONSE_TYPES[signal] };
  }
  const anyOf = STATUSES[signal];
  if (anyOf !== undefined && has('status')) return { kind: 'count', variable: 'status', anyOf };
  return 'the access-log format has no $context.error.responseType: add it, and this signal can be counted';
}

/** What a record's access line counts for; `undefined` when it does not count. */
export function valueIn(record: RequestRecord, rule: SignalRule): number | undefined {
  if (rule.kind === 'value') return record.authorizerLatencyMs;
  const value = rule.variable === 'status' ? record.status : record.errorResponseType;
  return value !== undefined && rule.anyOf.includes(String(value)) ? 1 : undefined;
}

/** Whether a format renders a `$context` variable, in whatever form. */
export function formatHas(format: string): (variable: string) => boolean {
  const variables = new Set(
    [...format.matchAll(/\$context\.([A-Za-z0-9_.]*[A-Za-z0-9_])/g)].map(([, name]) => name),
  );
  return (variable) => variables.has(variable);
}

/** A signal of one stage. */
export interface StageSignal {
  readonly signal: LogSignal;
  readonly apiId: string;
  readonly stage: string;
}

/**
 * The metric a metric filter makes: it cannot have fixed dimensions, so the stage is in the name. A name may hold neither
 * `:`, `*` nor `$` (CloudWatch Logs API, MetricTransformation), and `$default` is a stage.
 */
export function filteredMetric({ signal, apiId, stage }: StageSignal): MetricRef {
  const metricName = `${signal}/${apiId}/${stage.replace('$', '%24')}`;
  return { namespace: SIGNAL_NAMESPACE, metricName, dimensions: {} };
}

/** The metric the worker publishes itself. Never the filter's: both at once would count twice. */
export function publishedMetric({ signal, apiId, stage }: StageSignal): MetricRef {
  return { namespace: SIGNAL_NAMESPACE, metricName: signal, dimensions: { ApiId: apiId, Stage: stage } };
}

/** Which signal a metric is, by either way of making it. */
export function signalOfMetric({ namespace, metricName, dimensions }: MetricRef): StageSignal | undefined {
  if (namespace !== SIGNAL_NAMESPACE) return undefined;
  const [name, apiId = dimensions.ApiId, stage = dimensions.Stage] = metricName.split('/');
  const signal = LOG_SIGNALS.find((known) => known === name);
  if (signal === undefined || apiId === undefined || stage === undefined) return undefined;
  return { signal, apiId, stage: stage.replace('%24', '$') };
}
