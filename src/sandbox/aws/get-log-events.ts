import type { Reply } from '../http-exchange.ts';
import type { WorldEvent, WorldLogGroup } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { compareEvents, type EventPlace, firstIndex } from './event-order.ts';
import {
  countedBytes,
  eventPlace,
  invalidParameter,
  logsReply,
  placeOf,
  readGroup,
  readLogsToken,
} from './logs-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf } from './page-token.ts';
import { boundedNumber, type Fields, optionalFlag, optionalNumber, optionalText } from './request-fields.ts';

interface Cursor {
  readonly step: 1 | -1;
  /** The last event given in this direction; absent at the start. */
  readonly last?: EventPlace;
}

interface StreamRequest {
  readonly group: WorldLogGroup;
  readonly stream: string;
  /** Start included, end excluded (unlike FilterLogEvents). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly maxEvents: number;
  readonly mark: string;
  readonly cursor: Cursor;
}

/**
 * GetLogEvents: one stream, newest page first unless `startFromHead`. There is always a token; at the end it equals
 * the one that was sent.
 */
export function getLogEvents(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const request = readRequest(context, caller, fields);
  const events = readPage(context, request);
  const sent = optionalText(fields, 'nextToken', invalidParameter);
  const { step } = request.cursor;
  const forward = step === 1 && events.length === 0 ? sent : undefined;
  const backward = step === -1 && events.length === 0 ? sent : undefined;
  return logsReply(
    JSON.stringify({
      events: events.map(({ timestampMs, message, ingestionMs }) => ({
        timestamp: timestampMs,
        message,
        ingestionTime: ingestionMs,
      })),
      nextForwardToken: forward ?? tokenAt(context, request, 'f', events.at(-1)),
      nextBackwardToken: backward ?? tokenAt(context, request, 'b', events[0]),
    }),
  );
}

function readRequest(context: AwsContext, caller: Caller, fields: Fields): StreamRequest {
  const group = readGroup(context, caller, fields);
  const stream = optionalText(fields, 'logStreamName', invalidParameter) ?? '';
  if (!group.events.some((event) => event.logStream === stream)) {
    throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
  }
  const fromMs = optionalNumber(fields, 'startTime', invalidParameter) ?? 0;
  const toMs = optionalNumber(fields, 'endTime', invalidParameter) ?? Number.MAX_SAFE_INTEGER;
  const fromHead = optionalFlag(fields, 'startFromHead', invalidParameter) ?? false;
  const mark = markOf([caller.account, caller.region, group.name, stream, fromMs, toMs]);
  const token = optionalText(fields, 'nextToken', invalidParameter);
  if (token?.startsWith('f/') && !fromHead) {
    throw invalidParameter('A forward token needs startFromHead to be true.');
  }
  return {
    group,
    stream,
    fromMs,
    toMs,
    maxEvents: boundedNumber(fields, 'limit', { min: 1, max: 10_000, fallback: 10_000 }, invalidParameter),
    mark,
    cursor: token === undefined ? { step: fromHead ? 1 : -1 } : cursorOf(context, token, mark),
  };
}

function cursorOf(context: AwsContext, token: string, mark: string): Cursor {
  const step = token.startsWith('f/') ? 1 : -1;
  const place = readLogsToken(context, token.slice(2), mark);
  return place.length === 0 ? { step } : { step, last: eventPlace(place) };
}

function tokenAt(
  context: AwsContext,
  request: StreamRequest,
  letter: 'f' | 'b',
  event: WorldEvent | undefined,
): string {
  const at = event ?? request.cursor.last;
  return `${letter}/${makeToken(at === undefined ? [] : placeOf(at), request.mark, context.now())}`;
}

/** A page, oldest first whatever the direction of reading. */
function readPage(context: AwsContext, request: StreamRequest): readonly WorldEvent[] {
  const { group, cursor } = request;
  const page: WorldEvent[] = [];
  let bytes = 0;
  for (let index = startOf(request); ; index += cursor.step) {
    const event = group.events[index];
    if (event === undefined || event.timestampMs < request.fromMs || event.timestampMs >= request.toMs) break;
    if (event.logStream !== request.stream || event.ingestionMs > context.now()) continue;
    bytes += countedBytes(event.message);
    if (page.length === request.maxEvents || (page.length > 0 && bytes > context.limits.logPageBytes)) break;
    page.push(event);
  }
  return cursor.step === 1 ? page : page.reverse();
}

function startOf({ group, cursor, fromMs, toMs }: StreamRequest): number {
  const { step, last } = cursor;
  if (last !== undefined) {
    return step === 1
      ? firstIndex(group.events, (event) => compareEvents(event, last) > 0)
      : firstIndex(group.events, (event) => compareEvents(event, last) >= 0) - 1;
  }
  return step === 1
    ? firstIndex(group.events, (event) => event.timestampMs >= fromMs)
    : firstIndex(group.events, (event) => event.timestampMs >= toMs) - 1;
}
