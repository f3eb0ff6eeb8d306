import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  paginateDescribeAlarms,
  SetAlarmStateCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  GetResourcesCommand,
  ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  SNSClient,
} from '@aws-sdk/client-sns';
import { describe, expect, it } from 'vitest';
import type { Sandbox, SandboxSettings } from '../../src/sandbox/server.ts';
import { latencyP99 } from '../support/latency-alarm.ts';
import { central, historyFromMs, region } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

const MINUTE = 60_000;
const ONCALL = `arn:aws:sns:${region}:${central}:oncall`;

/** The metric `Latency` of the small world is the number of its minute, and a half. */
const slow: PutMetricAlarmCommandInput = {
  AlarmName: 'slow',
  ...latencyP99('orders'),
  EvaluationPeriods: 3,
  DatapointsToAlarm: 2,
  Threshold: 30,
  AlarmActions: [ONCALL],
};

/** Changes of the alarm `slow` when it was made in minute 20 and the clock goes on to 60. */
const FIRED_ONCE = ['21 Alarm updated from INSUFFICIENT_DATA to OK', '32 Alarm updated from OK to ALARM'];

async function changesOf({ url }: Sandbox): Promise<readonly string[]> {
  const text = await (await fetch(`${url}/_sandbox/alarms/history`)).text();
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return rows
    .filter(({ type }) => type === 'StateUpdate')
    .map(({ atMs, summary }) => `${(atMs - historyFromMs) / MINUTE} ${summary}`);
}

async function started(settings: Partial<SandboxSettings> = {}) {
  let nowMs = historyFromMs + 20 * MINUTE;
  const sandbox = await startedSandbox({ clock: { now: () => nowMs }, ...settings });
  const client = new CloudWatchClient(sdkSettings(sandbox));
  closing({ close: () => client.destroy() });
  return {
    sandbox,
    client,
    at: async (minute: number) => {
      nowMs = historyFromMs + minute * MINUTE;
      await fetch(`${sandbox.url}/_sandbox/stats`);
    },
    state: async (name: string) => {
      const answer = await client.send(
        new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
      );
      return answer.MetricAlarms?.[0]?.StateValue ?? answer.CompositeAlarms?.[0]?.StateValue;
    },
  };
}

async function deliveries(
  sandbox: Sandbox,
): Promise<readonly { topicArn: string; message: Record<string, unknown> }[]> {
  const text = await (await fetch(`${sandbox.url}/_sandbox/sns`)).text();
  return text.trim() === ''
    ? []
    : text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
}

describe('metric alarms', () => {
  it('start in INSUFFICIENT_DATA, fire on the minute the evaluator says, publish and clear', async () => {
    const { client, at, state, sandbox } = await started();
    await client.send(new PutMetricAlarmCommand(slow));
    expect(await state('slow')).toBe('INSUFFICIENT_DATA');
    await at(21);
    expect(await state('slow')).toBe('OK');
    // 30.5 is the point of minute 30, complete at 31; the second bad one at 32.
    await at(31);
    expect(await state('slow')).toBe('OK');
    await at(32);
    expect(await state('slow')).toBe('ALARM');
    const [sent] = await deliveries(sandbox);
    expect(sent).toMatchObject({
      topicArn: ONCALL,
      message: { AlarmName: 'slow', OldStateValue: 'OK', NewStateValue: 'ALARM', Region: region },
    });
    expect(sent?.message.NewStateReason).toContain('2 out of the last 3 datapoints');
  });

  it('describes what was set and nothing else, and never tags', async () => {
    const { client } = await started();
    const { TreatMissingData, DatapointsToAlarm, ...bare } = slow;
    await client.send(new PutMetricAlarmCommand({ ...bare, Tags: [{ Key: 'team', Value: 'a' }] }));
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: ['slow'] }));
    const [alarm] = MetricAlarms ?? [];
    expect(alarm).toMatchObject({
      AlarmName: 'slow',
      ExtendedStatistic: 'p99',
      ActionsEnabled: true,
      OKActions: [],
    });
    expect(alarm).not.toHaveProperty('TreatMissingData');
    expect(alarm).not.toHaveProperty('DatapointsToAlarm');
    expect(alarm).not.toHaveProperty('Statistic');
    expect(alarm).not.toHaveProperty('Tags');
  });

  it('keep their state and ignore tags when they are put again; tags change by calls of their own', async () => {
    const { client, at, state } = await started();
    await client.send(new PutMetricAlarmCommand({ ...slow, Tags: [{ Key: 'team', Value: 'a' }] }));
    await at(40);
    await client.send(
      new PutMetricAlarmCommand({ ...slow, Threshold: 31, Tags: [{ Key: 'team', Value: 'b' }] }),
    );
    expect(await state('slow')).toBe('ALARM');
    const ResourceARN = `arn:aws:cloudwatch:${region}:${central}:alarm:slow`;
    const tags = async () => (await client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags;
    expect(await tags()).toEqual([{ Key: 'team', Value: 'a' }]);
    await client.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'owner', Value: 'x' }] }));
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['team'] }));
    expect(await tags()).toEqual([{ Key: 'owner', Value: 'x' }]);
  });

  it.each([
    ['two statistics', { Statistic: 'Average' as const }, 'InvalidParameterCombination'],
    ['a period that does not exist', { Period: 90 }, 'InvalidParameterValue'],
    ['more than a day of minutes', { EvaluationPeriods: 1_441 }, 'InvalidParameterValue'],
    [
      'an unknown comparison',
      { ComparisonOperator: 'Bigger' as 'GreaterThanThreshold' },
      'InvalidParameterValue',
    ],
    ['no threshold', { Threshold: undefined }, 'MissingRequiredParameter'],
    [
      'six actions',
      { AlarmActions: Array.from({ length: 6 }, (_, n) => `${ONCALL}${n}`) },
      'InvalidParameterValue',
    ],
  ])('are refused with %s', async (_, change, code) => {
    const { client } = await started();
    const put = client.send(new PutMetricAlarmCommand({ ...slow, ...change }));
    await expect(put).rejects.toMatchObject({ name: expect.stringContaining(code) });
  });

  it('evaluate metric math: a guard makes a thin minute a missing one', async () => {
    const { client, at, state } = await started();
    const Metric = { Namespace: 'AWS/ApiGateway', MetricName: 'Latency', Dimensions: slow.Dimensions };
    const { MetricName, Namespace, Dimensions, ExtendedStatistic, Period, ...rest } = slow;
    await client.send(
      new PutMetricAlarmCommand({
        ...rest,
        AlarmName: 'guarded',
        Threshold: 30,
        Metrics: [
          { Id: 'value', MetricStat: { Metric, Period: 60, Stat: 'p99' }, ReturnData: false },
          { Id: 'result', Expression: 'IF(value >= 50, value)', ReturnData: true },
        ],
      }),
    );
    await at(45);
    expect(await state('guarded')).toBe('OK');
    await at(53);
    expect(await state('guarded')).toBe('ALARM');
  });

  it('made after the clock was set back are judged minute by minute as it goes on', async () => {
    const { client, at, sandbox } = await started();
    await at(60);
    await at(20);
    await client.send(new PutMetricAlarmCommand(slow));
    await at(60);
    expect(await changesOf(sandbox)).toEqual(FIRED_ONCE);
    const told = await (await fetch(`${sandbox.url}/_sandbox/sns/text`)).text();
    expect(told).toMatch(/^\d\d:\d\d:\d\d {2}ALARM {2}slow to oncall@bank.example: Threshold Crossed/);
  });

  it('made while the history is still in the making are judged from then on', async () => {
    const { promise: history, resolve: made } = Promise.withResolvers<void>();
    const { client, at, sandbox } = await started({ history });
    await client.send(new PutMetricAlarmCommand(slow));
    made();
    await at(60);
    expect(await changesOf(sandbox)).toEqual(FIRED_ONCE);
  });

  it('set by hand last until the next evaluation, and stay in the history after they are deleted', async () => {
    const { client, at, state } = await started();
    await client.send(new PutMetricAlarmCommand(slow));
    await at(22);
    await client.send(
      new SetAlarmStateCommand({ AlarmName: 'slow', StateValue: 'ALARM', StateReason: 'drill' }),
    );
    expect(await state('slow')).toBe('ALARM');
    await at(23);
    expect(await state('slow')).toBe('OK');
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['slow', 'never-there'] }));
    const { AlarmHistoryItems } = await client.send(
      new DescribeAlarmHistoryCommand({ AlarmName: 'slow', ScanBy: 'TimestampAscending' }),
    );
    expect(AlarmHistoryItems?.map((item) => item.HistorySummary)).toEqual([
      'Alarm "slow" created',
      'Alarm updated from INSUFFICIENT_DATA to OK',
      'Alarm updated from OK to ALARM',
      `Successfully executed action ${ONCALL}`,
      'Alarm updated from ALARM to OK',
      'Alarm "slow" deleted',
    ]);
  });

  it('page through a hundred at a time', async () => {
    const { client } = await started();
    for (let n = 0; n < 120; n += 1) {
      await client.send(new PutMetricAlarmCommand({ ...slow, AlarmName: `a${String(n).padStart(3, '0')}` }));
    }
    const sizes: number[] = [];
    for await (const page of paginateDescribeAlarms({ client, pageSize: 100 }, {})) {
      sizes.push(page.MetricAlarms?.length ?? 0);
    }
    expect(sizes).toEqual([100, 20]);
  });
});

describe('composite alarms', () => {
  it('follow their children, are left out of a plain listing, and keep what they read from being deleted', async () => {
    const { client, at, state } = await started();
    await client.send(new PutMetricAlarmCommand(slow));
    await client.send(new PutCompositeAlarmCommand({ AlarmName: 'impact', AlarmRule: 'ALARM("slow")' }));
    await at(40);
    expect(await state('impact')).toBe('ALARM');
    const plain = await client.send(new DescribeAlarmsCommand({}));
    expect(plain.CompositeAlarms).toEqual([]);
    await expect(client.send(new DeleteAlarmsCommand({ AlarmNames: ['slow'] }))).rejects.toMatchObject({
      name: 'ResourceConflict',
    });
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['impact'] }));
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['slow'] }));
    expect(await state('slow')).toBeUndefined();
  });

  it('need children that exist, and go one at a time', async () => {
    const { client } = await started();
    const lost = client.send(new PutCompositeAlarmCommand({ AlarmName: 'x', AlarmRule: 'ALARM("nowhere")' }));
    await expect(lost).rejects.toThrow(/nowhere does not exist/);
    for (const AlarmName of ['one', 'two']) {
      await client.send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule: 'FALSE' }));
    }
    const both = client.send(new DeleteAlarmsCommand({ AlarmNames: ['one', 'two'] }));
    await expect(both).rejects.toThrow(/At most one composite/);
  });

  it('hold their action back while the suppressor is in alarm, and act when its extension ends', async () => {
    const { client, at, sandbox } = await started();
    await client.send(new PutMetricAlarmCommand({ ...slow, AlarmActions: [] }));
    await client.send(
      new PutMetricAlarmCommand({ ...slow, AlarmName: 'deploy', Threshold: 1_000, AlarmActions: [] }),
    );
    await client.send(
      new PutCompositeAlarmCommand({
        AlarmName: 'impact',
        AlarmRule: 'ALARM("slow")',
        AlarmActions: [ONCALL],
        ActionsSuppressor: 'deploy',
        ActionsSuppressorWaitPeriod: 60,
        ActionsSuppressorExtensionPeriod: 120,
      }),
    );
    await at(31);
    await at(32);
    await client.send(
      new SetAlarmStateCommand({ AlarmName: 'deploy', StateValue: 'ALARM', StateReason: 'deploying' }),
    );
    const { CompositeAlarms } = await client.send(
      new DescribeAlarmsCommand({ AlarmNames: ['impact'], AlarmTypes: ['CompositeAlarm'] }),
    );
    expect(CompositeAlarms?.[0]).toMatchObject({ StateValue: 'ALARM', ActionsSuppressedBy: 'Alarm' });
    await at(33);
    await at(34);
    expect(await deliveries(sandbox)).toEqual([]);
    await at(35);
    expect(await deliveries(sandbox)).toHaveLength(1);
  });
});

describe('what stands around alarms', () => {
  it('finds alarms by their tags, page by page', async () => {
    const { client, sandbox } = await started();
    for (let n = 0; n < 5; n += 1) {
      const Tags = [{ Key: 'gatewatch:workspace', Value: n < 3 ? 'prod' : 'test' }];
      await client.send(new PutMetricAlarmCommand({ ...slow, AlarmName: `a${n}`, Tags }));
    }
    const tagging = closing({
      client: new ResourceGroupsTaggingAPIClient(sdkSettings(sandbox)),
      close() {
        this.client.destroy();
      },
    }).client;
    const question = {
      ResourceTypeFilters: ['cloudwatch:alarm'],
      TagFilters: [{ Key: 'gatewatch:workspace', Values: ['prod'] }],
      ResourcesPerPage: 2,
    };
    const first = await tagging.send(new GetResourcesCommand(question));
    const second = await tagging.send(
      new GetResourcesCommand({ ...question, PaginationToken: first.PaginationToken }),
    );
    const names = [first, second].flatMap((page) =>
      (page.ResourceTagMappingList ?? []).map((item) => item.ResourceARN?.split(':').at(-1)),
    );
    expect(names).toEqual(['a0', 'a1', 'a2']);
    expect(second.PaginationToken).toBe('');
  });

  it('knows topics and who listens to them', async () => {
    const { sandbox } = await started();
    const sns = new SNSClient(sdkSettings(sandbox));
    closing({ close: () => sns.destroy() });
    const { Topics } = await sns.send(new ListTopicsCommand({}));
    expect(Topics?.map((topic) => topic.TopicArn?.split(':').at(-1))).toEqual([
      'oncall',
      'backlog',
      'unheard',
    ]);
    const heard = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: ONCALL }));
    expect(heard.Subscriptions).toHaveLength(1);
    const { Attributes } = await sns.send(
      new GetTopicAttributesCommand({ TopicArn: `arn:aws:sns:${region}:${central}:unheard` }),
    );
    expect(Attributes).toMatchObject({ SubscriptionsConfirmed: '0' });
    const lost = sns.send(new GetTopicAttributesCommand({ TopicArn: `${ONCALL}x` }));
    await expect(lost).rejects.toMatchObject({ name: 'NotFoundException' });
  });
});
