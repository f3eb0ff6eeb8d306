import type { AlarmRecord } from '../../model/alarm-record.ts';
import { copyFields } from './copy-fields.ts';
import { inside, member, quote } from './json-members.ts';
import { ALARM_FIELDS } from './splunk-fields.ts';

const alarmMembers = copyFields(ALARM_FIELDS);

/** A change of state under the names of CIM's Alerts model (`signature`, `description`, `severity`, `type`), and its own. */
export function alarmEvent(record: AlarmRecord): string {
  const samples = record.sampleRecordIds ?? [];
  const listed = samples.length === 0 ? '' : `,"sample_record_id":${JSON.stringify(samples)}`;
  return `{${inside(alarmMembers(record, quote) + member('type', 'alarm') + listed)}}`;
}
