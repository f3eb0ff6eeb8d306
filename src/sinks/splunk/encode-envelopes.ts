import { assertNever } from '../../core/errors.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import { logText, needsNoEscape } from '../stored-text.ts';
import { accessEvent, unparsedEvent } from './access-event.ts';
import { alarmEvent } from './alarm-event.ts';
import { authenticationEvent, hasDecision } from './authentication-event.ts';
import { sharedMembers } from './copy-fields.ts';
import { type HecEventKind, SOURCETYPES, type SplunkHecSettings } from './hec-settings.ts';
import { epochSeconds, inside, member, type Quote, quote, quotePlain } from './json-members.ts';
import { metricEvent, metricFields } from './metric-event.ts';
import { shortenRecord } from './shorten-record.ts';

export type EncodeSettings = Pick<
  SplunkHecSettings,
  'host' | 'index' | 'indexes' | 'events' | 'metricsAs' | 'maxBodyBytes'
>;

/** Escapes can make a text six times as long: a copy that still does not fit is made again, smaller, down to this. */
const SMALLEST_ROOM_BYTES = 4_096;

/**
 * Makes the envelopes of an entry, in the order they are sent, each with the line break that ends it: none when all its
 * kinds are turned off.
 */
export function createEnvelopeEncoder(settings: EncodeSettings): (entry: JournalEntry) => readonly string[] {
  const tails = {
    access: envelopeTail('access', settings),
    authentication: envelopeTail('authentication', settings),
    metric: envelopeTail('metric', settings),
    alarm: envelopeTail('alarm', settings),
  };

  function envelope(entry: JournalEntry, kind: HecEventKind, source: string, event: string, fields: string) {
    return (
      `{"time":${epochSeconds(entry.eventMs)},"source":${quote(source)}${tails[kind]}` +
      `,"event":${event},"fields":${fields}}\n`
    );
  }

  function requestEnvelopes(
    entry: JournalEntry,
    record: RequestRecord,
    quoted: Quote,
    log: string | undefined,
  ): readonly string[] {
    const envelopes: string[] = [];
    const source = sourceOf(record);
    const fields = indexedFields(entry);
    const shared = inside(sharedMembers(record, quoted));
    if (settings.events.access)
      envelopes.push(envelope(entry, 'access', source, accessEvent(record, shared, quoted, log), fields));
    if (settings.events.authentication && hasDecision(record)) {
      const event = authenticationEvent(record, shared, quoted);
      envelopes.push(envelope(entry, 'authentication', source, event, fields));
    }
    return envelopes;
  }

  /** What does not fit a body of its own goes as a copy that does. Only a record of such a size can become such an event. */
  function fitting<R extends RequestRecord | UnparsedRecord>(
    entry: JournalEntry,
    whole: readonly string[],
    record: R,
    make: (record: R) => readonly string[],
  ): readonly string[] {
    let envelopes = whole;
    for (let room = settings.maxBodyBytes; room >= SMALLEST_ROOM_BYTES; room /= 4) {
      if (envelopes.every((text) => fits(text, settings.maxBodyBytes))) break;
      envelopes = make(shortenRecord(record, entry.body, room));
    }
    return envelopes;
  }

  return (entry) => {
    const { record, body } = entry;
    switch (record.kind) {
      case 'request': {
        const whole = requestEnvelopes(
          entry,
          record,
          needsNoEscape(body) ? quotePlain : quote,
          record.authorizerLog && logText(body),
        );
        return fitting(entry, whole, record, (copy) => requestEnvelopes(entry, copy, quote, undefined));
      }
      case 'unparsed': {
        if (!settings.events.access) return [];
        const make = (one: UnparsedRecord) => [
          envelope(entry, 'access', one.logGroup, unparsedEvent(one, quote), indexedFields(entry)),
        ];
        return fitting(entry, make(record), record, make);
      }
      case 'metric':
        if (!settings.events.metric) return [];
        return settings.metricsAs === 'metric'
          ? [envelope(entry, 'metric', record.namespace, '"metric"', metricFields(record))]
          : [envelope(entry, 'metric', record.namespace, metricEvent(record), indexedFields(entry))];
      case 'alarm':
        if (settings.events.alarm === false) return [];
        return [envelope(entry, 'alarm', record.alarmName, alarmEvent(record), indexedFields(entry))];
      default:
        return assertNever(record, 'kind of record');
    }
  };
}

/** The part of an envelope that is the same for all events of a kind. HEC carries no metadata over: each repeats it. */
function envelopeTail(kind: HecEventKind, settings: EncodeSettings): string {
  return (
    member('host', settings.host) +
    member('sourcetype', SOURCETYPES[kind]) +
    member('index', settings.indexes[kind] ?? settings.index)
  );
}

function fits(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}

/** Indexed, so that `dedup event_id` and a look-up by record need no search through the text. Flat, as HEC demands. */
function indexedFields(entry: JournalEntry): string {
  return `{"event_id":"${entry.eventId}","record_id":"${entry.recordId}","revision":${entry.revision}}`;
}

/** The log group of the access line; of the first part where there is none. */
function sourceOf(record: RequestRecord | UnparsedRecord): string {
  const access = record.parts.find((part) => part.role === 'access') ?? record.parts[0];
  return access?.logGroup ?? 'gatewatch';
}
