import { describe, expect, it } from 'vitest';
import { applyPlan } from '../../src/alarms/apply-plan.ts';
import { expandWithinRoom } from '../../src/alarms/filter-room.ts';
import { planAlarms } from '../../src/alarms/plan-alarms.ts';
import { readPlan, writePlan } from '../../src/alarms/plan-file.ts';
import { planText } from '../../src/alarms/plan-text.ts';
import { UNVERIFIED_ALARM_PRICES } from '../../src/alarms/prices.ts';
import type { StageInventory } from '../../src/model/inventory.ts';
import { filterPlace } from '../../src/plan/filter-limit.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import { accessGroup } from '../sandbox/small-world.ts';
import { alarmAccount, scope } from './alarm-account.ts';
import { filesOf, setWith, stage } from './files.ts';

const DENIALS =
  '{ id: denials, metric: auth.denials, Statistic: Sum, Threshold: 5, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
const FAILURES = DENIALS.replace('denials', 'failures').replace('auth.denials', 'auth.failures');
const FILES = filesOf(setWith(DENIALS));

/** A stage that shares its log group with the others. */
function sharing(name: string, more: Partial<StageInventory> = {}): StageInventory {
  return stage(name, { ...scope, accessLogGroup: { ...scope, logGroup: accessGroup }, ...more });
}

function stages(count: number, from = 0): readonly StageInventory[] {
  return Array.from({ length: count }, (_, n) => sharing(`api${String(from + n).padStart(3, '0')}`));
}

async function crowdedAccount() {
  const account = await alarmAccount({}, { maxAttempts: 1 });
  const { clients, signal } = account;
  const plan = (inventory: readonly StageInventory[], files = FILES) =>
    planAlarms({
      files,
      inventory: { stages: inventory, complete: true, problems: [], readMs: 0 },
      clients,
      scopes: [scope],
      signal,
    });
  const apply = async (...args: Parameters<typeof plan>) =>
    applyPlan({ clients, changes: (await plan(...args)).changes, signal });
  const theirs = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      const transformation = { metricName: `m${n}`, metricNamespace: 'Theirs', metricValue: '1' };
      const properties = { filterPattern: 'ERROR', metricTransformations: [transformation] };
      await clients.putFilter({ ...scope, signal, logGroup: accessGroup, name: `theirs-${n}`, properties });
    }
  };
  const filterNames = async () => {
    const names: string[] = [];
    for await (const page of clients.listFilters({ ...scope, signal })) {
      names.push(...page.map(({ name }) => name));
    }
    return names;
  };
  return { ...account, plan, apply, theirs, filterNames };
}

describe('a log group without room for all metric filters', () => {
  it('gets those it takes; the rest is refused with what stands there and what to do', async () => {
    const { plan, theirs } = await crowdedAccount();
    await theirs(98);
    const files = filesOf(
      setWith(`${DENIALS}\n    - { id: impact, rule: "ALARM(denials)", severity: page }`),
    );
    const text = planText(await plan(stages(3), files), { prices: UNVERIFIED_ALARM_PRICES });
    expect(text).toBe(
      `auth.denials/id-api000/prod                    + create   metric filter  $0.30 a month   core.yaml:7
auth.denials/id-api001/prod                    + create   metric filter  $0.30 a month   core.yaml:7
core/denials[api000/prod]                      + create   alarm  $0.10 a month   core.yaml:7
core/denials[api001/prod]                      + create   alarm  $0.10 a month   core.yaml:7
core/impact[api000/prod]                       + create   composite  $0.50 a month   core.yaml:8
core/impact[api001/prod]                       + create   composite  $0.50 a month   core.yaml:8
core/denials[api002/prod]                      x refused   log group /aws/apigateway/orders in 111122223333, eu-west-1 takes 100 metric filters, and 3 are asked for here, 98 of others are there (those that exist come first, then stage by stage): ask for fewer signals, give stages log groups of their own, or let the worker publish the signal (alarms.publish: [auth.denials] in gatewatch.yaml) (core.yaml:7)

6 to add, 0 to change, 0 to replace, 0 to delete, 1 refused. $0.00 -> $1.80 a month (list prices, unverified).
`,
    );
  });

  it('goes on stage by stage whatever the order of the listing, and refuses every alarm on a filter', async () => {
    const { plan, theirs } = await crowdedAccount();
    await theirs(97);
    const files = filesOf(
      setWith(
        `${DENIALS}\n    - ${FAILURES}\n    - ${DENIALS.replace('denials', 'many').replace('5', '50')}`,
      ),
    );
    const { expansion } = await plan([...stages(2)].reverse(), files);
    const made = expansion.resources.filter(({ key }) => key.type === 'metric_filter').map(({ id }) => id);
    expect(made.sort()).toEqual([
      'auth.denials/id-api000/prod',
      'auth.denials/id-api001/prod',
      'auth.failures/id-api000/prod',
    ]);
    expect(expansion.refusals.map(({ id }) => id)).toEqual(['core/failures[api001/prod]']);
    const tighter = await plan([...stages(3)].reverse(), files);
    expect(tighter.expansion.refusals.map(({ id }) => id).sort()).toEqual([
      'core/denials[api002/prod]',
      'core/failures[api001/prod]',
      'core/failures[api002/prod]',
      'core/many[api002/prod]',
    ]);
  });

  it('keeps what is there when more is asked for, and a second plan says the same without a write', async () => {
    const { plan, apply, filterNames, writes } = await crowdedAccount();
    await apply(stages(60, 60));
    const before = await filterNames();
    expect(await apply(stages(120))).toMatchObject({ failures: [], skipped: 0 });
    const after = await filterNames();
    expect(after).toHaveLength(100);
    expect(after).toEqual(expect.arrayContaining(before));
    const written = writes();
    const { changes, expansion } = await plan(stages(120));
    expect(changes).toEqual([]);
    expect(expansion.refusals).toHaveLength(20);
    await apply(stages(120));
    expect(writes()).toBe(written);
  });

  it('is emptied by ten before ten come, from a saved plan too', async () => {
    const { plan, apply, clients, signal, filterNames } = await crowdedAccount();
    await apply(stages(100));
    const moved = [...stages(90), ...stages(10, 200)];
    const { changes, observed, expansion } = await plan(moved);
    expect(expansion.refusals).toEqual([]);
    const text = planText(await plan(moved), { prices: UNVERIFIED_ALARM_PRICES });
    expect(text).toContain('prod  (first: its log group is full)  -$0.30 a month');
    const saved = readPlan('p', writePlan({ workspace: 'default', createdMs: 0, changes, observed }));
    expect(await applyPlan({ clients, changes: saved.changes, signal })).toEqual({
      done: 31,
      failures: [],
      skipped: 0,
    });
    expect(await filterNames()).toHaveLength(100);
    expect((await plan(moved)).changes).toEqual([]);
  });

  it('says at once that it is full when somebody else was quicker, and the rest is applied', async () => {
    const { plan, clients, signal, theirs } = await crowdedAccount();
    await theirs(99);
    const { changes } = await plan(
      stages(1),
      filesOf(setWith(`${DENIALS}\n    - ${DENIALS.replace('denials', 'more')}`)),
    );
    const transformation = { metricName: 'x', metricNamespace: 'Theirs', metricValue: '1' };
    const properties = { filterPattern: 'ERROR', metricTransformations: [transformation] };
    await clients.putFilter({ ...scope, signal, logGroup: accessGroup, name: 'quicker', properties });
    const { failures, done } = await applyPlan({ clients, changes, signal });
    expect(failures).toMatchObject([
      { id: 'auth.denials/id-api000/prod', reason: expect.stringContaining('LimitExceededException') },
    ]);
    expect(failures[0]?.reason).not.toContain('throttled');
    expect(done).toBe(2);
  });
});

describe('expandWithinRoom', () => {
  const input = (clients: Parameters<typeof expandWithinRoom>[0]['clients'], signal: AbortSignal) => ({
    files: FILES,
    inventory: { stages: stages(3), complete: true, problems: [], readMs: 0 },
    clients,
    scopes: [scope, { ...scope, region: 'us-east-1' }],
    signal,
  });

  it('refuses what a plan refuses, and asks only where a filter is wanted', async () => {
    const { clients, signal, sandbox, theirs } = await crowdedAccount();
    await theirs(98);
    const { expansion, unread } = await expandWithinRoom(input(clients, signal));
    expect(expansion.refusals.map(({ id }) => id)).toEqual(['core/denials[api002/prod]']);
    expect(unread.size).toBe(0);
    expect(sandbox.counts.get('aws.DescribeMetricFilters')).toBe(1);
  });

  it('refuses nothing where it could not count, and says where that is', async () => {
    const { clients, signal, sandbox, theirs } = await crowdedAccount();
    await theirs(98);
    sandbox.replaceFaults(parseFaults('aws-outage'));
    const { expansion, unread } = await expandWithinRoom(input(clients, signal));
    expect(expansion.refusals).toEqual([]);
    expect([...unread]).toEqual([
      [
        filterPlace({ ...scope, logGroup: '' }).replace(/\/$/, ''),
        expect.stringContaining('DescribeMetricFilters'),
      ],
    ]);
  });
});

describe('a log group that is not of class STANDARD', () => {
  it.each(['INFREQUENT_ACCESS', 'ESSENTIALS', 'DELIVERY'])(
    'has its signals refused: %s',
    async (accessLogClass) => {
      const { plan } = await crowdedAccount();
      const { changes, expansion } = await plan([sharing('orders', { accessLogClass })]);
      expect(changes).toEqual([]);
      expect(expansion.refusals).toMatchObject([
        {
          id: 'core/denials[orders/prod]',
          reason: expect.stringMatching(
            new RegExp(
              `stage orders/prod logs to ${accessGroup}, which is of class ${accessLogClass}.*STANDARD only`,
            ),
          ),
          watched: { ...scope, apiId: 'id-orders', stage: 'prod', metric: 'auth.denials' },
        },
      ]);
    },
  );

  it('is none as long as nobody knows its class: what works is not taken away', async () => {
    const { plan } = await crowdedAccount();
    expect((await plan([sharing('orders')])).changes).toHaveLength(2);
    expect((await plan([sharing('orders', { accessLogClass: 'STANDARD' })])).changes).toHaveLength(2);
  });
});
