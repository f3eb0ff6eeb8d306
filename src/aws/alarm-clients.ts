import {
  type AlarmHistoryItem,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch';
import { GetResourcesCommand } from '@aws-sdk/client-resource-groups-tagging-api';
import type { Properties } from '../model/managed-resource.ts';
import { type AlarmCall, type AlarmScope, createAlarmScope } from './alarm-scope.ts';
import {
  compositeAlarmInput,
  type DescribedAlarm,
  describedAlarm,
  metricAlarmInput,
} from './alarm-shapes.ts';
import type { AwsClientsSettings } from './aws-clients.ts';
import { type DescribedIntegration, listIntegrations } from './integrations.ts';
import { type DescribedFilter, deleteFilter, listFilters, putFilter } from './metric-filters.ts';
import { type DescribedMute, deleteMute, getMute, listMutes, putMute } from './mute-rules.ts';
import { pagedListing } from './paged-listing.ts';
import { required } from './required-member.ts';
import { type TopicState, topicState } from './topics.ts';

export interface TaggedAlarm {
  readonly arn: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AlarmEvent {
  readonly alarm: string;
  readonly kind: 'metric' | 'composite';
  readonly atMs: number;
  /** `ConfigurationUpdate`, `StateUpdate`, `Action`; AWS may add others. */
  readonly type: string;
  readonly summary: string;
  /** JSON text. */
  readonly data: string;
}

/**
 * CloudWatch's alarms and what belongs to them, in our own types. Faults are told as in `AwsClients`: another try may
 * help (`IncompleteReadError`), or a person must act (`HeldError`). Writes keep below three a second together.
 */
export interface AlarmClients {
  /** Alarms that carry this tag, through the Resource Groups Tagging API. */
  findByTag(
    call: AlarmCall & { readonly tag: string; readonly value: string },
  ): AsyncIterable<readonly TaggedAlarm[]>;
  /** Metric and composite alarms; all of them without `names`. Names that do not exist are absent. */
  describeAlarms(
    call: AlarmCall & { readonly names?: readonly string[] },
  ): AsyncIterable<readonly DescribedAlarm[]>;
  putAlarm(call: AlarmCall & PutAlarm): Promise<void>;
  /** At most a hundred, at most one composite. */
  deleteAlarms(call: AlarmCall & { readonly names: readonly string[] }): Promise<void>;
  tagAlarm(
    call: AlarmCall & { readonly name: string; readonly tags: Readonly<Record<string, string>> },
  ): Promise<void>;
  untagAlarm(call: AlarmCall & { readonly name: string; readonly tags: readonly string[] }): Promise<void>;
  alarmTags(call: AlarmCall & { readonly name: string }): Promise<Readonly<Record<string, string>>>;
  /** Oldest first, `fromMs` ≤ time < `toMs`. */
  alarmHistory(call: AlarmCall & AlarmHistoryQuestion): AsyncIterable<readonly AlarmEvent[]>;
  /** Metric filters of everybody, in all log groups. */
  listFilters(call: AlarmCall): AsyncIterable<readonly DescribedFilter[]>;
  putFilter(call: AlarmCall & DescribedFilter): Promise<void>;
  deleteFilter(call: AlarmCall & { readonly name: string; readonly logGroup: string }): Promise<void>;
  /** Alarm mute rules whose name begins with `prefix`. */
  listMutes(call: AlarmCall & { readonly prefix: string }): AsyncIterable<readonly DescribedMute[]>;
  /** `undefined`: there is none of this name. */
  getMute(call: AlarmCall & { readonly name: string }): Promise<DescribedMute | undefined>;
  putMute(call: AlarmCall & DescribedMute): Promise<void>;
  deleteMute(call: AlarmCall & { readonly name: string }): Promise<void>;
  /** Integrations of one HTTP or WebSocket API. */
  listIntegrations(
    call: AlarmCall & { readonly apiId: string },
  ): AsyncIterable<readonly DescribedIntegration[]>;
  topic(call: AlarmCall & { readonly arn: string }): Promise<TopicState>;
  close(): void;
}

export interface PutAlarm {
  readonly kind: DescribedAlarm['kind'];
  readonly name: string;
  readonly properties: Properties;
  /** Taken by AWS when the alarm is created, ignored when it exists. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface AlarmHistoryQuestion {
  readonly name?: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly type?: 'ConfigurationUpdate' | 'StateUpdate' | 'Action';
}

/** DescribeAlarms takes this many names at once. */
const NAMES_PER_CALL = 100;

export function createAlarmClients(settings: AwsClientsSettings): AlarmClients {
  const scopes = new Map<string, AlarmScope>();
  const at = (call: AlarmCall): AlarmScope => {
    const key = `${call.account}/${call.region}`;
    const known = scopes.get(key) ?? createAlarmScope(call, settings);
    scopes.set(key, known);
    return known;
  };
  return {
    findByTag: (call) => findByTag(at(call), call),
    describeAlarms: (call) => describeAlarms(at(call), call),
    putAlarm: (call) => putAlarm(at(call), call),
    deleteAlarms: (call) => deleteAlarms(at(call), call),
    tagAlarm: (call) => tagAlarm(at(call), call),
    untagAlarm: (call) => untagAlarm(at(call), call),
    alarmTags: (call) => alarmTags(at(call), call),
    alarmHistory: (call) => alarmHistory(at(call), call),
    listFilters: (call) => listFilters(at(call), call),
    putFilter: (call) => putFilter(at(call), call),
    deleteFilter: (call) => deleteFilter(at(call), call),
    listMutes: (call) => listMutes(at(call), call),
    getMute: (call) => getMute(at(call), call),
    putMute: (call) => putMute(at(call), call),
    deleteMute: (call) => deleteMute(at(call), call),
    listIntegrations: (call) => listIntegrations(at(call), call),
    topic: (call) => topicState(at(call), call),
    close: () => {
      for (const scoped of scopes.values()) scoped.close();
    },
  };
}

function findByTag(
  scoped: AlarmScope,
  call: AlarmCall & { readonly tag: string; readonly value: string },
): AsyncIterable<readonly TaggedAlarm[]> {
  return pagedListing('GetResources', async (token) => {
    const command = new GetResourcesCommand({
      ResourceTypeFilters: ['cloudwatch:alarm'],
      TagFilters: [{ Key: call.tag, Values: [call.value] }],
      ResourcesPerPage: 100,
      ...(token === undefined ? {} : { PaginationToken: token }),
    });
    const note = scoped.note(call, 'GetResources', 'GetResources', `alarms tagged ${call.tag}`);
    const page = await scoped.calls.send(
      command,
      (sent, options) => scoped.tagging.send(sent, options),
      note,
    );
    const items = (page.ResourceTagMappingList ?? []).map((item) => {
      const arn = required(item.ResourceARN, 'ResourceARN', 'a tagged alarm');
      const tags = (item.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? ''] as const);
      return { arn, name: arn.slice(arn.indexOf(':alarm:') + 7), tags: Object.fromEntries(tags) };
    });
    return { items, next: page.PaginationToken };
  });
}

async function* describeAlarms(
  scoped: AlarmScope,
  call: AlarmCall & { readonly names?: readonly string[] },
): AsyncIterable<readonly DescribedAlarm[]> {
  if (call.names === undefined) {
    yield* describePages(scoped, call, undefined);
    return;
  }
  for (let start = 0; start < call.names.length; start += NAMES_PER_CALL) {
    yield* describePages(scoped, call, call.names.slice(start, start + NAMES_PER_CALL));
  }
}

function describePages(
  scoped: AlarmScope,
  call: AlarmCall,
  names: readonly string[] | undefined,
): AsyncIterable<readonly DescribedAlarm[]> {
  return pagedListing('DescribeAlarms', async (token) => {
    const command = new DescribeAlarmsCommand({
      // Without it AWS tells of metric alarms only.
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      MaxRecords: 100,
      ...(names === undefined ? {} : { AlarmNames: [...names] }),
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const note = scoped.note(call, 'DescribeAlarms', 'DescribeAlarms', 'alarms');
    const page = await scoped.calls.send(
      command,
      (sent, options) => scoped.cloudWatch.send(sent, options),
      note,
    );
    const items = [
      ...(page.MetricAlarms ?? []).map((alarm) => describedAlarm('metric_alarm', alarm)),
      ...(page.CompositeAlarms ?? []).map((alarm) => describedAlarm('composite_alarm', alarm)),
    ];
    return { items, next: page.NextToken };
  });
}

async function putAlarm(scoped: AlarmScope, call: AlarmCall & PutAlarm): Promise<void> {
  const Tags = Object.entries(call.tags).map(([Key, Value]) => ({ Key, Value }));
  const resource = `alarm ${call.name}`;
  if (call.kind === 'metric_alarm') {
    const command = new PutMetricAlarmCommand({ ...metricAlarmInput(call.name, call.properties), Tags });
    const note = scoped.note(call, 'PutMetricAlarm', 'AlarmWrites', resource);
    await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
    return;
  }
  const command = new PutCompositeAlarmCommand({ ...compositeAlarmInput(call.name, call.properties), Tags });
  const note = scoped.note(call, 'PutCompositeAlarm', 'AlarmWrites', resource);
  await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
}

async function deleteAlarms(
  scoped: AlarmScope,
  call: AlarmCall & { readonly names: readonly string[] },
): Promise<void> {
  const command = new DeleteAlarmsCommand({ AlarmNames: [...call.names] });
  const note = scoped.note(call, 'DeleteAlarms', 'AlarmWrites', call.names.join(', '));
  await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
}

async function tagAlarm(
  scoped: AlarmScope,
  call: AlarmCall & { readonly name: string; readonly tags: Readonly<Record<string, string>> },
): Promise<void> {
  const Tags = Object.entries(call.tags).map(([Key, Value]) => ({ Key, Value }));
  const command = new TagResourceCommand({ ResourceARN: scoped.arn(call.name), Tags });
  const note = scoped.note(call, 'TagResource', 'AlarmTags', `alarm ${call.name}`);
  await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
}

async function untagAlarm(
  scoped: AlarmScope,
  call: AlarmCall & { readonly name: string; readonly tags: readonly string[] },
): Promise<void> {
  const command = new UntagResourceCommand({ ResourceARN: scoped.arn(call.name), TagKeys: [...call.tags] });
  const note = scoped.note(call, 'UntagResource', 'AlarmTags', `alarm ${call.name}`);
  await scoped.calls.send(command, (sent, options) => scoped.cloudWatch.send(sent, options), note);
}

async function alarmTags(
  scoped: AlarmScope,
  call: AlarmCall & { readonly name: string },
): Promise<Readonly<Record<string, string>>> {
  const command = new ListTagsForResourceCommand({ ResourceARN: scoped.arn(call.name) });
  const note = scoped.note(call, 'ListTagsForResource', 'AlarmTags', `alarm ${call.name}`);
  const answer = await scoped.calls.send(
    command,
    (sent, options) => scoped.cloudWatch.send(sent, options),
    note,
  );
  return Object.fromEntries((answer.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

function alarmHistory(
  scoped: AlarmScope,
  call: AlarmCall & AlarmHistoryQuestion,
): AsyncIterable<readonly AlarmEvent[]> {
  return pagedListing('DescribeAlarmHistory', async (token) => {
    const command = new DescribeAlarmHistoryCommand({
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      StartDate: new Date(call.fromMs),
      EndDate: new Date(call.toMs),
      ScanBy: 'TimestampAscending',
      MaxRecords: 100,
      ...(call.name === undefined ? {} : { AlarmName: call.name }),
      ...(call.type === undefined ? {} : { HistoryItemType: call.type }),
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const note = scoped.note(call, 'DescribeAlarmHistory', 'DescribeAlarmHistory', call.name ?? 'alarms');
    const page = await scoped.calls.send(
      command,
      (sent, options) => scoped.cloudWatch.send(sent, options),
      note,
    );
    return { items: (page.AlarmHistoryItems ?? []).map(alarmEvent), next: page.NextToken };
  });
}

function alarmEvent(item: AlarmHistoryItem): AlarmEvent {
  return {
    alarm: required(item.AlarmName, 'AlarmName', 'an alarm history item'),
    kind: item.AlarmType === 'CompositeAlarm' ? 'composite' : 'metric',
    atMs: item.Timestamp?.getTime() ?? 0,
    type: item.HistoryItemType ?? '',
    summary: item.HistorySummary ?? '',
    data: item.HistoryData ?? '{}',
  };
}
