import { UserError } from '../../core/errors.ts';
import type { MissingDataMode } from '../../evaluate/alarm-state.ts';
import { COMPARISON_OPERATORS } from '../../evaluate/comparison.ts';
import { parseRule, printRule } from '../../evaluate/composite-rule.ts';
import type { AlarmSettings } from '../../evaluate/evaluate-alarm.ts';
import { percentileOf } from '../../evaluate/low-samples.ts';
import { compileMath } from '../../evaluate/metric-math.ts';
import type { JsonValue, ObservedResource, Properties, ResourceKey } from '../../model/managed-resource.ts';
import { isMap, normaliseProperties } from '../../plan/normalise.ts';
import type { AlarmInput, AlarmModel, Severity } from '../alarm-instance.ts';
import { nameWithin } from '../alarm-reference.ts';
import type { MetricRef } from '../portable-metrics.ts';
import type { RunnableAlarm } from '../testing/alarm-run.ts';

/** An alarm as AWS has it, in the form in which it can be replayed; `id` is what results are found by. */
export function observedAlarm(resource: ObservedResource, id: string): RunnableAlarm {
  return { id, severity: severityIn(resource.tags?.severity), resource, model: modelOf(resource) };
}

/** The tag our alarms carry. */
function severityIn(tag: string | undefined): Severity {
  return tag === 'page' || tag === 'ticket' ? tag : 'info';
}

function modelOf({ key, properties }: ObservedResource): AlarmModel {
  try {
    const full = normaliseProperties(key.type, properties);
    return key.type === 'composite_alarm' ? compositeModel(full, key) : metricModel(full);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { kind: 'opaque', why: error.message };
  }
}

function compositeModel(properties: Properties, key: ResourceKey): AlarmModel {
  const { AlarmRule, ActionsSuppressor } = properties;
  const rule = parseRule(printRule(parseRule(String(AlarmRule)), (name) => nameWithin(key, name)));
  if (typeof ActionsSuppressor !== 'string') return { kind: 'composite', rule };
  const suppressor = {
    alarm: nameWithin(key, ActionsSuppressor),
    waitMs: seconds(properties.ActionsSuppressorWaitPeriod),
    extensionMs: seconds(properties.ActionsSuppressorExtensionPeriod),
  };
  return { kind: 'composite', rule, suppressor };
}

function seconds(value: JsonValue | undefined): number {
  return typeof value === 'number' ? value * 1_000 : 0;
}

function metricModel(properties: Properties): AlarmModel {
  const comparison = COMPARISON_OPERATORS.find((one) => one === properties.ComparisonOperator);
  const { Threshold } = properties;
  if (
    comparison === undefined ||
    typeof Threshold !== 'number' ||
    properties.EvaluationWindow !== undefined
  ) {
    return { kind: 'opaque', why: 'it is not an alarm on a fixed threshold and sliding windows' };
  }
  const read = Array.isArray(properties.Metrics) ? mathOf(properties.Metrics) : plainOf(properties);
  if (read === undefined) {
    return { kind: 'opaque', why: 'its Metrics are not one expression over metrics of one period' };
  }
  const { inputs, expression, periodMs } = read;
  const settings = { ...settingsOf(properties, inputs), comparison, threshold: Threshold, periodMs };
  return { kind: 'metric', settings, inputs, ...(expression === undefined ? {} : { expression }) };
}

function settingsOf(
  properties: Properties,
  inputs: readonly AlarmInput[],
): Omit<AlarmSettings, 'comparison' | 'threshold' | 'periodMs'> {
  const { EvaluationPeriods, DatapointsToAlarm, TreatMissingData } = properties;
  const evaluationPeriods = typeof EvaluationPeriods === 'number' ? EvaluationPeriods : 1;
  const modes: readonly MissingDataMode[] = ['missing', 'ignore', 'breaching', 'notBreaching'];
  const percentile = percentileOf(inputs[0]?.statistic ?? '');
  return {
    evaluationPeriods,
    datapointsToAlarm: typeof DatapointsToAlarm === 'number' ? DatapointsToAlarm : evaluationPeriods,
    missingData: modes.find((mode) => mode === TreatMissingData) ?? 'missing',
    ...(properties.EvaluateLowSampleCountPercentile === 'ignore' && percentile !== undefined
      ? { lowSamplePercentile: percentile }
      : {}),
  };
}

interface Read {
  readonly inputs: readonly AlarmInput[];
  readonly expression?: string;
  readonly periodMs: number;
}

function plainOf(properties: Properties): Read | undefined {
  const statistic = properties.ExtendedStatistic ?? properties.Statistic;
  if (typeof statistic !== 'string' || typeof properties.Period !== 'number') return undefined;
  const input = { id: 'value', metric: metricOf(properties), statistic };
  return { inputs: [input], periodMs: properties.Period * 1_000 };
}

/** One expression that returns data, over metrics that do not, all of one period. */
function mathOf(queries: readonly JsonValue[]): Read | undefined {
  const maps = queries.filter(isMap);
  const results = maps.filter((query) => query.ReturnData !== false);
  const [result] = results;
  const inputs = maps.filter((query) => query !== result).map(inputOf);
  const periods = new Set(maps.flatMap(({ MetricStat }) => (isMap(MetricStat) ? [MetricStat.Period] : [])));
  const [period] = periods;
  const isPlain = inputs.every((input) => input !== undefined) && results.length === 1 && periods.size === 1;
  if (!isPlain || result === undefined || typeof period !== 'number') return undefined;
  const known = inputs.filter((input) => input !== undefined);
  const own = inputOf(result);
  if (own !== undefined) return { inputs: [own], periodMs: period * 1_000 };
  if (typeof result.Expression !== 'string') return undefined;
  const { ids } = compileMath(result.Expression);
  if (!ids.every((id) => known.some((input) => input.id === id))) return undefined;
  return { inputs: known, expression: result.Expression, periodMs: period * 1_000 };
}

/** Undefined for an expression, and for a metric of another account. */
function inputOf(query: Readonly<Record<string, JsonValue>>): AlarmInput | undefined {
  const { Id, MetricStat, AccountId } = query;
  if (!isMap(MetricStat) || !isMap(MetricStat.Metric) || AccountId !== undefined) return undefined;
  return {
    id: String(Id),
    metric: metricOf(MetricStat.Metric),
    statistic: String(MetricStat.Stat),
  };
}

function metricOf({ Namespace, MetricName, Dimensions }: Readonly<Record<string, JsonValue>>): MetricRef {
  const list = Array.isArray(Dimensions) ? Dimensions.filter(isMap) : [];
  return {
    namespace: String(Namespace ?? ''),
    metricName: String(MetricName ?? ''),
    dimensions: Object.fromEntries(list.map(({ Name, Value }) => [String(Name), String(Value)])),
  };
}
