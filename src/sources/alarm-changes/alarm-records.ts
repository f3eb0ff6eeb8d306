import type { AlarmClients } from '../../aws/alarm-clients.ts';
import type { DescribedAlarm } from '../../aws/alarm-shapes.ts';
import type { AwsScope } from '../../aws/aws-settings.ts';
import type { Clock } from '../../core/clock.ts';
import { sha256Id } from '../../core/hash.ts';
import type { AlarmRecord, AlarmStateName } from '../../model/alarm-record.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { Window } from '../../model/source-event.ts';
import type { Redactor } from '../../redact/redactor.ts';
import type { AlarmChange } from './alarm-changes-source.ts';
import { alarmsNamedIn, reasonSentence } from './reason-sentence.ts';
import { stateOf } from './state-change.ts';
import {
  type Place,
  placeOf,
  type SampleKind,
  type WatchedMetric,
  watchedMetric,
  wordsOf,
} from './watched-metric.ts';

/** Which requests show what an alarm fired for. */
export interface SampleQuestion extends AwsScope, Window {
  readonly apiId?: string;
  readonly apiName?: string;
  readonly stage?: string;
  readonly what: SampleKind;
}

export interface AlarmRecordsOptions extends AwsScope {
  readonly client: Pick<AlarmClients, 'describeAlarms' | 'alarmTags'>;
  readonly stages: () => readonly StageInventory[];
  readonly redactor: Pick<Redactor, 'text'>;
  /** What an alarm's description says to people; undefined for one that is not from files. */
  readonly readCard: (
    description: string,
  ) => { readonly id: string; readonly owner?: string; readonly runbook?: string } | undefined;
  /** Record ids, most telling first. */
  readonly samplesOf: (question: SampleQuestion) => Promise<readonly string[]>;
  readonly clock: Clock;
}

export type MakeAlarmRecords = (
  changes: readonly AlarmChange[],
  signal: AbortSignal,
) => Promise<readonly AlarmRecord[]>;

/** Makes records of changes: what the alarm is, whose, and which requests show it is looked up when it changed. */
export function createAlarmRecords(options: AlarmRecordsOptions): MakeAlarmRecords {
  return async (changes, signal) => {
    if (changes.length === 0) return [];
    const described = await describedAlarms(options, changes, signal);
    const records: AlarmRecord[] = [];
    for (const one of changes) records.push(await recordOf(options, one, described, signal));
    return records;
  };
}

type Described = ReadonlyMap<string, DescribedAlarm>;

/** The alarms themselves and those that composites name. A deleted one is absent. */
async function describedAlarms(
  { account, region, client }: AlarmRecordsOptions,
  changes: readonly AlarmChange[],
  signal: AbortSignal,
): Promise<Described> {
  const names = new Set(
    changes.flatMap(({ event, change }) => [event.alarm, ...alarmsNamedIn(change.reason)]),
  );
  const described = new Map<string, DescribedAlarm>();
  for await (const page of client.describeAlarms({ account, region, signal, names: [...names] })) {
    for (const alarm of page) described.set(alarm.name, alarm);
  }
  return described;
}

async function recordOf(
  options: AlarmRecordsOptions,
  { recordId, event, change }: AlarmChange,
  described: Described,
  signal: AbortSignal,
): Promise<AlarmRecord> {
  const { account, region, redactor, clock } = options;
  const alarm = described.get(event.alarm);
  const tags =
    alarm === undefined ? {} : await options.client.alarmTags({ account, region, signal, name: alarm.name });
  const own = alarm === undefined ? undefined : watchedMetric(alarm.properties);
  const metric = own ?? metricOfChild(alarmsNamedIn(change.reason), described);
  const place = metric === undefined ? placeOfTags(tags) : placeOf(metric, options.stages());
  const reason = reasonSentence({
    change,
    properties: alarm?.properties,
    metric: own,
    place: [place.apiName ?? place.apiId, place.stage].filter((word) => word !== undefined).join('/'),
  });
  const fires = change.toState === 'ALARM' && metric !== undefined;
  const samples = fires ? await samplesOf(options, { event, change }, metric, alarm, place) : [];
  return {
    kind: 'alarm',
    recordId,
    eventId: sha256Id(`${recordId}\nchange`),
    revision: 0,
    account,
    region,
    ...place,
    eventMs: event.atMs,
    readMs: clock.now(),
    alarmName: redactor.text(event.alarm),
    alarmType: event.kind,
    problemId: problemIdOf(options, event.alarm),
    fromState: change.fromState,
    toState: change.toState,
    reason: redactor.text(reason),
    ...cardOf(options, alarm, tags),
    ...(samples.length > 0 && { sampleRecordIds: samples }),
  };
}

/** A composite is shown by what its first child that fired watches. */
function metricOfChild(names: readonly string[], described: Described): WatchedMetric | undefined {
  for (const name of names) {
    const child = described.get(name);
    const metric = child === undefined ? undefined : watchedMetric(child.properties);
    if (metric !== undefined) return metric;
  }
  return undefined;
}

function placeOfTags({ api: apiName, stage }: Readonly<Record<string, string>>): Place {
  return { ...(apiName && { apiName }), ...(stage && { stage }) };
}

function problemIdOf({ account, region }: AwsScope, alarm: string): string {
  return sha256Id(['problem', account, region, alarm].join('\n'));
}

/** What state every alarm is in now, by the id of its problem. */
export function createAlarmStates({
  client,
  ...scope
}: AwsScope & { readonly client: Pick<AlarmClients, 'describeAlarms'> }): AlarmStates {
  return async (signal) => {
    const states = new Map<string, AlarmStateName>();
    for await (const page of client.describeAlarms({ ...scope, signal })) {
      for (const { name, state } of page) {
        states.set(problemIdOf(scope, name), stateOf(state) ?? 'INSUFFICIENT_DATA');
      }
    }
    return states;
  };
}

export type AlarmStates = (signal: AbortSignal) => Promise<ReadonlyMap<string, AlarmStateName>>;

function cardOf(
  { redactor, readCard }: AlarmRecordsOptions,
  alarm: DescribedAlarm | undefined,
  tags: Readonly<Record<string, string>>,
): Pick<AlarmRecord, 'severity' | 'owner' | 'runbook' | 'alarmId'> {
  const description = alarm?.properties.AlarmDescription;
  const card = typeof description === 'string' ? readCard(description) : undefined;
  const [severity, owner, runbook] = [
    tags.severity,
    card?.owner ?? tags.owner,
    card?.runbook ?? tags.runbook,
  ];
  return {
    ...(severity && { severity: redactor.text(severity) }),
    ...(owner && { owner: redactor.text(owner) }),
    ...(runbook && { runbook: redactor.text(runbook) }),
    ...(card !== undefined && { alarmId: redactor.text(card.id) }),
  };
}

async function samplesOf(
  { account, region, samplesOf: ask }: AlarmRecordsOptions,
  { event, change }: Pick<AlarmChange, 'event' | 'change'>,
  metric: WatchedMetric,
  alarm: DescribedAlarm | undefined,
  place: Pick<AlarmRecord, 'apiId' | 'apiName' | 'stage'>,
): Promise<readonly string[]> {
  const { sample: what } = wordsOf(metric);
  if (what === undefined) return [];
  const count = alarm?.properties.EvaluationPeriods;
  // One period more than is judged: the newest is not over when the alarm fires.
  const periods = (typeof count === 'number' ? count : 1) + 1;
  const fromMs = Math.min(change.sinceMs ?? event.atMs, event.atMs - periods * metric.periodS * 1_000);
  return ask({ account, region, ...place, what, fromMs, toMs: event.atMs });
}
