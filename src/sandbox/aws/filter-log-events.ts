import type { Reply } from '../http-exchange.ts';
import type { WorldEvent, WorldLogGroup } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { compareEvents, firstIndex } from './event-order.ts';
import { termMatcher } from './filter-pattern.ts';
import {
  countedBytes,
  eventPlace,
  invalidParameter,
  logsReply,
  placeOf,
  readGroup,
  readLogsToken,
  rememberingQuoter,
} from './logs-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf } from './page-token.ts';
import {
  boundedNumber,
  type Fields,
  optionalFlag,
  optionalNumber,
  optionalText,
  optionalTexts,
} from './request-fields.ts';

const MAX_STREAMS = 100;
const DAY_MS = 86_400_000;

interface FilterRequest {
  readonly group: WorldLogGroup;
  /** Both ends are included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly step: 1 | -1;
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly matches: (event: WorldEvent) => boolean;
  readonly mark: string;
  /** The token this call was made with. */
  readonly sentToken: string | undefined;
  /** Index of the first event that may be on the page. */
  readonly start: number;
}

/**
 * FilterLogEvents: events readable now, in the order of event time, ingestion time and id, at most 10,000 or 1 MB a
 * page. The token names the last event given, not an index: late events move indexes.
 */
export function filterLogEvents(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const request = readRequest(context, caller, fields);
  const key = `FilterLogEvents ${request.group.name}`;
  if (request.group.kmsDenied === true) throw keyDenied(request.group);
  if (request.sentToken !== undefined) {
    if (context.faults.happensAtFirst('expired-token', key, EXPIRED_TOKENS)) {
      throw invalidParameter('The specified nextToken is invalid.');
    }
    if (context.faults.strikes('repeated-token', key)) return repeatedPage(request.sentToken);
  }
  const isEmpty =
    context.faults.happens('empty', key) ||
    context.faults.happensAtFirst('empty-run', `${key} ${request.mark}`, EMPTY_RUN);
  return isEmpty ? emptyPage(context, request) : writePage(context, request);
}

const EXPIRED_TOKENS = 2;
const EMPTY_RUN = 50;

function keyDenied({ account, region, name }: WorldLogGroup): AwsError {
  const arn = `arn:aws:logs:${region}:${account}:log-group:${name}`;
  return new AwsError(
    'AccessDeniedException',
    `The specified KMS key does not exist or is not allowed to be used with LogGroup '${arn}'`,
  );
}

/** A server that lost its place: the page is empty and its token leads back here. */
function repeatedPage(token: string): Reply {
  return logsReply(`{"events":[],"searchedLogStreams":[],"nextToken":"${token}"}`);
}

function readRequest(context: AwsContext, caller: Caller, fields: Fields): FilterRequest {
  const group = readGroup(context, caller, fields);
  const fromMs = optionalNumber(fields, 'startTime', invalidParameter) ?? 0;
  const toMs = optionalNumber(fields, 'endTime', invalidParameter) ?? Number.MAX_SAFE_INTEGER;
  if (fromMs < 0 || fromMs > toMs)
    throw invalidParameter('startTime must be positive and not after endTime.');
  const max = context.limits.logPageEvents;
  const maxEvents = boundedNumber(fields, 'limit', { min: 1, max: 10_000, fallback: max }, invalidParameter);
  const step = optionalFlag(fields, 'startFromHead', invalidParameter) === false ? -1 : 1;
  const { nextToken, limit, ...query } = fields;
  const mark = markOf([caller.account, caller.region, query]);
  const token = optionalText(fields, 'nextToken', invalidParameter);
  return {
    group,
    fromMs,
    toMs,
    step,
    maxEvents: Math.min(maxEvents, max),
    maxBytes: context.limits.logPageBytes,
    matches: readMatcher(fields),
    mark,
    sentToken: token,
    start:
      token === undefined ? startOf(group, fromMs, toMs, step) : resumeAt(context, group, token, mark, step),
  };
}

function startOf(group: WorldLogGroup, fromMs: number, toMs: number, step: 1 | -1): number {
  if (step === 1) return firstIndex(group.events, (event) => event.timestampMs >= fromMs);
  return firstIndex(group.events, (event) => event.timestampMs > toMs) - 1;
}

function resumeAt(
  context: AwsContext,
  group: WorldLogGroup,
  token: string,
  mark: string,
  step: 1 | -1,
): number {
  const place = readLogsToken(context, token, mark);
  if (place.length === 1 && typeof place[0] === 'number') {
    const fromMs = place[0];
    return startOf(group, fromMs, fromMs, step);
  }
  const last = eventPlace(place);
  if (step === 1) return firstIndex(group.events, (event) => compareEvents(event, last) > 0);
  return firstIndex(group.events, (event) => compareEvents(event, last) >= 0) - 1;
}

function readMatcher(fields: Fields): (event: WorldEvent) => boolean {
  const names = optionalTexts(fields, 'logStreamNames', invalidParameter);
  const prefix = optionalText(fields, 'logStreamNamePrefix', invalidParameter);
  const pattern = optionalText(fields, 'filterPattern', invalidParameter) ?? '';
  if (names !== undefined && prefix !== undefined) {
    throw invalidParameter('logStreamNames and logStreamNamePrefix cannot both be specified.');
  }
  if (names !== undefined && (names.length === 0 || names.length > MAX_STREAMS)) {
    throw invalidParameter(`logStreamNames must name 1 to ${MAX_STREAMS} streams.`);
  }
  const known = names === undefined ? undefined : new Set(names);
  const hasTerms = pattern.trim() === '' ? undefined : termMatcher(pattern);
  return (event) =>
    (known === undefined || known.has(event.logStream)) &&
    (prefix === undefined || event.logStream.startsWith(prefix)) &&
    (hasTerms === undefined || hasTerms(event.message));
}

/** AWS never hands back the token it was sent; a page that moved nothing needs a mark of its own. */
let emptyPages = 0;

/** A page without events whose token goes on from the same place: AWS sends these where it searched in vain. */
function emptyPage(context: AwsContext, request: FilterRequest): Reply {
  const before = request.group.events[request.start - request.step];
  const fromMs = request.step === 1 ? request.fromMs : request.toMs;
  const inWindow =
    before !== undefined && before.timestampMs >= request.fromMs && before.timestampMs <= request.toMs;
  emptyPages += 1;
  const token = makeToken(inWindow ? placeOf(before) : [fromMs], request.mark, context.now(), emptyPages);
  return logsReply(`{"events":[],"searchedLogStreams":[],"nextToken":"${token}"}`);
}

function writePage(context: AwsContext, request: FilterRequest): Reply {
  const { group, fromMs, toMs, step, matches } = request;
  const nowMs = context.now();
  const keptFromMs = nowMs - (group.retentionInDays ?? Number.POSITIVE_INFINITY) * DAY_MS;
  const quote = rememberingQuoter();
  let written = '';
  let count = 0;
  let bytes = 0;
  let last: WorldEvent | undefined;
  let more = false;
  for (let index = request.start; ; index += step) {
    const event = group.events[index];
    if (event === undefined || event.timestampMs > toMs || event.timestampMs < fromMs) break;
    if (event.ingestionMs > nowMs || event.timestampMs < keptFromMs || !matches(event)) continue;
    bytes += countedBytes(event.message);
    if (count === request.maxEvents || (count > 0 && bytes > request.maxBytes)) {
      more = true;
      break;
    }
    written += `${count === 0 ? '' : ','}{"logStreamName":${quote(event.logStream)},"timestamp":${event.timestampMs},"message":${JSON.stringify(event.message)},"ingestionTime":${event.ingestionMs},"eventId":${JSON.stringify(event.eventId)}}`;
    count += 1;
    last = event;
  }
  const token =
    more && last !== undefined ? `,"nextToken":"${makeToken(placeOf(last), request.mark, nowMs)}"` : '';
  return logsReply(`{"events":[${written}],"searchedLogStreams":[]${token}}`);
}
