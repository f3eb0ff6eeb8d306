import { expect, it } from 'vitest';
import { applyPlan } from '../../../src/alarms/apply-plan.ts';
import { planAlarms } from '../../../src/alarms/plan-alarms.ts';
import { DriftCheck } from '../../../src/cli/worker/drift-check.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { parseFaults } from '../../../src/sandbox/faults.ts';
import { alarmAccount, scope } from '../../alarms/alarm-account.ts';
import { ERRORS, filesOf, setWith, stage } from '../../alarms/files.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** One alarm from files, applied, and what looks whether it still is what was applied. */
async function applied() {
  const account = await alarmAccount();
  const { clients, signal } = account;
  const files = filesOf(setWith(ERRORS));
  const inventory = { stages: [stage('orders', scope)], complete: true, problems: [], readMs: 0 };
  const plan = await planAlarms({ files, inventory, clients, scopes: [scope], signal });
  await applyPlan({ clients, changes: plan.changes, signal });
  const [name = ''] = await account.names();
  const said: unknown[] = [];
  const gauges = new Map<string, number>();
  const check = new DriftCheck({
    loadFiles: () => files,
    inventory: () => inventory,
    client: clients,
    accounts: [{ accountId: scope.account, regions: [scope.region] }],
    clock: new FakeClock(),
    logger: { ...silentLogger, warn: (fields) => void said.push(fields) },
    meter: {
      count: () => undefined,
      observe: () => undefined,
      gauge: (one, value) => void gauges.set(one, value),
    },
  });
  const [alarm] = plan.expansion.instances;
  const put = (Threshold: number) =>
    clients.putAlarm({
      ...scope,
      signal,
      kind: 'metric_alarm',
      name,
      properties: { ...alarm?.resource.properties, Threshold },
      tags: {},
    });
  return { ...account, check, put, name, said, gauges };
}

it('says nothing while every alarm is as it was applied', async () => {
  const { check, signal, said, gauges } = await applied();
  await check.run(signal);
  expect(gauges.get('gatewatch_alarm_drift')).toBe(0);
  expect(said).toEqual([]);
  expect(check.remark).toBeUndefined();
});

it('measures a change by hand, says it once, keeps it as a remark, and sets nothing back', async () => {
  const { check, put, signal, said, gauges, name, writes } = await applied();
  await put(0.5);
  const before = writes();
  await check.run(signal);
  await check.run(signal);
  expect(gauges.get('gatewatch_alarm_drift')).toBe(1);
  expect(said).toMatchObject([{ name, ...scope, drift: 'changed', fields: ['Threshold'] }]);
  expect(check.remark?.sentence).toContain(`1 alarm is not as applied (${name})`);
  expect(writes()).toBe(before);
});

it('forgets a change that was set back', async () => {
  const { check, put, signal, gauges } = await applied();
  await put(0.5);
  await check.run(signal);
  await put(0.05);
  await check.run(signal);
  expect(gauges.get('gatewatch_alarm_drift')).toBe(0);
  expect(check.remark).toBeUndefined();
});

it('says that it could not look, and measures nothing of a Region that does not answer', async () => {
  const { check, sandbox, signal, gauges } = await applied();
  sandbox.replaceFaults(parseFaults('aws-outage'));
  await check.run(signal);
  expect(gauges.has('gatewatch_alarm_drift')).toBe(false);
  expect(check.remark?.sentence).toContain(`${scope.account}/${scope.region} could not be compared`);
});
