import type { Reply } from '../http-exchange.ts';
import { type AlarmKind, combinationError, type HistoryItem, type StoredAlarm } from './alarm-model.ts';
import { readsOf } from './alarm-store.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue } from './cloudwatch-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf, readToken } from './page-token.ts';
import { boundedNumber, type Fields, optionalNumber, optionalText, optionalTexts } from './request-fields.ts';

const PAGE = { min: 1, max: 100, fallback: 50 };
const KIND_OF: Readonly<Record<string, AlarmKind>> = { MetricAlarm: 'metric', CompositeAlarm: 'composite' };

/** Metric alarms only, unless `AlarmTypes` asks for composites. Never tags, never a default that was not set. */
export function describeAlarms(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const names = optionalTexts(fields, 'AlarmNames', invalidValue);
  const prefix = optionalText(fields, 'AlarmNamePrefix', invalidValue);
  const state = optionalText(fields, 'StateValue', invalidValue);
  if (names !== undefined && prefix !== undefined) {
    throw combinationError('AlarmNames and AlarmNamePrefix cannot be given together.');
  }
  if (names !== undefined && names.length > 100)
    throw invalidValue('AlarmNames must not have more than 100 members.');
  const kinds = kindsOf(fields);
  const wanted = names === undefined ? undefined : new Set(names);
  const found = context.alarms
    .of(caller)
    .filter((alarm) => kinds.has(alarm.kind))
    .filter((alarm) => wanted?.has(alarm.name) ?? true)
    .filter((alarm) => prefix === undefined || alarm.name.startsWith(prefix))
    .filter((alarm) => state === undefined || alarm.state === state)
    .filter((alarm) => isRelative(context, caller, fields, alarm))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const page = pageOf(context, fields, [caller.account, caller.region, names, prefix, state], found);
  return cloudWatchReply(
    JSON.stringify({
      MetricAlarms: page.items.filter((alarm) => alarm.kind === 'metric').map(describeMetric),
      CompositeAlarms: page.items.filter((alarm) => alarm.kind === 'composite').map(describeComposite),
      ...(page.next === undefined ? {} : { NextToken: page.next }),
    }),
  );
}

function kindsOf(fields: Fields): ReadonlySet<AlarmKind> {
  const types = optionalTexts(fields, 'AlarmTypes', invalidValue) ?? ['MetricAlarm'];
  return new Set(types.flatMap((type) => KIND_OF[type] ?? []));
}

function isRelative(context: AwsContext, caller: Caller, fields: Fields, alarm: StoredAlarm): boolean {
  const childrenOf = optionalText(fields, 'ChildrenOfAlarmName', invalidValue);
  const parentsOf = optionalText(fields, 'ParentsOfAlarmName', invalidValue);
  if (parentsOf !== undefined) return alarm.kind === 'composite' && readsOf(alarm).has(parentsOf);
  if (childrenOf === undefined) return true;
  const parent = context.alarms.get(caller, childrenOf);
  return parent !== undefined && readsOf(parent).has(alarm.name);
}

function describeMetric(alarm: StoredAlarm): Fields {
  return { ...shared(alarm), Dimensions: [], ...alarm.properties };
}

function describeComposite(alarm: StoredAlarm): Fields {
  return {
    ...shared(alarm),
    ...alarm.properties,
    ...(alarm.suppressedBy === undefined ? {} : { ActionsSuppressedBy: alarm.suppressedBy }),
  };
}

function shared(alarm: StoredAlarm): Fields {
  return {
    AlarmName: alarm.name,
    AlarmArn: alarm.arn,
    ActionsEnabled: true,
    OKActions: [],
    AlarmActions: [],
    InsufficientDataActions: [],
    StateValue: alarm.state,
    StateReason: alarm.reason,
    ...(alarm.reasonData === undefined ? {} : { StateReasonData: alarm.reasonData }),
    StateUpdatedTimestamp: alarm.stateUpdatedMs / 1_000,
    StateTransitionedTimestamp: alarm.transitionedMs / 1_000,
    AlarmConfigurationUpdatedTimestamp: alarm.configuredMs / 1_000,
  };
}

/** Newest first unless asked otherwise; metric alarms only, unless `AlarmTypes` says more. Kept after a delete. */
export function describeAlarmHistory(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const name = optionalText(fields, 'AlarmName', invalidValue);
  const type = optionalText(fields, 'HistoryItemType', invalidValue);
  const scan = optionalText(fields, 'ScanBy', invalidValue) ?? 'TimestampDescending';
  const fromMs = (optionalNumber(fields, 'StartDate', invalidValue) ?? 0) * 1_000;
  const toMs = (optionalNumber(fields, 'EndDate', invalidValue) ?? Number.MAX_SAFE_INTEGER) * 1_000;
  const kinds = kindsOf(fields);
  const found = context.alarms
    .history(caller)
    .filter((item) => kinds.has(item.kind) && item.atMs >= fromMs && item.atMs < toMs)
    .filter(
      (item) => (name === undefined || item.alarmName === name) && (type === undefined || item.type === type),
    );
  const ordered = scan === 'TimestampAscending' ? found : [...found].reverse();
  const page = pageOf(
    context,
    fields,
    [caller.account, caller.region, name, type, fromMs, toMs, scan],
    ordered,
  );
  return cloudWatchReply(
    JSON.stringify({
      AlarmHistoryItems: page.items.map(describeItem),
      ...(page.next === undefined ? {} : { NextToken: page.next }),
    }),
  );
}

function describeItem(item: HistoryItem): Fields {
  return {
    AlarmName: item.alarmName,
    AlarmType: item.kind === 'metric' ? 'MetricAlarm' : 'CompositeAlarm',
    Timestamp: item.atMs / 1_000,
    HistoryItemType: item.type,
    HistorySummary: item.summary,
    HistoryData: item.data,
  };
}

function pageOf<T>(
  context: AwsContext,
  fields: Fields,
  question: readonly unknown[],
  items: readonly T[],
): { readonly items: readonly T[]; readonly next: string | undefined } {
  const size = boundedNumber(fields, 'MaxRecords', PAGE, invalidValue);
  const mark = markOf([...question]);
  const token = optionalText(fields, 'NextToken', invalidValue);
  const start = token === undefined ? 0 : startOf(context, token, mark);
  const next = start + size < items.length ? makeToken([start + size], mark, context.now()) : undefined;
  return { items: items.slice(start, start + size), next };
}

function startOf(context: AwsContext, token: string, mark: string): number {
  const fail = (why: string) => new AwsError('InvalidNextToken', why);
  const expected = { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs };
  const [start] = readToken(token, expected, fail);
  if (typeof start !== 'number') throw fail('The specified nextToken is invalid.');
  return start;
}
