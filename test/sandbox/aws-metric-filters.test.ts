import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import {
  CloudWatchLogsClient,
  DeleteMetricFilterCommand,
  DescribeLogGroupsCommand,
  DescribeMetricFiltersCommand,
  PutMetricFilterCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { describe, expect, it } from 'vitest';
import { jsonPattern } from '../../src/sandbox/aws/json-filter-pattern.ts';
import { spacePattern } from '../../src/sandbox/aws/space-filter-pattern.ts';
import { accessGroup, eventsOf, historyFromMs, smallWorld } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

const MINUTE = 60_000;

/** One line a second; each fifth is a denial that took as many milliseconds as its number. */
const line = (n: number): string => JSON.stringify({ status: n % 5 === 0 ? 403 : 200, latency: n });

async function started() {
  let nowMs = historyFromMs;
  const world = smallWorld({ access: eventsOf(600, line) });
  const sandbox = await startedSandbox({ world, clock: { now: () => nowMs } });
  const logs = new CloudWatchLogsClient(sdkSettings(sandbox));
  const metrics = new CloudWatchClient(sdkSettings(sandbox));
  closing({ close: () => [logs.destroy(), metrics.destroy()] });
  return {
    logs,
    at: (minute: number) => {
      nowMs = historyFromMs + minute * MINUTE;
    },
    points: async (stat: string) => {
      const answer = await metrics.send(
        new GetMetricDataCommand({
          StartTime: new Date(historyFromMs),
          EndTime: new Date(historyFromMs + 10 * MINUTE),
          ScanBy: 'TimestampAscending',
          MetricDataQueries: [
            {
              Id: 'm1',
              MetricStat: {
                Metric: { Namespace: 'Gatewatch', MetricName: 'denials' },
                Period: 60,
                Stat: stat,
              },
            },
          ],
        }),
      );
      return answer.MetricDataResults?.[0]?.Values ?? [];
    },
  };
}

const denials = {
  logGroupName: accessGroup,
  filterName: 'gatewatch/prod/denials',
  filterPattern: '{ $.status = 403 }',
  metricTransformations: [
    { metricName: 'denials', metricNamespace: 'Gatewatch', metricValue: '1', defaultValue: 0 },
  ],
};

describe('metric filters', () => {
  it('count the lines that fit, from the moment they were made and never before', async () => {
    const { logs, at, points } = await started();
    at(4);
    await logs.send(new PutMetricFilterCommand(denials));
    at(30);
    const sums = await points('Sum');
    // Lines of the first minutes were ingested before the filter, but for the few whose lag is two minutes.
    expect(sums.slice(-5)).toEqual([12, 12, 12, 12, 12]);
    expect(sums.length).toBeLessThan(10);
  });

  it.each(['of/$default', 'a:b', 'a*'])('refuse the metric name %s', async (metricName) => {
    const { logs } = await started();
    const metricTransformations = [{ metricName, metricNamespace: 'Gatewatch', metricValue: '1' }];
    const put = logs.send(new PutMetricFilterCommand({ ...denials, metricTransformations }));
    await expect(put).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('take a number of the line as the value', async () => {
    const { logs, at, points } = await started();
    const [transformation] = denials.metricTransformations;
    const metricTransformations = [
      { ...transformation, metricName: 'denials', metricNamespace: 'Gatewatch', metricValue: '$.latency' },
    ];
    await logs.send(new PutMetricFilterCommand({ ...denials, metricTransformations }));
    at(30);
    expect((await points('Maximum'))[1]).toBe(115);
  });

  it('are listed as they were put, and gone when deleted', async () => {
    const { logs, points } = await started();
    await logs.send(new PutMetricFilterCommand(denials));
    const listed = await logs.send(new DescribeMetricFiltersCommand({ logGroupName: accessGroup }));
    expect(listed.metricFilters).toMatchObject([denials]);
    await logs.send(
      new DeleteMetricFilterCommand({ logGroupName: accessGroup, filterName: denials.filterName }),
    );
    expect(await points('Sum')).toEqual([]);
    const again = logs.send(
      new DeleteMetricFilterCommand({ logGroupName: accessGroup, filterName: denials.filterName }),
    );
    await expect(again).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('are at most a hundred in one group', async () => {
    const { logs } = await started();
    for (let n = 0; n < 100; n += 1) {
      await logs.send(new PutMetricFilterCommand({ ...denials, filterName: `f${n}` }));
    }
    const more = logs.send(new PutMetricFilterCommand({ ...denials, filterName: 'more' }));
    await expect(more).rejects.toMatchObject({ name: 'LimitExceededException' });
  });

  it('are refused on a group that is not of class STANDARD, whose class is listed', async () => {
    const [access, ...rest] = smallWorld().logGroups;
    if (access === undefined) throw new Error('the small world has log groups');
    const logGroups = [{ ...access, logGroupClass: 'INFREQUENT_ACCESS' }, ...rest];
    const sandbox = await startedSandbox({ world: { ...smallWorld(), logGroups } });
    const logs = new CloudWatchLogsClient(sdkSettings(sandbox));
    closing({ close: () => logs.destroy() });
    const refused = logs.send(new PutMetricFilterCommand(denials));
    await expect(refused).rejects.toMatchObject({ name: 'InvalidOperationException' });
    const listed = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: accessGroup }));
    expect(listed.logGroups).toMatchObject([{ logGroupClass: 'INFREQUENT_ACCESS', metricFilterCount: 0 }]);
  });
});

describe('patterns', () => {
  const fits = (pattern: string, value: unknown) => jsonPattern(pattern)(JSON.stringify(value));

  it.each<[string, unknown, boolean]>([
    ['{ $.a = "AUTH*" }', { a: 'AUTHORIZER_FAILURE' }, true],
    ['{ $.a = "AUTH*" }', { a: 'xAUTH' }, false],
    ['{ $.status = 403 || $.status = 401 }', { status: 401 }, true],
    ['{ ($.status >= 500) && ($.kind != "x") }', { status: 504, kind: 'y' }, true],
    ['{ $.status = 403 }', { status: '403' }, false],
    ['{ $.deep.list[1].name = "b" }', { deep: { list: [{ name: 'a' }, { name: 'b' }] } }, true],
    ['{ $.a IS NULL }', { a: null }, true],
    ['{ $.a NOT EXISTS }', { b: 1 }, true],
  ])('%s on %o is %s', (pattern, value, expected) => {
    expect(fits(pattern, value)).toBe(expected);
  });

  it('passes over a line that is not JSON', () => {
    expect(jsonPattern('{ $.a = 1 }')('{"a":')).toBe(false);
  });

  it.each(['{ $.a }', '{ $.a = }', '{ ($.a = 1 }', '{ $.a > "x" }'])('refuses %s', (pattern) => {
    expect(() => jsonPattern(pattern)).toThrow(/Invalid JSON filter pattern/);
  });

  it('reads space-delimited lines, quotes and brackets as one field', () => {
    const clf = '10.0.0.1 - alice [01/Nov/2026:10:00:00 +0000] "GET /orders HTTP/1.1" 403 12';
    expect(spacePattern('[ip, id, user, at, request, status = 4*, bytes > 10]')(clf)).toBe(true);
    expect(spacePattern('[ip, ..., status = 403, bytes]')(clf)).toBe(true);
    expect(spacePattern('[ip, ..., status = 5*, bytes]')(clf)).toBe(false);
    expect(spacePattern('[ip, status]')(clf)).toBe(false);
  });
});
