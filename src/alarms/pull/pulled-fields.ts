import { parseRule, printRule } from '../../evaluate/composite-rule.ts';
import type { JsonValue, ObservedResource } from '../../model/managed-resource.ts';
import { OWNER_TAGS } from '../../plan/ownership.ts';
import { alarmNameOf } from '../alarm-reference.ts';
import { describeAlarm, readDescription } from '../describe-alarm.ts';
import type { Each } from '../each.ts';
import { PORTABLE_METRICS } from '../format/alarm-schema.ts';
import { isMap } from '../format/layers.ts';
import { isLogSignal, type MetricRef, metricOf } from '../portable-metrics.ts';
import { signalOfMetric } from '../signal-rule.ts';
import { metricsOf } from './place-alarm.ts';

type Fields = Record<string, JsonValue>;

export interface PulledAlarm {
  readonly alarm: ObservedResource;
  readonly each: Each;
  /** Made by this workspace: its tags and its description are known to be ours. */
  readonly ours: boolean;
  /** Literal: everything as CloudWatch has it, nothing told in words of our own. */
  readonly literal: boolean;
  /** Id of a child as a rule of this alarm names it; undefined for an alarm that is not pulled with it. */
  readonly referenceOf: (name: string) => string | undefined;
}

/** Fields of the format beside name and id, for the stage the alarm is about. */
export function fieldsOf(pulled: PulledAlarm): Fields {
  const { properties, key } = pulled.alarm;
  const { AlarmDescription, ...rest } = setOnly(properties);
  const own = key.type === 'composite_alarm' ? compositeFields(pulled, rest) : metricFields(pulled, rest);
  return {
    ...own,
    ...descriptionFields(pulled, typeof AlarmDescription === 'string' ? AlarmDescription : undefined),
    ...tagFields(pulled),
  };
}

function setOnly(properties: Readonly<Record<string, JsonValue>>): Fields {
  const kept = Object.entries(properties).filter(
    ([name, value]) =>
      value !== '' &&
      value !== null &&
      !(Array.isArray(value) && value.length === 0) &&
      !isDefault(name, value),
  );
  return Object.fromEntries(kept);
}

function isDefault(name: string, value: JsonValue): boolean {
  return name === 'ActionsEnabled' && value === true;
}

const WATCHED = ['Namespace', 'MetricName', 'Dimensions'] as const;
/** What the format has a field for; anything newer goes under `raw`. */
const METRIC_FIELDS = new Set([
  ...WATCHED,
  'Statistic',
  'ExtendedStatistic',
  'Period',
  'EvaluationPeriods',
  'DatapointsToAlarm',
  'Threshold',
  'ComparisonOperator',
  'TreatMissingData',
  'EvaluateLowSampleCountPercentile',
  'Metrics',
  'Unit',
  'ActionsEnabled',
  'AlarmActions',
  'OKActions',
  'InsufficientDataActions',
  'WarmUpConfiguration',
  'ActionConfiguration',
  'EvaluationWindow',
]);
const COMPOSITE_FIELDS = new Set([
  'ActionsEnabled',
  'AlarmActions',
  'OKActions',
  'InsufficientDataActions',
  'ActionConfiguration',
]);

function split(properties: Fields, known: ReadonlySet<string>): Fields {
  const own = Object.entries(properties).filter(([name]) => known.has(name));
  const raw = Object.entries(properties).filter(([name]) => !known.has(name));
  return { ...Object.fromEntries(own), ...(raw.length === 0 ? {} : { raw: Object.fromEntries(raw) }) };
}

function metricFields(pulled: PulledAlarm, properties: Fields): Fields {
  // Said even where it is CloudWatch's default: defaults of a folder would say something else.
  const made: Fields = { TreatMissingData: 'missing', ...split(properties, METRIC_FIELDS) };
  if (pulled.literal) return made;
  const guarded = guardFields(pulled, made);
  if (guarded !== undefined) return guarded;
  const [metric] = made.Metrics === undefined ? metricsOf(pulled.alarm) : [];
  const portable = metric === undefined ? undefined : portableOf(metric, pulled);
  if (portable === undefined) return made;
  for (const name of WATCHED) delete made[name];
  return { metric: portable, ...made };
}

/** The portable name of a metric of this stage. A signal of ours brings its metric filter, so only ours is told so. */
function portableOf(metric: MetricRef, { each, ours }: PulledAlarm): string | undefined {
  const signal = signalOfMetric(metric);
  if (signal !== undefined) return ours ? signal.signal : undefined;
  return PORTABLE_METRICS.find((name) => {
    const known = isLogSignal(name) ? undefined : metricOf(name, each.stage, each.route);
    return known !== undefined && sameMetric(known, metric);
  });
}

function sameMetric(one: MetricRef, other: MetricRef): boolean {
  const text = ({ namespace, metricName, dimensions }: MetricRef) =>
    JSON.stringify([namespace, metricName, Object.entries(dimensions).sort()]);
  return text(one) === text(other);
}

/** `IF(count >= n, value / count)` over `value` and `count`, as `min_samples` and `per_request` make it. */
function guardFields(pulled: PulledAlarm, made: Fields): Fields | undefined {
  const { Metrics, ...rest } = made;
  if (!pulled.ours || !Array.isArray(Metrics)) return undefined;
  const queries = new Map(Metrics.flatMap((one) => (isMap(one) ? [[one.Id, one] as const] : [])));
  const expression = queries.get('result')?.Expression;
  const match = /^(?:IF\(count >= (\d+), )?value( \/ count)?\)?$/.exec(
    typeof expression === 'string' ? expression : '',
  );
  const stat = queries.get('value')?.MetricStat;
  if (match === null || !isMap(stat) || !isMap(stat.Metric)) return undefined;
  const [, least, perRequest] = match;
  const alone = { ...pulled.alarm, properties: { ...stat.Metric } };
  const [metric] = metricsOf(alone);
  const portable = metric === undefined ? undefined : portableOf(metric, pulled);
  if (portable === undefined) return undefined;
  const statistic = String(stat.Stat);
  return {
    metric: portable,
    [/^[A-Z]/.test(statistic) && statistic !== 'IQM' ? 'Statistic' : 'ExtendedStatistic']: statistic,
    ...(stat.Period === undefined ? {} : { Period: stat.Period }),
    ...rest,
    ...(least === undefined ? {} : { min_samples: Number(least) }),
    ...(perRequest === undefined ? {} : { per_request: true }),
  };
}

function compositeFields({ alarm, referenceOf }: PulledAlarm, properties: Fields): Fields {
  const {
    AlarmRule,
    ActionsSuppressor,
    ActionsSuppressorWaitPeriod,
    ActionsSuppressorExtensionPeriod,
    ...rest
  } = properties;
  const { account, region } = alarm.key;
  // An address is never taken for an id of the files.
  const address = (reference: string) =>
    reference.startsWith('arn:') ? reference : `arn:aws:cloudwatch:${region}:${account}:alarm:${reference}`;
  const rule = printRule(parseRule(String(AlarmRule)), (reference) => {
    return referenceOf(alarmNameOf(reference)) ?? address(reference);
  });
  const by = typeof ActionsSuppressor === 'string' ? ActionsSuppressor : undefined;
  return {
    rule,
    ...(by === undefined
      ? {}
      : {
          suppress: {
            by: referenceOf(by) ?? by,
            wait: `${String(ActionsSuppressorWaitPeriod ?? 60)}s`,
            extension: `${String(ActionsSuppressorExtensionPeriod ?? 60)}s`,
          },
        }),
    ...split(rest, COMPOSITE_FIELDS),
  };
}

/** A description of ours is made anew from its parts; anybody else's is kept word for word, none included. */
function descriptionFields({ ours, literal, each, alarm }: PulledAlarm, text: string | undefined): Fields {
  if (text === undefined) return { AlarmDescription: '' };
  const card = ours && !literal ? readDescription(text) : undefined;
  if (card === undefined || describeAlarm(card) !== text) return { AlarmDescription: text };
  const usual = `${each.key}: ${idOf(alarm)?.alarm ?? ''}`;
  const annotations = {
    ...(card.summary === usual ? {} : { summary: card.summary }),
    ...(card.runbook === undefined ? {} : { runbook_url: card.runbook }),
  };
  return Object.keys(annotations).length === 0 ? {} : { annotations };
}

/** Tags that the format makes by itself. */
const MADE_TAGS = new Set(['severity', 'api', 'stage', 'team', 'owner', 'runbook']);
/** Those that come from one alarm's own place, whatever else is said. */
const PLACE_TAGS = new Set(['severity', 'api', 'stage']);

function tagFields({ ours, literal, alarm }: PulledAlarm): Fields {
  if (!ours) return {};
  const tags = alarm.tags ?? {};
  const made = literal ? PLACE_TAGS : MADE_TAGS;
  const rest = Object.entries(tags).filter(
    ([name]) => !made.has(name) && !name.startsWith('gatewatch:') && !name.startsWith('aws:'),
  );
  const { severity } = tags;
  return {
    ...(severity === 'page' || severity === 'ticket' ? { severity } : {}),
    ...(rest.length === 0 ? {} : { tags: Object.fromEntries(rest) }),
    ...(tags[OWNER_TAGS.protected] === 'true' ? { lifecycle: { prevent_destroy: true } } : {}),
  };
}

/** `core/latency-p99[orders/prod]`, as the tag of an alarm of ours names it. */
export function idOf({
  tags = {},
}: ObservedResource): { readonly set: string; readonly alarm: string; readonly key: string } | undefined {
  const match = /^([a-z0-9-]+)\/([a-z0-9-]+)\[(.+)\]$/.exec(tags[OWNER_TAGS.id] ?? '');
  const [, set, alarm, key] = match ?? [];
  return set === undefined || alarm === undefined || key === undefined ? undefined : { set, alarm, key };
}
