import type { AlarmRecord } from '../../model/alarm-record.ts';
import type { PlannedAlarm } from './demo-alarms.ts';

/** What alarms did, a line for each change and one for who was told, oldest first. */
export function alarmStory(
  records: Iterable<AlarmRecord>,
  planned: readonly PlannedAlarm[],
): readonly string[] {
  const sorted = [...records].sort((a, b) => a.eventMs - b.eventMs || (a.alarmName < b.alarmName ? -1 : 1));
  return sorted.flatMap((record) => [
    `${timeOf(record.eventMs)}  ${record.alarmName.padEnd(40)} ${record.toState.padEnd(6)} ${record.reason}`,
    ...(record.toState === 'ALARM' ? [`${' '.repeat(10)}${detailOf(record, planned)}`] : []),
  ]);
}

function detailOf(record: AlarmRecord, planned: readonly PlannedAlarm[]): string {
  const { owner, runbook, sampleRecordIds: [sample] = [] } = record;
  const words = [
    `told ${toldOf(record, planned)}`,
    ...(owner === undefined ? [] : [`owner ${owner}`]),
    ...(runbook === undefined ? [] : [`runbook ${runbook}`]),
    ...(sample === undefined ? [] : [`request ${sample.slice(0, 16)}…`]),
  ];
  return words.join(', ');
}

/** Names of the topics that are told of this state. */
export function toldOf(
  { alarmName, toState }: Pick<AlarmRecord, 'alarmName' | 'toState'>,
  planned: readonly PlannedAlarm[],
): string {
  const topics = planned.find(({ name }) => name === alarmName)?.topics[toState] ?? [];
  return topics.length === 0 ? 'nobody' : topics.map((topic) => topic.split(':').at(-1)).join(', ');
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
