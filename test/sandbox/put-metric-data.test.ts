import {
  CloudWatchClient,
  GetMetricDataCommand,
  ListMetricsCommand,
  type MetricDatum,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { expect, it } from 'vitest';
import { historyToMs, longestLagMs } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

const NOW_MS = historyToMs + longestLagMs;
const MINUTE = new Date(NOW_MS - 600_000);

async function opened() {
  const client = new CloudWatchClient(sdkSettings(await startedSandbox()));
  closing({ close: () => client.destroy() });
  return {
    put: (data: Partial<MetricDatum>, Namespace = 'Mine') =>
      client.send(
        new PutMetricDataCommand({
          Namespace,
          MetricData: [{ MetricName: 'm', Timestamp: MINUTE, ...data }],
        }),
      ),
    list: async () => (await client.send(new ListMetricsCommand({ Namespace: 'Mine' }))).Metrics,
    read: async (Stat: string, Dimensions: { Name: string; Value: string }[] = []) => {
      const MetricStat = { Metric: { Namespace: 'Mine', MetricName: 'm', Dimensions }, Period: 60, Stat };
      const answer = await client.send(
        new GetMetricDataCommand({
          StartTime: MINUTE,
          EndTime: new Date(MINUTE.getTime() + 60_000),
          MetricDataQueries: [{ Id: 'q', MetricStat }],
        }),
      );
      return answer.MetricDataResults?.[0]?.Values?.[0];
    },
  };
}

it('adds up what is published for one minute, by its exact dimensions', async () => {
  const { put, read, list } = await opened();
  await put({ Values: [1, 9], Counts: [3, 1] });
  await put({ Value: 5 });
  await put({ Value: 100, Dimensions: [{ Name: 'Stage', Value: 'prod' }] });
  expect(await read('SampleCount')).toBe(5);
  expect(await read('Sum')).toBe(17);
  expect(await read('p50')).toBe(1);
  expect(await read('Maximum', [{ Name: 'Stage', Value: 'prod' }])).toBe(100);
  expect(await list()).toHaveLength(2);
});

it('refuses what CloudWatch refuses, and takes nothing of it', async () => {
  const { put, read } = await opened();
  await expect(put({ Value: 1 }, 'AWS/ApiGateway')).rejects.toThrow(/Namespace/);
  await expect(put({ Value: 1, Timestamp: new Date(NOW_MS - 15 * 86_400_000) })).rejects.toThrow(/two weeks/);
  await expect(put({ Value: 1, Timestamp: new Date(NOW_MS + 3 * 3_600_000) })).rejects.toThrow(/future/);
  await expect(put({ Values: Array.from({ length: 151 }, (_, n) => n) })).rejects.toThrow(/150/);
  await expect(put({ Values: [1, 2], Counts: [1] })).rejects.toThrow(/Counts/);
  expect(await read('SampleCount')).toBeUndefined();
});
