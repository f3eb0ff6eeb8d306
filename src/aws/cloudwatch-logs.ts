import { type CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { IncompleteReadError } from '../core/errors.ts';
import { type LogPage, type LogRead, type RawLogPage, readLogPages } from './filter-log-events.ts';
import type { LimitedCalls } from './limited-calls.ts';

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
  try {
    return await calls.send(command, (sent, options) => client.send(sent, options), {
      operation: 'FilterLogEvents',
      quota: 'FilterLogEvents',
      permission: `logs:FilterLogEvents on arn:aws:logs:${read.region}:${read.account}:log-group:${read.logGroup}:*`,
      resource: `log group ${read.logGroup}`,
      signal: read.signal,
    });
  } catch (error) {
    throw nextToken === undefined ? error : tokenRefused(error, read);
  }
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
