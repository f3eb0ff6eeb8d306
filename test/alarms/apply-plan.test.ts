import { describe, expect, it } from 'vitest';
import { applyPlan } from '../../src/alarms/apply-plan.ts';
import type { DesiredResource } from '../../src/model/managed-resource.ts';
import { specHash } from '../../src/plan/compare.ts';
import { OWNER_TAGS } from '../../src/plan/ownership.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import { accessGroup } from '../sandbox/small-world.ts';
import { alarmAccount, composite, latency, metricAlarm, scope } from './alarm-account.ts';

const filter: DesiredResource = {
  ...metricAlarm('denials'),
  key: { type: 'metric_filter', ...scope, name: 'gatewatch/prod/denials', logGroup: accessGroup },
  properties: {
    filterPattern: '{ $.status = 403 }',
    metricTransformations: [
      { metricName: 'denials', metricNamespace: 'Gatewatch/ApiGateway', metricValue: '1' },
    ],
  },
  tags: {},
};
const all = [composite('impact', ['p99', 'p95']), metricAlarm('p99'), metricAlarm('p95'), filter];

describe('applyPlan against the sandbox', () => {
  it('makes what the files ask for; the next plan is empty and a second apply sends no write', async () => {
    const account = await alarmAccount();
    expect(await account.apply(all)).toEqual({ done: 4, failures: [], skipped: 0 });
    expect(await account.names()).toEqual(['impact', 'p95', 'p99']);
    expect(await account.plan(all)).toEqual([]);
    const before = account.writes();
    await account.apply(all);
    expect(account.writes()).toBe(before);
  });

  it('updates in place with tags by their own call, and leaves no difference', async () => {
    const account = await alarmAccount();
    await account.apply(all);
    const changed = metricAlarm('p99', {
      properties: { ...latency, Threshold: 9_000 },
      tags: { owner: 'sre' },
    });
    const wanted = [...all.filter(({ id }) => id !== 'p99'), changed];
    await account.apply(wanted);
    expect(await account.plan(wanted)).toEqual([]);
    expect(await account.clients.alarmTags({ ...scope, name: 'p99', signal: account.signal })).toEqual({
      owner: 'sre',
      [OWNER_TAGS.managedBy]: 'gatewatch',
      [OWNER_TAGS.workspace]: 'prod',
      [OWNER_TAGS.id]: 'p99',
      [OWNER_TAGS.spec]: specHash('metric_alarm', changed.properties),
    });
  });

  it('does not touch an alarm of the same name that somebody else made', async () => {
    const account = await alarmAccount();
    const theirs = { ...latency, Threshold: 1 };
    const tags = { 'aws:cloudformation:stack-name': 'legacy' };
    await account.clients.putAlarm({
      ...scope,
      signal: account.signal,
      kind: 'metric_alarm',
      name: 'p99',
      properties: theirs,
      tags,
    });
    expect(await account.plan([metricAlarm('p99')])).toMatchObject([
      { verb: 'conflict', why: 'tags: aws:cloudformation:stack-name=legacy' },
    ]);
    const before = account.writes();
    await account.apply([metricAlarm('p99')]);
    expect(account.writes()).toBe(before);
    const adopted = { adopted: new Set(['p99']) };
    await account.apply([metricAlarm('p99')], adopted);
    expect(await account.plan([metricAlarm('p99')])).toEqual([]);
  });

  it('deletes nothing where the listing of APIs failed, and does when it is whole again', async () => {
    const account = await alarmAccount();
    await account.apply(all);
    const discovery = new Map([[`${scope.account}/${scope.region}`, 'GetRestApis was denied']]);
    const withheld = await account.plan([], { discovery });
    expect(withheld.map(({ verb }) => verb)).toEqual(['withheld', 'withheld', 'withheld', 'withheld']);
    await account.apply([], { discovery });
    expect(await account.names()).toEqual(['impact', 'p95', 'p99']);
    await account.apply([]);
    expect(await account.names()).toEqual([]);
  });

  it('reads a Region that does not answer as unknown, never as empty', async () => {
    const account = await alarmAccount();
    await account.apply(all);
    account.sandbox.replaceFaults(parseFaults('aws-outage'));
    const { observed, partial } = await account.observe(all);
    expect(observed).toEqual([]);
    expect([...partial.keys()]).toEqual([`${scope.account}/${scope.region}`]);
  });

  it('follows a rename: the new alarm stands before the old one goes', async () => {
    const account = await alarmAccount();
    await account.apply([metricAlarm('p99', { name: 'old' })]);
    const renamed = metricAlarm('p99', { name: 'new' });
    expect(await account.plan([renamed])).toMatchObject([{ verb: 'replace', why: 'renamed' }]);
    await account.apply([renamed]);
    expect(await account.names()).toEqual(['new']);
  });

  it('sees what was changed by hand, and that the files did not change', async () => {
    const account = await alarmAccount();
    await account.apply(all);
    const tags = { team: 'payments' };
    const byHand = { ...latency, Threshold: 60_000 };
    await account.clients.putAlarm({
      ...scope,
      signal: account.signal,
      kind: 'metric_alarm',
      name: 'p99',
      properties: byHand,
      tags,
    });
    const [change] = await account.plan(all);
    expect(change).toMatchObject({
      verb: 'update',
      fields: [{ property: 'Threshold', before: 60_000, after: 5_000 }],
      tagChanges: { set: {}, removed: [] },
    });
  });

  it('ends where it should when it was throttled and stopped half-way and is run again', async () => {
    const account = await alarmAccount({ faults: parseFaults('throttle') }, { maxAttempts: 5 });
    const many = Array.from({ length: 40 }, (_, n) => metricAlarm(`a${String(n).padStart(2, '0')}`));
    const wanted = [
      composite(
        'impact',
        many.slice(0, 5).map(({ id }) => id),
      ),
      ...many,
    ];
    const stop = new AbortController();
    const changes = await account.plan(wanted);
    const first = await applyPlan({
      clients: account.clients,
      changes,
      signal: stop.signal,
      onProgress: (done) => {
        if (done === 15) stop.abort(new Error('stopped by the test'));
      },
    });
    expect(first.done).toBeGreaterThanOrEqual(15);
    expect(first.done).toBeLessThan(41);
    expect(first.done + first.skipped).toBe(41);
    expect(await account.apply(wanted)).toMatchObject({ failures: [], skipped: 0 });
    account.sandbox.replaceFaults(parseFaults('none'));
    expect(await account.plan(wanted)).toEqual([]);
    expect(await account.names()).toHaveLength(41);
  });

  it('lets one alarm fail alone: what reads it waits, nothing is deleted, and the reason is told', async () => {
    const account = await alarmAccount();
    await account.apply([metricAlarm('gone')]);
    const broken = metricAlarm('broken', { properties: { ...latency, Period: 90 } });
    const result = await account.apply([broken, metricAlarm('fine'), composite('impact', ['broken'])]);
    expect(result).toMatchObject({ done: 1, skipped: 2 });
    expect(result.failures).toMatchObject([{ id: 'broken', reason: expect.stringContaining('Period') }]);
    expect(await account.names()).toEqual(['fine', 'gone']);
  });
});
