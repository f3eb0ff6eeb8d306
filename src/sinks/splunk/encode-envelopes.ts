import { assertNever } from '../../core/errors.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import { accessEvent, unparsedEvent } from './access-event.ts';
import { authenticationEvent, hasDecision } from './authentication-event.ts';
import { sharedMembers } from './copy-fields.ts';
import type { HecPiece } from './hec-reaction.ts';
import { type HecEventKind, SOURCETYPES, type SplunkHecSettings } from './hec-settings.ts';
import { epochSeconds, member } from './json-members.ts';
import { metricEvent, metricFields } from './metric-event.ts';

export type EncodeSettings = Pick<SplunkHecSettings, 'host' | 'index' | 'indexes' | 'events' | 'metricsAs'>;

/** Makes the envelopes of an entry, in the order they are sent: none when all its kinds are turned off. */
export function createEnvelopeEncoder(
  settings: EncodeSettings,
): (entry: JournalEntry) => readonly HecPiece[] {
  const tails = {
    access: envelopeTail('access', settings),
    authentication: envelopeTail('authentication', settings),
    metric: envelopeTail('metric', settings),
  };

  function envelope(entry: JournalEntry, kind: HecEventKind, source: string, event: string, fields: string) {
    const text =
      `{"time":${epochSeconds(entry.eventMs)}${member('source', source)}${tails[kind]}` +
      `,"event":${event},"fields":${fields}}`;
    return { seq: entry.seq, bytes: Buffer.byteLength(text) + 1, text };
  }

  function requestPieces(entry: JournalEntry, record: RequestRecord): readonly HecPiece[] {
    const pieces: HecPiece[] = [];
    const source = sourceOf(record);
    const fields = indexedFields(entry);
    const shared = sharedMembers(record);
    if (settings.events.access)
      pieces.push(envelope(entry, 'access', source, accessEvent(record, shared), fields));
    if (settings.events.authentication && hasDecision(record)) {
      pieces.push(envelope(entry, 'authentication', source, authenticationEvent(record, shared), fields));
    }
    return pieces;
  }

  return (entry) => {
    const { record } = entry;
    switch (record.kind) {
      case 'request':
        return requestPieces(entry, record);
      case 'unparsed':
        if (!settings.events.access) return [];
        return [envelope(entry, 'access', record.logGroup, unparsedEvent(record), indexedFields(entry))];
      case 'metric':
        if (!settings.events.metric) return [];
        return settings.metricsAs === 'metric'
          ? [envelope(entry, 'metric', record.namespace, '"metric"', metricFields(record))]
          : [envelope(entry, 'metric', record.namespace, metricEvent(record), indexedFields(entry))];
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

/** Indexed, so that `dedup event_id` and a look-up by record need no search through the text. Flat, as HEC demands. */
function indexedFields(entry: JournalEntry): string {
  return `{"event_id":"${entry.eventId}","record_id":"${entry.recordId}","revision":${entry.revision}}`;
}

/** The log group of the access line; of the first part where there is none. */
function sourceOf(record: RequestRecord | UnparsedRecord): string {
  const access = record.parts.find((part) => part.role === 'access') ?? record.parts[0];
  return access?.logGroup ?? 'gatewatch';
}
