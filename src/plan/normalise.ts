import { parseIsoDuration } from '../core/iso-duration.ts';
import type { JsonValue, Properties, ResourceType } from '../model/managed-resource.ts';

/**
 * One form for what the files ask for and what AWS returns, so that comparing them finds real differences only. AWS
 * leaves out what was not set, gives lists in its own order, and adds empty ones.
 *
 * Source: DescribeAlarms as recorded; CloudWatch API reference for the defaults.
 */
export function normaliseProperties(type: ResourceType, properties: Properties): Properties {
  switch (type) {
    case 'metric_alarm':
      return withoutEmpty(normaliseMetricAlarm(properties));
    case 'composite_alarm':
      return withoutEmpty({ ...ALARM_DEFAULTS, ...sortedActions(properties) });
    case 'metric_filter':
      return withoutEmpty(normaliseMetricFilter(properties));
    case 'mute_rule':
      return withoutEmpty(normaliseMuteRule(properties));
  }
}

const ACTION_LISTS = ['AlarmActions', 'OKActions', 'InsufficientDataActions'] as const;
const ALARM_DEFAULTS: Properties = { ActionsEnabled: true, AlarmDescription: '' };

function normaliseMetricAlarm(properties: Properties): Properties {
  const made: Record<string, JsonValue> = {
    ...ALARM_DEFAULTS,
    TreatMissingData: 'missing',
    ...sortedActions(properties),
  };
  made.DatapointsToAlarm ??= made.EvaluationPeriods ?? null;
  if (typeof made.ExtendedStatistic === 'string') {
    made.EvaluateLowSampleCountPercentile ??= 'evaluate';
  }
  if (Array.isArray(made.Dimensions)) made.Dimensions = sortedBy('Name', made.Dimensions);
  if (Array.isArray(made.Metrics)) made.Metrics = sortedBy('Id', made.Metrics.map(normaliseQuery));
  return made;
}

/** An expression returns data unless it says otherwise, and so does a metric. */
function normaliseQuery(query: JsonValue): JsonValue {
  if (!isMap(query)) return query;
  const made: Record<string, JsonValue> = { ReturnData: true, ...query };
  const stat = made.MetricStat;
  if (!isMap(stat)) return withoutEmpty(made);
  const metric = stat.Metric;
  const dimensions = isMap(metric) ? metric.Dimensions : undefined;
  if (isMap(metric) && Array.isArray(dimensions)) {
    made.MetricStat = withoutEmpty({
      ...stat,
      Metric: { ...metric, Dimensions: sortedBy('Name', dimensions) },
    });
  }
  return withoutEmpty(made);
}

function normaliseMetricFilter(properties: Properties): Properties {
  const transformations = properties.metricTransformations;
  if (!Array.isArray(transformations)) return properties;
  return {
    ...properties,
    metricTransformations: transformations.map((one) => (isMap(one) ? withoutEmpty(one) : one)),
  };
}

/** Times are compared as times and lengths as lengths: `PT60M` is `PT1H`. Without a time zone it is UTC. */
function normaliseMuteRule(properties: Properties): Properties {
  const { Rule, MuteTargets, StartDate, ExpireDate } = properties;
  const schedule = isMap(Rule) ? Rule.Schedule : undefined;
  const { Duration, ...rest } = isMap(schedule) ? schedule : {};
  const ms = typeof Duration === 'string' ? parseIsoDuration(Duration) : undefined;
  const names = isMap(MuteTargets) ? MuteTargets.AlarmNames : undefined;
  return {
    ...properties,
    Rule: { Schedule: { Timezone: 'UTC', ...rest, Duration: ms ?? Duration ?? null } },
    MuteTargets: { AlarmNames: Array.isArray(names) ? names.map(String).sort() : [] },
    ...(typeof StartDate === 'string' ? { StartDate: new Date(StartDate).toISOString() } : {}),
    ...(typeof ExpireDate === 'string' ? { ExpireDate: new Date(ExpireDate).toISOString() } : {}),
  };
}

function sortedActions(properties: Properties): Properties {
  const made: Record<string, JsonValue> = { ...properties };
  for (const name of ACTION_LISTS) {
    const actions = made[name];
    if (Array.isArray(actions)) made[name] = [...actions].sort();
  }
  return made;
}

function sortedBy(name: string, list: readonly JsonValue[]): readonly JsonValue[] {
  const keyOf = (item: JsonValue): string => (isMap(item) ? String(item[name]) : '');
  return [...list].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

/** Empty lists, empty texts, empty maps and null are how AWS spells "not set". */
function withoutEmpty(properties: Properties): Properties {
  const kept = Object.entries(properties).filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function isEmpty(value: JsonValue): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.keys(value).length === 0;
}

export function isMap(value: JsonValue | undefined): value is { readonly [name: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What CloudWatch takes when a property is not set, for a plan that says `(unset = missing)`. */
export function defaultOf(type: ResourceType, property: string): JsonValue | undefined {
  if (type === 'metric_alarm' && property === 'TreatMissingData') return 'missing';
  if (type === 'metric_alarm' && property === 'EvaluateLowSampleCountPercentile') return 'evaluate';
  if (type.endsWith('_alarm') && property === 'ActionsEnabled') return true;
  return undefined;
}
