import { isObject } from '../../core/json.ts';
import type { AlarmState } from '../../evaluate/alarm-state.ts';
import { childrenOf, parseRule } from '../../evaluate/composite-rule.ts';
import type { Reply } from '../http-exchange.ts';
import { settingsOf } from './alarm-evaluation.ts';
import { combinationError, missingParameter, resourceNotFound, type StoredAlarm } from './alarm-model.ts';
import { nameOfReference } from './alarm-store.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue } from './cloudwatch-model.ts';
import type { AwsContext } from './operation.ts';
import { type Fields, optionalObjects, optionalText, optionalTexts } from './request-fields.ts';

const MAX_NAME = 255;
const MAX_ACTIONS = 5;
const MAX_TAGS = 50;
const MAX_DELETES = 100;

const METRIC_PROPERTIES = [
  'AlarmDescription',
  'ActionsEnabled',
  'OKActions',
  'AlarmActions',
  'InsufficientDataActions',
  'MetricName',
  'Namespace',
  'Statistic',
  'ExtendedStatistic',
  'Dimensions',
  'Period',
  'Unit',
  'EvaluationPeriods',
  'DatapointsToAlarm',
  'Threshold',
  'ComparisonOperator',
  'TreatMissingData',
  'EvaluateLowSampleCountPercentile',
  'Metrics',
  'ThresholdMetricId',
  'WarmUpConfiguration',
  'ActionConfiguration',
  'EvaluationWindow',
] as const;
const COMPOSITE_PROPERTIES = [
  'AlarmDescription',
  'ActionsEnabled',
  'OKActions',
  'AlarmActions',
  'InsufficientDataActions',
  'AlarmRule',
  'ActionsSuppressor',
  'ActionsSuppressorWaitPeriod',
  'ActionsSuppressorExtensionPeriod',
  'ActionConfiguration',
] as const;

export function putMetricAlarm(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const properties = propertiesOf(fields, METRIC_PROPERTIES);
  checkMetricAlarm(properties);
  return putAlarm(context, caller, fields, 'metric', properties);
}

export function putCompositeAlarm(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const properties = propertiesOf(fields, COMPOSITE_PROPERTIES);
  const rule = optionalText(properties, 'AlarmRule', invalidValue);
  if (rule === undefined) throw missingParameter('AlarmRule');
  for (const child of ruleChildren(rule)) {
    if (context.alarms.get(caller, nameOfReference(child)) === undefined) {
      throw invalidValue(`Failed to validate AlarmRule: the alarm ${child} does not exist.`);
    }
  }
  checkSuppressor(context, caller, properties);
  return putAlarm(context, caller, fields, 'composite', properties);
}

function ruleChildren(rule: string): readonly string[] {
  try {
    return childrenOf(parseRule(rule));
  } catch (error) {
    throw invalidValue(`Failed to parse AlarmRule: ${error instanceof Error ? error.message : 'unknown'}`);
  }
}

function checkSuppressor(context: AwsContext, caller: Caller, properties: Fields): void {
  const suppressor = optionalText(properties, 'ActionsSuppressor', invalidValue);
  if (suppressor === undefined) return;
  if (properties.ActionsSuppressorWaitPeriod === undefined)
    throw missingParameter('ActionsSuppressorWaitPeriod');
  if (properties.ActionsSuppressorExtensionPeriod === undefined) {
    throw missingParameter('ActionsSuppressorExtensionPeriod');
  }
  if (context.alarms.get(caller, nameOfReference(suppressor)) === undefined) {
    throw invalidValue(`The alarm ${suppressor} given as ActionsSuppressor does not exist.`);
  }
}

function putAlarm(
  context: AwsContext,
  caller: Caller,
  fields: Fields,
  kind: StoredAlarm['kind'],
  properties: Fields,
): Reply {
  const name = optionalText(fields, 'AlarmName', invalidValue);
  if (name === undefined || name === '') throw missingParameter('AlarmName');
  if (name.length > MAX_NAME) throw invalidValue(`AlarmName must not be longer than ${MAX_NAME} characters.`);
  for (const list of ['AlarmActions', 'OKActions', 'InsufficientDataActions']) {
    if ((optionalTexts(properties, list, invalidValue) ?? []).length > MAX_ACTIONS) {
      throw invalidValue(`${list} must not have more than ${MAX_ACTIONS} members.`);
    }
  }
  context.alarms.put(caller, { kind, name, properties, tags: readTags(fields) }, context.now());
  return cloudWatchReply('{}');
}

/** Only what was set: DescribeAlarms leaves out the rest, defaults included. */
function propertiesOf(fields: Fields, names: readonly string[]): Fields {
  const kept = names.filter((name) => fields[name] !== undefined && fields[name] !== null);
  return Object.fromEntries(kept.map((name) => [name, fields[name]]));
}

function checkMetricAlarm(properties: Fields): void {
  const single = properties.MetricName !== undefined;
  const math = properties.Metrics !== undefined;
  if (single === math) throw combinationError('Exactly one of MetricName and Metrics must be given.');
  for (const name of ['EvaluationPeriods', 'ComparisonOperator', 'Threshold']) {
    if (properties[name] === undefined) throw missingParameter(name);
  }
  if (math && (properties.Statistic ?? properties.ExtendedStatistic ?? properties.Period) !== undefined) {
    throw combinationError('Statistic, ExtendedStatistic and Period may not be given together with Metrics.');
  }
  if (single && (properties.Statistic === undefined) === (properties.ExtendedStatistic === undefined)) {
    throw combinationError('Exactly one of Statistic and ExtendedStatistic must be given.');
  }
  const { periodMs, evaluationPeriods } = settingsOf(properties);
  const spanS = (periodMs / 1_000) * evaluationPeriods;
  if (spanS > (periodMs < 3_600_000 ? 86_400 : 604_800)) {
    throw invalidValue('Metrics cannot be checked across more than a day (EvaluationPeriods * Period).');
  }
}

export function readTags(fields: Fields): ReadonlyMap<string, string> {
  const list = optionalObjects(fields, 'Tags', invalidValue) ?? [];
  if (list.length > MAX_TAGS) throw invalidValue(`Tags must not have more than ${MAX_TAGS} members.`);
  return new Map(
    list.map((tag) => [
      optionalText(tag, 'Key', invalidValue) ?? '',
      optionalText(tag, 'Value', invalidValue) ?? '',
    ]),
  );
}

export function deleteAlarms(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const names = optionalTexts(fields, 'AlarmNames', invalidValue);
  if (names === undefined) throw missingParameter('AlarmNames');
  if (names.length > MAX_DELETES)
    throw invalidValue(`At most ${MAX_DELETES} alarms can be deleted per call.`);
  context.alarms.delete(caller, names, context.now());
  return cloudWatchReply('{}');
}

const STATES: readonly AlarmState[] = ['OK', 'ALARM', 'INSUFFICIENT_DATA'];

export function setAlarmState(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const name = optionalText(fields, 'AlarmName', invalidValue) ?? '';
  const alarm = context.alarms.get(caller, name);
  if (alarm === undefined) throw resourceNotFound(`Alarm ${name}`);
  const wanted = optionalText(fields, 'StateValue', invalidValue);
  const state = STATES.find((known) => known === wanted);
  if (state === undefined) throw invalidValue(`The value ${wanted} for parameter StateValue is invalid.`);
  const reason = optionalText(fields, 'StateReason', invalidValue);
  if (reason === undefined) throw missingParameter('StateReason');
  const data = optionalText(fields, 'StateReasonData', invalidValue);
  if (data !== undefined && !isJsonObject(data)) {
    throw new AwsError('InvalidFormatFault', 'StateReasonData must be JSON.', { queryCode: 'InvalidFormat' });
  }
  context.alarmEngine.setState(
    alarm,
    { state, reason, ...(data === undefined ? {} : { reasonData: data }) },
    context.now(),
  );
  return cloudWatchReply('{}');
}

function isJsonObject(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

export function switchActions(enabled: boolean) {
  return (context: AwsContext, caller: Caller, fields: Fields): Reply => {
    for (const name of optionalTexts(fields, 'AlarmNames', invalidValue) ?? []) {
      const alarm = context.alarms.get(caller, name);
      if (alarm !== undefined) alarm.properties = { ...alarm.properties, ActionsEnabled: enabled };
    }
    return cloudWatchReply('{}');
  };
}
