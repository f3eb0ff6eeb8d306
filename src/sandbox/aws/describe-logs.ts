import type { Reply } from '../http-exchange.ts';
import type { WorldEvent, WorldLogGroup } from '../world.ts';
import type { Caller } from './caller.ts';
import {
  classOf,
  countedBytes,
  invalidParameter,
  logsReply,
  readGroup,
  readLogsToken,
} from './logs-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf } from './page-token.ts';
import { boundedNumber, type Fields, optionalFlag, optionalText, optionalTexts } from './request-fields.ts';

const MAX_NAMES = 50;

/** DescribeLogGroups, in the order of names: `arn` ends in `:*`, `logGroupArn` does not. */
export function describeLogGroups(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const prefix = optionalText(fields, 'logGroupNamePrefix', invalidParameter);
  const pattern = optionalText(fields, 'logGroupNamePattern', invalidParameter);
  const names = optionalTexts(fields, 'logGroupIdentifiers', invalidParameter);
  if (names !== undefined && (names.length === 0 || names.length > MAX_NAMES)) {
    throw invalidParameter(`logGroupIdentifiers must name 1 to ${MAX_NAMES} log groups.`);
  }
  if (names !== undefined && (prefix !== undefined || pattern !== undefined)) {
    throw invalidParameter('logGroupIdentifiers cannot be combined with a prefix or pattern.');
  }
  if (prefix !== undefined && pattern !== undefined) {
    throw invalidParameter('LogGroup name prefix and pattern are mutually exclusive.');
  }
  const groups = context.world.logGroups
    .filter(
      (group) =>
        group.account === caller.account &&
        group.region === caller.region &&
        (names === undefined || names.includes(group.name)) &&
        (prefix === undefined || group.name.startsWith(prefix)) &&
        (pattern === undefined || group.name.includes(pattern)),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return pageOf(context, caller, fields, 'logGroups', groups, (group) => groupOf(context, group));
}

function groupOf(context: AwsContext, group: WorldLogGroup): Record<string, unknown> {
  const arn = `arn:aws:logs:${group.region}:${group.account}:log-group:${group.name}`;
  return {
    logGroupName: group.name,
    creationTime: group.createdMs ?? context.world.historyFromMs,
    ...(group.retentionInDays !== undefined && { retentionInDays: group.retentionInDays }),
    metricFilterCount: context.metricFilters.of(group).length,
    arn: `${arn}:*`,
    logGroupArn: arn,
    storedBytes: 0,
    logGroupClass: classOf(context, group),
  };
}

interface StreamSummary {
  readonly name: string;
  readonly firstMs: number;
  lastMs: number;
  lastIngestionMs: number;
  bytes: number;
}

/** DescribeLogStreams over the events readable now. */
export function describeLogStreams(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const group = readGroup(context, caller, fields);
  const prefix = optionalText(fields, 'logStreamNamePrefix', invalidParameter);
  const orderBy = optionalText(fields, 'orderBy', invalidParameter) ?? 'LogStreamName';
  if (orderBy === 'LastEventTime' && prefix !== undefined) {
    throw invalidParameter('Cannot order by LastEventTime with a logStreamNamePrefix.');
  }
  const sign = optionalFlag(fields, 'descending', invalidParameter) ? -1 : 1;
  const streams = [...streamsOf(group, context.now()).values()]
    .filter((stream) => prefix === undefined || stream.name.startsWith(prefix))
    .sort((a, b) => sign * (orderBy === 'LastEventTime' ? a.lastMs - b.lastMs : a.name < b.name ? -1 : 1));
  return pageOf(context, caller, fields, 'logStreams', streams, (stream) => streamOf(group, stream));
}

function streamsOf(group: WorldLogGroup, nowMs: number): ReadonlyMap<string, StreamSummary> {
  const streams = new Map<string, StreamSummary>();
  for (const event of group.events) {
    if (event.ingestionMs > nowMs) continue;
    const stream = streams.get(event.logStream) ?? emptyStream(event);
    stream.lastMs = Math.max(stream.lastMs, event.timestampMs);
    stream.lastIngestionMs = Math.max(stream.lastIngestionMs, event.ingestionMs);
    stream.bytes += countedBytes(event.message);
    streams.set(event.logStream, stream);
  }
  return streams;
}

function emptyStream(event: WorldEvent): StreamSummary {
  return { name: event.logStream, firstMs: event.timestampMs, lastMs: 0, lastIngestionMs: 0, bytes: 0 };
}

function streamOf(group: WorldLogGroup, stream: StreamSummary): Record<string, unknown> {
  return {
    logStreamName: stream.name,
    creationTime: stream.firstMs,
    firstEventTimestamp: stream.firstMs,
    lastEventTimestamp: stream.lastMs,
    lastIngestionTime: stream.lastIngestionMs,
    uploadSequenceToken: '0',
    arn: `arn:aws:logs:${group.region}:${group.account}:log-group:${group.name}:log-stream:${stream.name}`,
    storedBytes: 0,
  };
}

function pageOf<Item>(
  context: AwsContext,
  caller: Caller,
  fields: Fields,
  member: string,
  items: readonly Item[],
  write: (item: Item) => Record<string, unknown>,
): Reply {
  const max = context.limits.describePage;
  const limit = boundedNumber(fields, 'limit', { min: 1, max: 50, fallback: max }, invalidParameter);
  const { nextToken, limit: _limit, ...query } = fields;
  const mark = markOf([caller.account, caller.region, member, query]);
  const token = optionalText(fields, 'nextToken', invalidParameter);
  const start = token === undefined ? 0 : Number(readLogsToken(context, token, mark)[0]);
  const end = start + Math.min(limit, max);
  const body: Record<string, unknown> = { [member]: items.slice(start, end).map(write) };
  if (end < items.length) body.nextToken = makeToken([end], mark, context.now());
  return logsReply(JSON.stringify(body));
}
