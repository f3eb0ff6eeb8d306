import {
  CloudWatchClient,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  ListMetricsCommand,
  type MetricDataResult,
  paginateGetMetricData,
  paginateListMetrics,
} from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { historyFromMs, historyToMs, identity } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

function clientOf(sandbox: Sandbox): CloudWatchClient {
  const client = new CloudWatchClient(sdkSettings(sandbox));
  closing({ close: () => client.destroy() });
  return client;
}

function query(id: string, metricName: string, dimensions: Record<string, string>) {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  const Metric = { Namespace: 'AWS/ApiGateway', MetricName: metricName, Dimensions };
  return { Id: id, MetricStat: { Metric, Period: 60, Stat: 'p99' } };
}

const orders = { ApiName: 'orders', Stage: 'prod' };

const hour: GetMetricDataCommandInput = {
  StartTime: new Date(historyFromMs),
  EndTime: new Date(historyToMs),
  MetricDataQueries: [
    query('latency', 'Latency', orders),
    query('idle', 'Count', orders),
    query('unknown', 'Latency', { ApiName: 'x' }),
  ],
};

async function merged(client: CloudWatchClient, input: GetMetricDataCommandInput) {
  const pages: MetricDataResult[][] = [];
  for await (const page of paginateGetMetricData({ client }, { ...input }))
    pages.push(page.MetricDataResults ?? []);
  return pages;
}

describe('GetMetricData', () => {
  it('gives real timestamps newest first, and no lists where there is no point', async () => {
    const client = clientOf(await startedSandbox());
    const answer = await client.send(new GetMetricDataCommand(hour));
    const [latency, idle, unknown] = answer.MetricDataResults ?? [];
    expect(latency?.Timestamps).toHaveLength(60);
    expect(latency?.Timestamps?.[0]).toEqual(new Date(historyToMs - 60_000));
    expect(latency?.Values?.at(-1)).toBe(0.5);
    expect(latency?.StatusCode).toBe('Complete');
    expect(idle?.Timestamps).toBeUndefined();
    expect(idle?.StatusCode).toBe('Complete');
    expect(unknown?.Values).toBeUndefined();
    expect(answer.NextToken).toBeUndefined();
  });

  it('continues one id on the next page, PartialData until its last', async () => {
    const client = clientOf(await startedSandbox({ limits: { metricPagePoints: 25 } }));
    const ascending = { ...hour, ScanBy: 'TimestampAscending' as const };
    const pages = await merged(client, ascending);
    expect(pages.map((page) => page.map((result) => `${result.Id} ${result.StatusCode}`))).toEqual([
      ['latency PartialData'],
      ['latency PartialData'],
      ['latency Complete', 'idle Complete', 'unknown Complete'],
    ]);
    const values = pages.flat().flatMap((result) => result.Values ?? []);
    expect(values).toEqual(Array.from({ length: 60 }, (_, minute) => minute + 0.5));
  });

  it('refuses a token that belongs to other parameters, in the form the SDK names', async () => {
    const client = clientOf(await startedSandbox({ limits: { metricPagePoints: 25 } }));
    const { NextToken } = await client.send(new GetMetricDataCommand(hour));
    const other = { ...hour, StartTime: new Date(historyFromMs + 60_000), NextToken };
    await expect(client.send(new GetMetricDataCommand(other))).rejects.toMatchObject({
      name: 'InvalidNextToken',
    });
  });

  it('refuses 501 queries and equal ids with the modelled error and its Query code', async () => {
    const client = clientOf(await startedSandbox());
    const many = Array.from({ length: 501 }, (_, n) => query(`q${n}`, 'Latency', orders));
    await expect(
      client.send(new GetMetricDataCommand({ ...hour, MetricDataQueries: many })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
      Code: 'InvalidParameterValue',
      Type: 'Sender',
    });
    const twice = [query('q', 'Latency', orders), query('q', 'Count', orders)];
    await expect(
      client.send(new GetMetricDataCommand({ ...hour, MetricDataQueries: twice })),
    ).rejects.toThrow(/not unique/);
  });

  it('finds nothing for a unit that was not published, and says Forbidden for another account', async () => {
    const client = clientOf(await startedSandbox());
    const base = query('a', 'Latency', orders);
    const unit = { ...base, MetricStat: { ...base.MetricStat, Unit: 'Seconds' as const } };
    const foreign = { ...query('b', 'Latency', { ApiId: 'h1' }), AccountId: identity };
    const answer = await client.send(
      new GetMetricDataCommand({ ...hour, MetricDataQueries: [unit, foreign] }),
    );
    expect(answer.MetricDataResults?.map((result) => [result.StatusCode, result.Values])).toEqual([
      ['Complete', undefined],
      ['Forbidden', undefined],
    ]);
  });

  it('returns no one-minute points older than 15 days', async () => {
    const sandbox = await startedSandbox({ clock: { now: () => historyToMs + 16 * 86_400_000 } });
    const answer = await clientOf(sandbox).send(new GetMetricDataCommand(hour));
    expect(answer.MetricDataResults?.[0]?.Values).toBeUndefined();
  });
});

describe('ListMetrics', () => {
  it('pages through the series of the caller alone', async () => {
    const client = clientOf(await startedSandbox({ limits: { listMetricsPage: 2 } }));
    const sizes: number[] = [];
    for await (const page of paginateListMetrics({ client }, { Namespace: 'AWS/ApiGateway' })) {
      sizes.push(page.Metrics?.length ?? 0);
    }
    expect(sizes).toEqual([2, 1]);
  });

  it('matches series with more dimensions than the filter names, and only recently active ones when asked', async () => {
    const client = clientOf(await startedSandbox());
    const Dimensions = [{ Name: 'ApiName', Value: 'orders' }];
    const all = await client.send(new ListMetricsCommand({ Dimensions }));
    const active = await client.send(new ListMetricsCommand({ Dimensions, RecentlyActive: 'PT3H' }));
    expect(all.Metrics).toHaveLength(3);
    expect(active.Metrics?.map((metric) => metric.MetricName)).toEqual(['Latency', 'Latency']);
  });
});
