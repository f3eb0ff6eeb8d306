import {
  type CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
  type LogGroup,
} from '@aws-sdk/client-cloudwatch-logs';
import { IncompleteReadError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { LogGroupFacts } from '../model/inventory.ts';
import type { AwsScope } from './aws-settings.ts';
import { type LogPage, type LogRead, type RawLogPage, readLogPages } from './filter-log-events.ts';
import type { LimitedCalls } from './limited-calls.ts';
import { LogPageReader } from './log-page-body.ts';
import { pagedListing } from './paged-listing.ts';

/** Reads a window of one log group through the SDK. What it yields and throws: `AwsClients.filterLogEvents`. */
export function filterLogEvents(
  client: CloudWatchLogsClient,
  calls: LimitedCalls,
  read: LogRead,
): AsyncIterable<LogPage> {
  return readLogPages(read, (nextToken) => fetchPage(client, calls, read, nextToken));
}

async function fetchPage(
  client: CloudWatchLogsClient,
  calls: LimitedCalls,
  read: LogRead,
  nextToken: string | undefined,
): Promise<RawLogPage> {
  const command = new FilterLogEventsCommand({
    logGroupName: read.logGroup,
    startTime: read.fromMs,
    endTime: read.toMs,
    ...(nextToken === undefined ? {} : { nextToken }),
  });
  const reader = new LogPageReader();
  command.middlewareStack.addRelativeTo(takingPage(reader), {
    name: 'gatewatchPage',
    relation: 'after',
    toMiddleware: 'deserializerMiddleware',
  });
  try {
    const output = await calls.send(command, (sent, options) => client.send(sent, options), {
      operation: 'FilterLogEvents',
      quota: 'FilterLogEvents',
      permission: `logs:FilterLogEvents on arn:aws:logs:${read.region}:${read.account}:log-group:${read.logGroup}:*`,
      resource: `log group ${read.logGroup}`,
      ...(read.urgency !== undefined && { urgency: read.urgency }),
      signal: read.signal,
    });
    return reader.page ?? output;
  } catch (error) {
    throw nextToken === undefined ? error : tokenRefused(error, read);
  }
}

/** As middleware of the SDK: between the transport and the SDK's own reading of the answer. */
function takingPage(reader: LogPageReader) {
  return <Args, Result>(next: (args: Args) => Promise<Result>) =>
    async (args: Args): Promise<Result> => {
      const result = await next(args);
      if (isObject(result)) await reader.take(result.response);
      return result;
    };
}

/** Tokens live 24 hours: one refused in mid-window is no fault of the request, and a fresh read mends it. */
function tokenRefused(error: unknown, read: LogRead): unknown {
  const refused = error instanceof Error && 'code' in error && error.code === 'aws_invalid_request';
  if (!refused) return error;
  return new IncompleteReadError(
    `FilterLogEvents on log group ${read.logGroup} in account ${read.account}, ${read.region}, no longer takes its paging token; the window is read again from its start`,
    { cause: error },
  );
}

export interface LogGroupsRead extends AwsScope {
  readonly logGroups: readonly string[];
  readonly signal: AbortSignal;
}

const DAY_MS = 86_400_000;
/** Most groups that one page lists, and that are asked for by name at once. */
const NAMES_AT_ONCE = 50;

/** What CloudWatch Logs says of each group, by name. One that does not exist is not among them. */
export async function describeLogGroups(
  client: CloudWatchLogsClient,
  calls: LimitedCalls,
  read: LogGroupsRead,
): Promise<ReadonlyMap<string, LogGroupFacts>> {
  const facts = new Map<string, LogGroupFacts>();
  for (let at = 0; at < read.logGroups.length; at += NAMES_AT_ONCE) {
    const logGroupIdentifiers = read.logGroups.slice(at, at + NAMES_AT_ONCE);
    const groups = pagedListing('DescribeLogGroups', async (nextToken) => {
      const input = { logGroupIdentifiers, ...(nextToken === undefined ? {} : { nextToken }) };
      const answer = await describePage(client, calls, read, new DescribeLogGroupsCommand(input));
      return { items: answer.logGroups ?? [], next: answer.nextToken };
    });
    for await (const page of groups) {
      for (const group of page)
        if (group.logGroupName !== undefined) facts.set(group.logGroupName, factsOf(group));
    }
  }
  return facts;
}

function describePage(
  client: CloudWatchLogsClient,
  calls: LimitedCalls,
  read: LogGroupsRead,
  command: DescribeLogGroupsCommand,
) {
  return calls.send(command, (sent, options) => client.send(sent, options), {
    operation: 'DescribeLogGroups',
    quota: 'DescribeLogGroups',
    permission: `logs:DescribeLogGroups on arn:aws:logs:${read.region}:${read.account}:log-group:*`,
    resource: `${read.logGroups.length} log groups`,
    signal: read.signal,
  });
}

/** The class `DELIVERY` keeps one day, whatever retention says. Source: CloudWatch Logs API reference, CreateLogGroup. */
function factsOf({ retentionInDays, creationTime, logGroupClass }: LogGroup): LogGroupFacts {
  const keptDays = logGroupClass === 'DELIVERY' ? 1 : retentionInDays;
  return {
    ...(keptDays !== undefined && { retentionMs: keptDays * DAY_MS }),
    ...(creationTime !== undefined && { createdMs: creationTime }),
    ...(logGroupClass !== undefined && { logGroupClass }),
  };
}
