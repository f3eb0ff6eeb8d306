import type { AlarmRecord } from '../../model/alarm-record.ts';
import type { Incident } from '../../sandbox/incidents.ts';
import { Check } from './check.ts';
import type { AlarmArrivals } from './compare-sinks.ts';
import { DEMO_ALARM, type PlannedAlarm } from './demo-alarms.ts';
import type { JournalIndex, NewestRecord } from './journal-index.ts';
import type { AlarmTransition, DynatraceProblem, SnsDelivery } from './sandbox-control.ts';

export interface AlarmEvidence {
  readonly planned: readonly PlannedAlarm[];
  readonly incident: Incident;
  /** What CloudWatch noted, of all types. */
  readonly history: readonly AlarmTransition[];
  readonly told: readonly SnsDelivery[];
  readonly problems: readonly DynatraceProblem[];
  readonly journal: JournalIndex;
  readonly splunk: AlarmArrivals;
  readonly dynatrace: AlarmArrivals;
}

/** Longest it may take after the incident until an alarm on windows of five minutes is well again. */
const CLEARED_WITHIN_MS = 8 * 60_000;

/** Compares what CloudWatch says its alarms did with the journal, both sinks, and who was told. */
export function compareAlarms(evidence: AlarmEvidence): readonly Check[] {
  return [
    compareHistory(evidence),
    compareArrivals('Splunk', evidence.splunk, evidence.journal),
    compareArrivals('Dynatrace', evidence.dynatrace, evidence.journal),
    compareProblems(evidence),
    compareTold(evidence),
    compareSamples(evidence.journal),
    compareIncident(evidence),
  ];
}

function compareHistory({ history, journal }: AlarmEvidence): Check {
  const check = new Check('alarms: every change of state in the journal once');
  const stored = new Map<string, number>();
  for (const record of journal.alarms.values()) {
    const key = changeKey({ ...record, atMs: record.eventMs });
    stored.set(key, (stored.get(key) ?? 0) + 1);
  }
  const noted = new Set<string>();
  for (const { type, summary, ...item } of history) {
    const [, fromState = '', toState = ''] = /from (\w+) to (\w+)/.exec(summary) ?? [];
    if (type !== 'StateUpdate') continue;
    const key = changeKey({ ...item, fromState, toState });
    noted.add(key);
    check.expect(
      stored.get(key) === 1,
      () => `expected one record of ${key}, got ${stored.get(key) ?? 'none'}`,
    );
  }
  for (const key of stored.keys())
    check.expect(noted.has(key), () => `${key} is not in CloudWatch's history`);
  return check;
}

function changeKey(change: {
  readonly account: string;
  readonly region: string;
  readonly alarmName: string;
  readonly fromState: string;
  readonly toState: string;
  readonly atMs: number;
}): string {
  const { account, region, alarmName, fromState, toState, atMs } = change;
  return `${alarmName} of ${account}, ${region} from ${fromState} to ${toState} at ${new Date(atMs).toISOString()}`;
}

function compareArrivals(sink: string, arrived: AlarmArrivals, journal: JournalIndex): Check {
  const check = new Check(`alarms: every change of state at ${sink}`);
  for (const [eventId, record] of journal.alarms) {
    const state = arrived.get(eventId);
    check.expect(
      state === record.toState || state === '',
      () =>
        `${record.alarmName} to ${record.toState} (record ${record.recordId}): ${sink} has ${state ?? 'nothing'}`,
    );
  }
  for (const eventId of arrived.keys()) {
    check.expect(
      journal.alarms.has(eventId),
      () => `${sink} has event ${eventId}, which is not in the journal`,
    );
  }
  return check;
}

/** Each firing is one problem that begins with it, and ends with what ended it. */
function compareProblems({ problems, journal }: AlarmEvidence): Check {
  const check = new Check('alarms: a Dynatrace problem for each firing, closed when it was over');
  const records = [...journal.alarms.values()];
  const told = (problem: DynatraceProblem) =>
    `${problem.title} from ${problem.startMs} ${problem.ended ? `to ${problem.endMs}` : 'on'}`;
  const wanted = records.flatMap((opened) => {
    if (opened.problemStatus !== 'opened') return [];
    const closed = records.find((other) => other.openedEventId === opened.eventId && other.toState === 'OK');
    const { eventMs: startMs, alarmName, eventId } = opened;
    const ended = closed !== undefined;
    const end = { ended, endMs: closed?.eventMs ?? 0 };
    return [{ title: `${alarmName} fired`, properties: { event_id: eventId }, startMs, ...end }];
  });
  for (const one of wanted) {
    const got = problems
      .filter(({ properties }) => properties.event_id === one.properties.event_id)
      .map(told);
    check.expect(
      got.length === 1 && got[0] === told(one),
      () => `expected ${told(one)}, got ${got.join(', ') || 'no problem'}`,
    );
  }
  check.expect(
    problems.length === wanted.length,
    () => `expected ${wanted.length} problems, got ${problems.length}`,
  );
  return check;
}

/** Every topic that the plan named for a state was told of each change to it, and no other. */
function compareTold({ planned, told, journal }: AlarmEvidence): Check {
  const check = new Check('alarms: who was told, as planned');
  const key = (topic: string, alarm: string, state: string, atMs: number) =>
    `${topic} of ${alarm} ${state} at ${new Date(atMs).toISOString()}`;
  const got = told.map(({ topicArn, atMs, message }) =>
    key(topicArn, message.AlarmName, message.NewStateValue, atMs),
  );
  const wanted = [...journal.alarms.values()].flatMap(({ alarmName, toState, eventMs }) =>
    (planned.find(({ name }) => name === alarmName)?.topics[toState] ?? []).map((topic) =>
      key(topic, alarmName, toState, eventMs),
    ),
  );
  for (const one of new Set([...wanted, ...got])) {
    const counts = [wanted, got].map((list) => list.filter((other) => other === one).length);
    check.expect(counts[0] === counts[1], () => `expected ${counts[0]} messages to ${one}, got ${counts[1]}`);
  }
  return check;
}

/** The requests that an alarm names are in the journal, of the stage that it watches, from before it fired. */
function compareSamples(journal: JournalIndex): Check {
  const check = new Check('alarms: the requests they name are in the journal');
  for (const record of journal.alarms.values()) {
    for (const id of record.sampleRecordIds ?? []) {
      const sample = journal.newest.get(id);
      check.expect(
        isSampleOf(sample, record),
        () => `${record.alarmName} names request ${id}: ${why(sample)}`,
      );
    }
  }
  return check;
}

const LONGEST_WINDOW_MS = 3_600_000;

function isSampleOf(sample: NewestRecord | undefined, record: AlarmRecord): boolean {
  if (sample === undefined || sample.kind !== 'request') return false;
  return sample.eventMs < record.eventMs && sample.eventMs >= record.eventMs - LONGEST_WINDOW_MS;
}

function why(sample: NewestRecord | undefined): string {
  return sample === undefined ? 'it is not there' : `it is from ${new Date(sample.eventMs).toISOString()}`;
}

/** The alarm on P99 fired while the backend was slow, named requests that show it, and cleared afterwards. */
function compareIncident({ journal, planned, incident }: AlarmEvidence): Check {
  const check = new Check('alarms: P99 fired in the incident and cleared after it');
  const name = planned.find((alarm) => alarm.name.endsWith(`/${DEMO_ALARM}`))?.name ?? DEMO_ALARM;
  const changes = [...journal.alarms.values()]
    .filter(({ alarmName }) => alarmName === name)
    .sort((a, b) => a.eventMs - b.eventMs);
  const fired = changes.find(({ toState, eventMs }) => toState === 'ALARM' && isBetween(eventMs, incident));
  const cleared = changes.find(
    ({ toState, eventMs }) =>
      toState === 'OK' && eventMs > incident.toMs && eventMs <= incident.toMs + CLEARED_WITHIN_MS,
  );
  const story = changes.map(({ toState, eventMs }) => `${toState} ${new Date(eventMs).toISOString()}`);
  check.expect(
    fired !== undefined,
    () => `${name} did not fire: ${story.join(', ') || 'no change of state'}`,
  );
  check.expect(cleared !== undefined, () => `${name} did not clear: ${story.join(', ')}`);
  const samples = fired?.sampleRecordIds ?? [];
  check.expect(samples.length > 0, () => `${name} names no request that shows why it fired`);
  return check;
}

function isBetween(atMs: number, { fromMs, toMs }: Incident): boolean {
  return atMs > fromMs && atMs <= toMs;
}
