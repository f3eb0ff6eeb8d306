import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  type FilteredLogEvent,
  FilterLogEventsCommand,
  type FilterLogEventsCommandInput,
  GetLogEventsCommand,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import {
  accessGroup,
  central,
  eventsOf,
  historyFromMs,
  historyToMs,
  longestLagMs,
  region,
  smallWorld,
} from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

function clientOf(sandbox: Sandbox): CloudWatchLogsClient {
  const client = new CloudWatchLogsClient(sdkSettings(sandbox));
  closing({ close: () => client.destroy() });
  return client;
}

const all: FilterLogEventsCommandInput = {
  logGroupName: accessGroup,
  startTime: historyFromMs,
  endTime: historyToMs,
};

async function readAll(client: CloudWatchLogsClient, input: FilterLogEventsCommandInput) {
  const pages: FilteredLogEvent[][] = [];
  for await (const page of paginateFilterLogEvents({ client }, { ...input })) pages.push(page.events ?? []);
  return pages;
}

describe('FilterLogEvents', () => {
  it('includes both ends of the window and keeps event order', async () => {
    const client = clientOf(await startedSandbox());
    const input = { ...all, startTime: historyFromMs + 10_000, endTime: historyFromMs + 20_000 };
    const answer = await client.send(new FilterLogEventsCommand(input));
    expect(answer.events?.map((event) => Number(event.eventId))).toEqual([
      10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    ]);
    expect(answer.events?.[0]).toEqual({
      logStreamName: 'stream-1',
      timestamp: historyFromMs + 10_000,
      message: 'line 10',
      ingestionTime: historyFromMs + 10_500,
      eventId: '00000010',
    });
    expect(answer.searchedLogStreams).toEqual([]);
    expect(answer.nextToken).toBeUndefined();
  });

  it('ends a page at 10,000 events or 1 MB of message bytes plus 26 each', async () => {
    const endTime = historyFromMs + 25_000_000;
    const world = smallWorld({ access: eventsOf(25_000) });
    const many = clientOf(await startedSandbox({ world, clock: { now: () => endTime + longestLagMs } }));
    const window = { ...all, endTime };
    expect((await readAll(many, window)).map((page) => page.length)).toEqual([10_000, 10_000, 5_000]);
    const big = smallWorld({ access: eventsOf(12, () => 'ü'.repeat(100_000)) });
    const pages = await readAll(clientOf(await startedSandbox({ world: big })), all);
    expect(pages.map((page) => page.length)).toEqual([5, 5, 2]);
    expect(pages.flat().map((event) => Number(event.eventId))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });

  it('shows an event only once it was ingested, and finds a late one behind a newer one later', async () => {
    let nowMs = historyFromMs + 5_000;
    const client = clientOf(await startedSandbox({ clock: { now: () => nowMs } }));
    const early = await client.send(new FilterLogEventsCommand(all));
    expect(early.events?.map((event) => Number(event.eventId))).toEqual([0, 1, 2, 4]);
    nowMs = historyFromMs + 3_000 + longestLagMs;
    const late = await client.send(new FilterLogEventsCommand({ ...all, endTime: historyFromMs + 4_000 }));
    expect(late.events?.map((event) => Number(event.eventId))).toEqual([0, 1, 2, 3, 4]);
  });

  it('goes on behind the last event though late events moved the places of the others', async () => {
    const access = eventsOf(20);
    const client = clientOf(await startedSandbox({ world: smallWorld({ access }) }));
    const first = await client.send(new FilterLogEventsCommand({ ...all, limit: 5 }));
    access.splice(1, 0, ...eventsOf(1).map((event) => ({ ...event, eventId: '00000000b' })));
    const { nextToken } = first;
    const next = await client.send(new FilterLogEventsCommand({ ...all, limit: 5, nextToken }));
    expect(next.events?.map((event) => Number(event.eventId))).toEqual([5, 6, 7, 8, 9]);
  });

  it('reads newest first with startFromHead false, and narrows by streams and terms', async () => {
    const client = clientOf(await startedSandbox());
    const reverse = await readAll(client, { ...all, startFromHead: false, limit: 40 });
    expect(reverse.flat().map((event) => Number(event.eventId))).toEqual(
      Array.from({ length: 100 }, (_, n) => 99 - n),
    );
    const one = await client.send(new FilterLogEventsCommand({ ...all, logStreamNames: ['stream-1'] }));
    expect(new Set(one.events?.map((event) => event.logStreamName))).toEqual(new Set(['stream-1']));
    const term = await client.send(new FilterLogEventsCommand({ ...all, filterPattern: '"line 4" -42' }));
    expect(term.events?.map((event) => event.message)).toContain('line 40');
    expect(term.events?.map((event) => event.message)).not.toContain('line 42');
  });

  it('takes a group by ARN without the star, and names what is wrong otherwise', async () => {
    const client = clientOf(await startedSandbox());
    const { logGroupName, ...window } = all;
    const logGroupIdentifier = `arn:aws:logs:${region}:${central}:log-group:${logGroupName}`;
    const send = (input: FilterLogEventsCommandInput) => client.send(new FilterLogEventsCommand(input));
    expect((await send({ ...window, logGroupIdentifier })).events).toHaveLength(100);
    await expect(send({ ...window, logGroupIdentifier: `${logGroupIdentifier}:*` })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    await expect(send({ ...window, logGroupName: '/gone' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(send({ ...all, limit: 10_001 })).rejects.toMatchObject({
      name: 'InvalidParameterException',
    });
    await expect(send(window)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('lets a token expire after 24 hours', async () => {
    let nowMs = historyToMs + longestLagMs;
    const client = clientOf(await startedSandbox({ clock: { now: () => nowMs } }));
    const { nextToken } = await client.send(new FilterLogEventsCommand({ ...all, limit: 5 }));
    nowMs += 24 * 3_600_000 + 1;
    await expect(client.send(new FilterLogEventsCommand({ ...all, limit: 5, nextToken }))).rejects.toThrow(
      /expired/,
    );
  });
});

describe('GetLogEvents', () => {
  it('reads one stream forward until the token comes back unchanged, the end excluded', async () => {
    const client = clientOf(await startedSandbox());
    const input = {
      logGroupName: accessGroup,
      logStreamName: 'stream-0',
      startFromHead: true,
      endTime: historyFromMs + 30_000,
      limit: 4,
    };
    const seen: (string | undefined)[] = [];
    let nextToken: string | undefined;
    for (;;) {
      const page = await client.send(new GetLogEventsCommand({ ...input, nextToken }));
      seen.push(...(page.events ?? []).map((event) => event.message));
      if (page.nextForwardToken === nextToken) break;
      nextToken = page.nextForwardToken;
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => `line ${n * 3}`));
  });

  it('starts with the newest page unless asked for the head', async () => {
    const client = clientOf(await startedSandbox());
    const page = await client.send(
      new GetLogEventsCommand({ logGroupName: accessGroup, logStreamName: 'stream-0', limit: 2 }),
    );
    expect(page.events?.map((event) => event.message)).toEqual(['line 96', 'line 99']);
  });
});

describe('describing groups and streams', () => {
  it('lists the groups of the calling account with both forms of their ARN', async () => {
    const client = clientOf(await startedSandbox());
    const { logGroups } = await client.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: '/aws/' }));
    const arn = `arn:aws:logs:${region}:${central}:log-group:${accessGroup}`;
    expect(logGroups).toEqual([
      expect.objectContaining({
        logGroupName: accessGroup,
        arn: `${arn}:*`,
        logGroupArn: arn,
        logGroupClass: 'STANDARD',
      }),
    ]);
  });

  it('lists streams by their last event', async () => {
    const client = clientOf(await startedSandbox());
    const { logStreams } = await client.send(
      new DescribeLogStreamsCommand({
        logGroupName: accessGroup,
        orderBy: 'LastEventTime',
        descending: true,
      }),
    );
    expect(logStreams?.map((stream) => stream.logStreamName)).toEqual(['stream-0', 'stream-2', 'stream-1']);
  });
});
