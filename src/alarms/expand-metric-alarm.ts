import type { MissingDataMode } from '../evaluate/alarm-state.ts';
import { COMPARISON_OPERATORS } from '../evaluate/comparison.ts';
import type { AlarmSettings } from '../evaluate/evaluate-alarm.ts';
import { percentileOf } from '../evaluate/low-samples.ts';
import type { JsonValue, Properties } from '../model/managed-resource.ts';
import type { AlarmInput, AlarmModel } from './alarm-instance.ts';
import type { Each } from './each.ts';
import { PORTABLE_METRICS } from './format/alarm-schema.ts';
import { type FieldValues, isMap } from './format/layers.ts';
import { planSignal, publishedSignal, type SignalPlan } from './log-signals.ts';
import { isLogSignal, type MetricRef, metricOf, type PortableMetric } from './portable-metrics.ts';

export interface MetricAlarm {
  readonly properties: Properties;
  readonly model: AlarmModel;
  /** Metric filter the alarm rests on. */
  readonly filter?: Extract<SignalPlan, { kind: 'filter' }> & { readonly signal: PortableMetric };
}

/** `absent`: the protocol publishes no such metric, which is nobody's fault. */
export type MetricAlarmResult =
  | { readonly kind: 'made'; readonly alarm: MetricAlarm }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'incomplete'; readonly field: string; readonly expected: string };

/** Properties that say what is watched, and are written anew when an alarm becomes metric math. */
const WATCHED = [
  'Namespace',
  'MetricName',
  'Dimensions',
  'Statistic',
  'ExtendedStatistic',
  'Period',
] as const;

/**
 * Turns merged fields, expressions already evaluated, into what PutMetricAlarm takes and what the evaluator needs. A guard
 * (`min_samples`) or a share (`per_request`) makes the alarm metric math: `IF(count >= n, value)`.
 */
export function expandMetricAlarm(
  fields: FieldValues,
  each: Each,
  published: ReadonlySet<PortableMetric> = new Set(),
): MetricAlarmResult {
  const missing = missingField(fields);
  if (missing !== undefined) return { kind: 'incomplete', ...missing };
  const settings = settingsOf(fields);
  if (fields.Metrics !== undefined) {
    const why = 'its Metrics are written by hand: give it portable metrics, and it can be judged offline';
    return { kind: 'made', alarm: { properties: writtenMath(fields), model: { kind: 'opaque', why } } };
  }
  const watched = watchedMetric(fields, each, published);
  if (watched.kind !== 'found') return watched;
  const input: AlarmInput = {
    id: 'value',
    metric: watched.metric,
    statistic: statisticOf(fields) ?? '',
    ...(watched.portable === undefined ? {} : { portable: watched.portable }),
  };
  const guarded = guardOf(fields, input, each);
  const properties = guarded === undefined ? plainProperties(fields, input) : mathProperties(fields, guarded);
  const model: AlarmModel =
    guarded === undefined
      ? { kind: 'metric', settings, inputs: [input] }
      : { kind: 'metric', settings: withoutLowSamples(settings), ...guarded };
  const filter =
    watched.filter === undefined || watched.portable === undefined
      ? {}
      : { filter: { ...watched.filter, signal: watched.portable } };
  return { kind: 'made', alarm: { properties, model, ...filter } };
}

function missingField(
  fields: FieldValues,
): { readonly field: string; readonly expected: string } | undefined {
  const needed = ['ComparisonOperator', 'EvaluationPeriods', 'Threshold'];
  const absent = needed.find((name) => fields[name] === undefined);
  if (absent !== undefined)
    return { field: absent, expected: `${absent} in the alarm, its preset or its defaults` };
  if (fields.Metrics !== undefined) return undefined;
  if (statisticOf(fields) === undefined)
    return { field: 'Statistic', expected: 'Statistic or ExtendedStatistic' };
  if (fields.metric === undefined && fields.MetricName === undefined) {
    return {
      field: 'metric',
      expected: 'a metric (or MetricName with Namespace, or a rule over other alarms)',
    };
  }
  return undefined;
}

type Watched =
  | {
      readonly kind: 'found';
      readonly metric: MetricRef;
      readonly portable?: PortableMetric;
      readonly filter?: Extract<SignalPlan, { kind: 'filter' }>;
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly reason: string };

function watchedMetric(
  fields: FieldValues,
  { stage, route }: Each,
  published: ReadonlySet<PortableMetric>,
): Watched {
  const portable = portableOf(fields.metric);
  if (portable === undefined) {
    return {
      kind: 'found',
      metric: {
        namespace: String(fields.Namespace ?? ''),
        metricName: String(fields.MetricName ?? ''),
        dimensions: dimensionsOf(fields.Dimensions),
      },
    };
  }
  if (!isLogSignal(portable)) {
    const metric = metricOf(portable, stage, route);
    if (metric === undefined) return { kind: 'absent' };
    return route !== undefined && !stage.detailedMetrics
      ? { kind: 'refused', reason: noRouteMetrics(stage) }
      : { kind: 'found', metric, portable };
  }
  if (route !== undefined) return { kind: 'refused', reason: noRouteSignal(portable) };
  const plan = published.has(portable) ? publishedSignal(portable, stage) : planSignal(portable, stage);
  if (plan.kind === 'published') return { kind: 'found', metric: plan.metric, portable };
  return plan.kind === 'refused' ? plan : { kind: 'found', metric: plan.metric, portable, filter: plan };
}

function noRouteMetrics({ apiName, stage, protocol }: Each['stage']): string {
  const where =
    protocol === 'REST'
      ? 'metricsEnabled in its method settings'
      : 'DetailedMetricsEnabled in its route settings';
  return (
    `stage ${apiName}/${stage} publishes metrics of the whole stage only: turn detailed metrics on (${where}; CloudWatch ` +
    'bills them as extra metrics), or leave the stage out with for_each.exclude'
  );
}

function noRouteSignal(signal: PortableMetric): string {
  return `${signal} is counted for a whole stage, not for a route: move it to a set with for_each.source: stages`;
}

export function portableOf(value: JsonValue | undefined): PortableMetric | undefined {
  return PORTABLE_METRICS.find((name) => name === value);
}

function dimensionsOf(value: JsonValue | undefined): Readonly<Record<string, string>> {
  const list = Array.isArray(value) ? value : [];
  return Object.fromEntries(
    list.flatMap((item) => (isMap(item) ? [[String(item.Name), String(item.Value)]] : [])),
  );
}

function statisticOf(fields: FieldValues): string | undefined {
  const value = fields.ExtendedStatistic ?? fields.Statistic;
  return typeof value === 'string' ? value : undefined;
}

interface Guarded {
  readonly inputs: readonly AlarmInput[];
  readonly expression: string;
}

/** `requests` has the count of a latency or error metric too: each request is one sample of both. */
function guardOf(fields: FieldValues, input: AlarmInput, { stage, route }: Each): Guarded | undefined {
  const least = typeof fields.min_samples === 'number' ? fields.min_samples : undefined;
  const perRequest = fields.per_request === true;
  if (least === undefined && !perRequest) return undefined;
  const metric = metricOf('requests', stage, route) ?? input.metric;
  const count: AlarmInput = { id: 'count', metric, statistic: 'SampleCount', portable: 'requests' };
  // A signal without a line in the period is missing, which metric math counts as 0 while the count is there.
  const value = perRequest ? 'value / count' : 'value';
  return {
    inputs: [input, count],
    expression: least === undefined ? value : `IF(count >= ${least}, ${value})`,
  };
}

function plainProperties(fields: FieldValues, input: AlarmInput): Properties {
  const { EvaluateLowSampleCountPercentile, ...own } = pascalCase(fields);
  const isPercentile = percentileOf(input.statistic) !== undefined;
  return {
    ...own,
    Namespace: input.metric.namespace,
    MetricName: input.metric.metricName,
    Dimensions: dimensionList(input.metric),
    // CloudWatch ignores it on any other statistic.
    ...(isPercentile && EvaluateLowSampleCountPercentile !== undefined
      ? { EvaluateLowSampleCountPercentile }
      : {}),
  };
}

function mathProperties(fields: FieldValues, guarded: Guarded): Properties {
  const own = { ...pascalCase(fields) };
  for (const name of [...WATCHED, 'EvaluateLowSampleCountPercentile']) delete own[name];
  const period = typeof fields.Period === 'number' ? fields.Period : 60;
  const metrics = guarded.inputs.map((input) => ({
    Id: input.id,
    MetricStat: {
      Metric: {
        Namespace: input.metric.namespace,
        MetricName: input.metric.metricName,
        Dimensions: dimensionList(input.metric),
      },
      Period: period,
      Stat: input.statistic,
    },
    ReturnData: false,
  }));
  return {
    ...own,
    Metrics: [...metrics, { Id: 'result', Expression: guarded.expression, ReturnData: true }],
  };
}

/** Defaults are for alarms on one metric: CloudWatch refuses their fields beside Metrics. */
function writtenMath(fields: FieldValues): Properties {
  const { EvaluateLowSampleCountPercentile: _, ...own } = pascalCase({ ...fields, raw: {} });
  for (const name of WATCHED) delete own[name];
  return { ...own, ...(isMap(fields.raw) ? fields.raw : {}) };
}

function dimensionList(metric: MetricRef): JsonValue {
  return Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value }));
}

/** Fields under CloudFormation's names, and what `raw` adds to them. */
function pascalCase(fields: FieldValues): Record<string, JsonValue> {
  const own = Object.entries(fields).filter(([name]) => /^[A-Z]/.test(name));
  return { ...Object.fromEntries(own), ...(isMap(fields.raw) ? fields.raw : {}) };
}

function settingsOf(fields: FieldValues): AlarmSettings {
  const n = numberOr(fields.EvaluationPeriods, 1);
  const percentile = percentileOf(statisticOf(fields) ?? '');
  const missing: readonly MissingDataMode[] = ['missing', 'ignore', 'breaching', 'notBreaching'];
  return {
    periodMs: numberOr(fields.Period, 60) * 1_000,
    evaluationPeriods: n,
    datapointsToAlarm: numberOr(fields.DatapointsToAlarm, n),
    comparison:
      COMPARISON_OPERATORS.find((one) => one === fields.ComparisonOperator) ?? 'GreaterThanThreshold',
    threshold: numberOr(fields.Threshold, 0),
    missingData: missing.find((mode) => mode === fields.TreatMissingData) ?? 'missing',
    ...(fields.EvaluateLowSampleCountPercentile === 'ignore' && percentile !== undefined
      ? { lowSamplePercentile: percentile }
      : {}),
  };
}

/** Inside metric math the setting is not sent: whether it would act there is not documented. */
function withoutLowSamples(settings: AlarmSettings): AlarmSettings {
  const { lowSamplePercentile: _, ...rest } = settings;
  return rest;
}

function numberOr(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
