import type { FilteredLogEvent } from '@aws-sdk/client-cloudwatch-logs';
import { IncompleteReadError } from '../core/errors.ts';
import { sha256Id } from '../core/hash.ts';
import { itemsFrom } from '../core/passing-on.ts';
import type { LogEvent, Urgency } from '../model/source-event.ts';
import type { AwsScope } from './aws-settings.ts';

export interface LogRead extends AwsScope {
  readonly logGroup: string;
  /** Event time, inclusive. */
  readonly fromMs: number;
  /** Event time, exclusive. */
  readonly toMs: number;
  /** Default `live`. */
  readonly urgency?: Urgency;
  readonly signal: AbortSignal;
}

export interface LogPage {
  readonly events: readonly LogEvent[];
  /** Bytes as CloudWatch Logs counts them: UTF-8 length plus 26 for each event. */
  readonly bytes: number;
}

/** What one FilterLogEvents answer gives: absent lists are empty, an absent token is the end. */
export interface RawLogPage {
  readonly events?: readonly FilteredLogEvent[] | undefined;
  readonly nextToken?: string | undefined;
}

const EVENT_OVERHEAD_BYTES = 26;

/**
 * Reads one window of one log group, page after page, until no token comes back; an empty page is not the end. A token
 * that comes a second time would loop for ever and is an incomplete read.
 *
 * AWS excludes events "later than" `endTime`, so an event exactly at it is in: the window's end is sent as it is and
 * events at or after it are dropped here, which is right under either reading of that sentence.
 */
export function readLogPages(
  read: LogRead,
  fetchPage: (nextToken: string | undefined) => Promise<RawLogPage>,
): AsyncIterable<LogPage> {
  const toLogEvent = createEventMapper();
  const tokens = new Set<string>();
  let token: string | undefined;
  let isOver = read.fromMs >= read.toMs;
  return itemsFrom(async () => {
    if (isOver) return undefined;
    read.signal.throwIfAborted();
    if (token !== undefined) {
      if (tokens.has(token)) throw repeatedToken(read, tokens.size);
      tokens.add(token);
    }
    const raw = await fetchPage(token);
    token = raw.nextToken || undefined;
    isOver = token === undefined;
    return pageOf(raw.events ?? [], read, toLogEvent);
  });
}

function repeatedToken(read: LogRead, pages: number): IncompleteReadError {
  return new IncompleteReadError(
    `FilterLogEvents on log group ${read.logGroup} in account ${read.account}, ${read.region}, gave the same token twice after ${pages} pages; the window is read again`,
  );
}

function pageOf(
  raw: readonly FilteredLogEvent[],
  read: LogRead,
  toLogEvent: (event: FilteredLogEvent, fallbackMs: number) => LogEvent,
): LogPage {
  const events: LogEvent[] = [];
  let bytes = 0;
  for (const one of raw) {
    const event = toLogEvent(one, read.fromMs);
    if (event.timestampMs < read.fromMs || event.timestampMs >= read.toMs) continue;
    events.push(event);
    bytes += Buffer.byteLength(event.message) + EVENT_OVERHEAD_BYTES;
  }
  return { events, bytes };
}

/**
 * Maps events to our type. AWS documents `eventId` only as "the ID of the event"; should one be missing, an id is made
 * from stream, time and text. Identical lines of one millisecond get ordinals, so that none is taken for a repeat;
 * they always lie in the same window, so another read numbers them alike.
 */
function createEventMapper(): (event: FilteredLogEvent, fallbackMs: number) => LogEvent {
  const ordinals = new Map<string, number>();
  const synthesise = (logStream: string, timestampMs: number, message: string): string => {
    const base = sha256Id([logStream, String(timestampMs), message].join('\n'));
    const ordinal = ordinals.get(base) ?? 0;
    ordinals.set(base, ordinal + 1);
    return `made-${base}-${ordinal}`;
  };
  return (event, fallbackMs) => {
    const logStream = event.logStreamName ?? '';
    const timestampMs = event.timestamp ?? event.ingestionTime ?? fallbackMs;
    const message = event.message ?? '';
    return {
      eventId: event.eventId ?? synthesise(logStream, timestampMs, message),
      logStream,
      timestampMs,
      ingestionMs: event.ingestionTime ?? timestampMs,
      message,
    };
  };
}
