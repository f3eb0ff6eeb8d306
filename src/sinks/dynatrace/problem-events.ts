import type { FieldName } from '../../catalog/field-row.ts';
import type { AlarmRecord } from '../../model/alarm-record.ts';
import { cutText } from '../cut-text.ts';
import { COPIED } from './dynatrace-fields.ts';
import type { DatedPiece } from './otlp-reaction.ts';

/** One call of the Events API: it takes one event at a time. */
export interface EventPiece extends DatedPiece {
  readonly record: AlarmRecord;
  readonly body: string;
}

/** A problem that nobody refreshes closes by itself after this: below the stricter of the two published caps (60 and 360). */
const TIMEOUT_MINUTES = 60;
/** Events that open a problem may begin this long ago; a little less, because the way there takes time. */
const OLDEST_START_MS = 6 * 3_600_000 - 300_000;
/** Longest value of a property. */
const MAX_VALUE_BYTES = 4_096;

const REASON = 'gatewatch.alarm.reason';
const SAMPLES = 'gatewatch.alarm.sample_record_ids';

/** What differs between the changes of one problem. */
const VARYING: ReadonlySet<FieldName> = new Set([
  'kind',
  'recordId',
  'eventId',
  'revision',
  'fromState',
  'toState',
  'problemStatus',
  'reason',
  'openedMs',
  'openedEventId',
]);

/**
 * The event that opens, refreshes or closes a problem; undefined where there is none. Dynatrace knows a problem again by
 * the payload it began with, so title and properties are those of the opening each time: what is new is in the log
 * record of the change. Closing adds the end. Source: Events API v2, `POST /api/v2/events/ingest`.
 */
export function problemEvent(
  entry: { readonly seq: number; readonly record: AlarmRecord },
  nowMs: number,
): EventPiece | undefined {
  const { record, seq } = entry;
  const opening = openingOf(record);
  if (opening === undefined || isTooOld(record, nowMs)) return undefined;
  const body = JSON.stringify({
    eventType: 'CUSTOM_ALERT',
    title: `${record.alarmName} fired`,
    startTime: Math.max(opening.openedMs, nowMs - OLDEST_START_MS),
    ...(record.problemStatus === 'closed' ? { endTime: record.eventMs } : { timeout: TIMEOUT_MINUTES }),
    properties: propertiesOf(record, opening),
  });
  return { seq, record, body, bytes: Buffer.byteLength(body), eventMs: record.eventMs };
}

interface Opening {
  readonly eventId: string;
  readonly openedMs: number;
  readonly reason: string;
  readonly samples: readonly string[];
}

function openingOf(record: AlarmRecord): Opening | undefined {
  const { problemStatus, openedMs, openedEventId: eventId, openedReason: reason } = record;
  if (problemStatus === undefined) return undefined;
  if (problemStatus === 'opened') {
    const { eventMs, sampleRecordIds: samples = [] } = record;
    return { eventId: record.eventId, openedMs: eventMs, reason: record.reason, samples };
  }
  if (openedMs === undefined || eventId === undefined || reason === undefined) return undefined;
  return { eventId, openedMs, reason, samples: record.openedSampleRecordIds ?? [] };
}

/** Too late to open anything, and whatever was open has run out since. */
function isTooOld({ eventMs }: AlarmRecord, nowMs: number): boolean {
  return eventMs < nowMs - OLDEST_START_MS;
}

function propertiesOf(record: AlarmRecord, opening: Opening): Readonly<Record<string, string>> {
  const values: Readonly<Partial<Record<FieldName, unknown>>> = record;
  const properties: Record<string, string> = {};
  const put = (name: string, value: unknown) => {
    if (value !== undefined) properties[name] = cutText(String(value), MAX_VALUE_BYTES);
  };
  for (const { name, attribute } of COPIED.alarm) if (!VARYING.has(name)) put(attribute, values[name]);
  put('event_id', opening.eventId);
  put(REASON, opening.reason);
  if (opening.samples.length > 0) put(SAMPLES, opening.samples.join(' '));
  return properties;
}
