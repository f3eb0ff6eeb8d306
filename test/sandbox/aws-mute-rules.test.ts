import {
  CloudWatchClient,
  DeleteAlarmMuteRuleCommand,
  GetAlarmMuteRuleCommand,
  ListAlarmMuteRulesCommand,
  PutAlarmMuteRuleCommand,
  PutMetricAlarmCommand,
} from '@aws-sdk/client-cloudwatch';
import { expect, it } from 'vitest';
import { latencyP99 } from '../support/latency-alarm.ts';
import { central, historyFromMs, region } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

const MINUTE = 60_000;

/** `slow` fires at minute 32 of the small world's history, 10:32 UTC on 1 November 2026. */
async function started() {
  let nowMs = historyFromMs + 20 * MINUTE;
  const sandbox = await startedSandbox({ clock: { now: () => nowMs } });
  const client = new CloudWatchClient(sdkSettings(sandbox));
  closing({ close: () => client.destroy() });
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName: 'slow',
      ...latencyP99('orders'),
      EvaluationPeriods: 1,
      Threshold: 30,
      AlarmActions: [`arn:aws:sns:${region}:${central}:oncall`],
    }),
  );
  const delivered = async () => {
    const text = await (await fetch(`${sandbox.url}/_sandbox/sns`)).text();
    return text.split('\n').filter((line) => line !== '').length;
  };
  return {
    client,
    delivered,
    at: async (minute: number) => {
      nowMs = historyFromMs + minute * MINUTE;
      await fetch(`${sandbox.url}/_sandbox/stats`);
    },
    mute: (Expression: string, Duration: string, Name = 'night') =>
      client.send(
        new PutAlarmMuteRuleCommand({
          Name,
          Rule: { Schedule: { Expression, Duration } },
          MuteTargets: { AlarmNames: ['slow'] },
        }),
      ),
  };
}

it('keeps a muted alarm still, and lets it act when the window ends in ALARM', async () => {
  const { at, mute, delivered } = await started();
  await mute('at(2026-11-01T10:25)', 'PT15M');
  await at(34);
  expect(await delivered()).toBe(0);
  await at(39);
  expect(await delivered()).toBe(0);
  await at(40);
  expect(await delivered()).toBe(1);
});

it('lets a muted alarm act at once when its rule is deleted', async () => {
  const { at, mute, delivered, client } = await started();
  await mute('cron(25 10 * * SUN)', 'PT4H');
  await at(34);
  expect(await delivered()).toBe(0);
  await client.send(new DeleteAlarmMuteRuleCommand({ AlarmMuteRuleName: 'night' }));
  expect(await delivered()).toBe(1);
  await client.send(new DeleteAlarmMuteRuleCommand({ AlarmMuteRuleName: 'night' }));
});

it('tells addresses in a list, page by page, and what a rule is when it is asked for by name', async () => {
  const { at, mute, client } = await started();
  await mute('cron(25 10 * * SUN)', 'PT4H');
  await mute('at(2026-11-01T09:00)', 'PT1H', 'earlier');
  const first = await client.send(new ListAlarmMuteRulesCommand({ MaxRecords: 1 }));
  const second = await client.send(
    new ListAlarmMuteRulesCommand({ MaxRecords: 1, NextToken: first.NextToken }),
  );
  const summaries = [...(first.AlarmMuteRuleSummaries ?? []), ...(second.AlarmMuteRuleSummaries ?? [])];
  expect(summaries.map(({ AlarmMuteRuleArn, MuteType }) => [AlarmMuteRuleArn, MuteType])).toEqual([
    [`arn:aws:cloudwatch:${region}:${central}:alarm-mute-rule:earlier`, 'ONE_TIME'],
    [`arn:aws:cloudwatch:${region}:${central}:alarm-mute-rule:night`, 'RECURRING'],
  ]);
  expect(second.NextToken).toBeUndefined();
  await at(26);
  expect(await client.send(new GetAlarmMuteRuleCommand({ AlarmMuteRuleName: 'night' }))).toMatchObject({
    Name: 'night',
    Status: 'ACTIVE',
    MuteTargets: { AlarmNames: ['slow'] },
  });
});

it('refuses targets that do not exist, and schedules that CloudWatch does not take', async () => {
  const { mute, client } = await started();
  await expect(mute('cron(*/5 * * * *)', 'PT1H')).rejects.toThrow('joined by - and ,');
  const unknown = new PutAlarmMuteRuleCommand({
    Name: 'night',
    Rule: { Schedule: { Expression: 'cron(0 2 * * *)', Duration: 'PT1H' } },
    MuteTargets: { AlarmNames: ['gone'] },
  });
  await expect(client.send(unknown)).rejects.toThrow('gone');
  await expect(client.send(new GetAlarmMuteRuleCommand({ AlarmMuteRuleName: 'night' }))).rejects.toThrow(
    'does not exist',
  );
});
