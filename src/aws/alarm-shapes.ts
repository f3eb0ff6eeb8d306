import type {
  CompositeAlarm,
  MetricAlarm,
  PutCompositeAlarmCommandInput,
  PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import type { MetricTransformation } from '@aws-sdk/client-cloudwatch-logs';
import { UserError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { JsonValue, Properties } from '../model/managed-resource.ts';
import { required } from './required-member.ts';

/** An alarm as DescribeAlarms tells it. `properties` are those that PutMetricAlarm or PutCompositeAlarm takes. */
export interface DescribedAlarm {
  readonly kind: 'metric_alarm' | 'composite_alarm';
  readonly name: string;
  readonly arn: string;
  readonly properties: Properties;
  readonly state: string;
  readonly reason: string;
  readonly updatedMs: number | undefined;
  readonly transitionedMs: number | undefined;
}

/** What an answer tells about an alarm that no put can set. */
const NOT_SETTINGS = new Set([
  'AlarmName',
  'AlarmArn',
  'StateValue',
  'StateReason',
  'StateReasonData',
  'StateUpdatedTimestamp',
  'StateTransitionedTimestamp',
  'AlarmConfigurationUpdatedTimestamp',
  'EvaluationState',
  'ActionsSuppressedBy',
  'ActionsSuppressedReason',
]);

export function describedAlarm(
  kind: DescribedAlarm['kind'],
  alarm: MetricAlarm | CompositeAlarm,
): DescribedAlarm {
  const settings = Object.entries(alarm).filter(([name]) => !NOT_SETTINGS.has(name));
  return {
    kind,
    name: required(alarm.AlarmName, 'AlarmName', 'an alarm'),
    arn: required(alarm.AlarmArn, 'AlarmArn', 'an alarm'),
    properties: Object.fromEntries(settings.flatMap(([name, value]) => jsonMember(name, value))),
    state: alarm.StateValue ?? 'INSUFFICIENT_DATA',
    reason: alarm.StateReason ?? '',
    updatedMs: alarm.AlarmConfigurationUpdatedTimestamp?.getTime(),
    transitionedMs: alarm.StateTransitionedTimestamp?.getTime(),
  };
}

function jsonMember(name: string, value: unknown): readonly (readonly [string, JsonValue])[] {
  const json = toJson(value);
  return json === undefined ? [] : [[name, json]];
}

/** The SDK's answers are plain values but for dates and members that are `undefined`. */
export function toJson(value: unknown): JsonValue | undefined {
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'boolean'
  ) {
    return value;
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.flatMap((item) => toJson(item) ?? []);
  if (!isObject(value)) return undefined;
  return Object.fromEntries(Object.entries(value).flatMap(([name, item]) => jsonMember(name, item)));
}

export function metricAlarmInput(name: string, properties: Properties): PutMetricAlarmCommandInput {
  const input: unknown = { ...properties, AlarmName: name };
  if (isMetricAlarmInput(input)) return input;
  throw unfit(name, 'EvaluationPeriods and ComparisonOperator');
}

export function compositeAlarmInput(name: string, properties: Properties): PutCompositeAlarmCommandInput {
  const input: unknown = { ...properties, AlarmName: name };
  if (isCompositeAlarmInput(input)) return input;
  throw unfit(name, 'AlarmRule');
}

/** Members that the API requires; everything else passes through, properties newer than this SDK included. */
function isMetricAlarmInput(value: unknown): value is PutMetricAlarmCommandInput {
  return (
    isObject(value) &&
    typeof value.AlarmName === 'string' &&
    typeof value.EvaluationPeriods === 'number' &&
    typeof value.ComparisonOperator === 'string'
  );
}

function isCompositeAlarmInput(value: unknown): value is PutCompositeAlarmCommandInput {
  return isObject(value) && typeof value.AlarmName === 'string' && typeof value.AlarmRule === 'string';
}

export function isTransformations(value: unknown): value is MetricTransformation[] {
  return (
    Array.isArray(value) &&
    value.every(
      (item) => isObject(item) && typeof item.metricName === 'string' && typeof item.metricValue === 'string',
    )
  );
}

export function unfit(name: string, members: string): UserError {
  return new UserError('alarm_unfit', `Expected ${name} to have ${members}, got none: write it in its file`);
}
