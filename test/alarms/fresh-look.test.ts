import { describe, expect, it } from 'vitest';
import { applyPlan } from '../../src/alarms/apply-plan.ts';
import type { DesiredResource } from '../../src/model/managed-resource.ts';
import { alarmAccount, composite, latency, metricAlarm, scope } from './alarm-account.ts';

type Account = Awaited<ReturnType<typeof alarmAccount>>;

function byHand(account: Account, name: string, Threshold: number): Promise<void> {
  const properties = { ...latency, Threshold };
  return account.clients.putAlarm({
    ...scope,
    signal: account.signal,
    kind: 'metric_alarm',
    name,
    properties,
    tags: {},
  });
}

async function thresholdOf(account: Account, name: string): Promise<unknown> {
  const listing = account.clients.describeAlarms({ ...scope, signal: account.signal, names: [name] });
  for await (const [alarm] of listing) return alarm?.properties.Threshold;
  return undefined;
}

function withThreshold(id: string, Threshold: number): DesiredResource {
  return metricAlarm(id, { properties: { ...latency, Threshold } });
}

describe('what is about to be written is looked at again', () => {
  it('leaves an alarm that was changed, deleted or made since the plan, and does the rest', async () => {
    const account = await alarmAccount();
    const { clients, signal } = account;
    await account.apply(['a', 'b', 'c'].map((id) => metricAlarm(id)));
    const changes = await account.plan(['a', 'b', 'c', 'd'].map((id) => withThreshold(id, 7)));
    await byHand(account, 'a', 99);
    await clients.deleteAlarms({ ...scope, signal, names: ['b'] });
    await byHand(account, 'd', 98);
    const result = await applyPlan({ clients, changes, signal });
    expect(result).toMatchObject({ done: 1, skipped: 0 });
    expect(Object.fromEntries(result.failures.map(({ id, reason }) => [id, reason]))).toMatchObject({
      a: expect.stringContaining('expected Threshold 5000, got 99'),
      b: expect.stringContaining('deleted since the plan'),
      d: expect.stringContaining('made by somebody else'),
    });
    expect(await thresholdOf(account, 'a')).toBe(99);
    expect(await thresholdOf(account, 'c')).toBe(7);
    expect(await thresholdOf(account, 'd')).toBe(98);
    expect(await account.names()).toEqual(['a', 'c', 'd']);
  });

  it('deletes the others of a call when one of them was changed, and takes what is gone for done', async () => {
    const account = await alarmAccount();
    const { clients, signal } = account;
    await account.apply(['a', 'b', 'c'].map((id) => metricAlarm(id)));
    const changes = await account.plan([]);
    await byHand(account, 'a', 99);
    await clients.deleteAlarms({ ...scope, signal, names: ['b'] });
    expect(await applyPlan({ clients, changes, signal })).toMatchObject({
      failures: [{ id: 'delete a', reason: expect.stringContaining('changed since the plan') }],
    });
    expect(await account.names()).toEqual(['a']);
  });

  it('asks once for a hundred alarms, and does not take what it wrote itself for a stranger', async () => {
    const account = await alarmAccount();
    const many = Array.from({ length: 120 }, (_, n) => metricAlarm(`a${n}`));
    const changes = await account.plan(many);
    const before = account.sandbox.counts.get('aws.DescribeAlarms');
    await applyPlan({ clients: account.clients, changes, signal: account.signal });
    expect(account.sandbox.counts.get('aws.DescribeAlarms') - before).toBe(2);
    // A metric alarm that becomes a composite is deleted and made again under the composite that reads it.
    await account.apply([metricAlarm('x'), metricAlarm('y'), composite('impact', ['x'])]);
    const turned = [composite('x', ['y']), metricAlarm('y'), composite('impact', ['x'])];
    expect(await account.apply(turned)).toMatchObject({ failures: [], skipped: 0 });
    expect(await account.plan(turned)).toEqual([]);
  });
});
