import { expect, it } from 'vitest';
import { applyPlan } from '../../../src/alarms/apply-plan.ts';
import { planAlarms } from '../../../src/alarms/plan-alarms.ts';
import { driftText, findDrift } from '../../../src/cli/alarms/drift.ts';
import { DriftCheck } from '../../../src/cli/worker/drift-check.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { parseFaults } from '../../../src/sandbox/faults.ts';
import { alarmAccount, scope } from '../../alarms/alarm-account.ts';
import { ERRORS, filesOf, setWith, stage } from '../../alarms/files.ts';
import { historyToMs, longestLagMs } from '../../sandbox/small-world.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MUTED = {
  'night.yaml': `apiVersion: gatewatch/v1
kind: MuteRule
metadata: { name: night }
spec: { schedule: "cron(0 2 * * *)", duration: PT1H }
`,
};

/** One alarm and a rule that mutes it from files, applied, and what looks whether it still is what was applied. */
async function applied() {
  const account = await alarmAccount();
  const { clients, signal } = account;
  const files = filesOf({ ...setWith(ERRORS), ...MUTED });
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
    clock: new FakeClock(historyToMs + 3_600_000),
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
  const told = async () => {
    const now = await planAlarms({ files, inventory, clients, scopes: [scope], signal });
    return driftText(await findDrift(now, { clients, nowMs: historyToMs + 3_600_000, signal }));
  };
  return { ...account, check, put, name, said, gauges, told };
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

it('takes an alarm that was deleted by hand for drift, and tells when that was', async () => {
  const { check, clients, signal, said, gauges, name, told } = await applied();
  await clients.deleteAlarms({ ...scope, signal, names: [name] });
  const deletedMs = historyToMs + longestLagMs;
  await check.run(signal);
  expect(gauges.get('gatewatch_alarm_drift')).toBe(1);
  expect(said).toMatchObject([{ name, drift: 'gone', deletedMs, fields: [] }]);
  expect(await told()).toContain(
    `${name} in ${scope.account}, ${scope.region} is missing in AWS: deleted 2026-11-01T`,
  );
});

it('tells what is missing without a history of it, and what no tag can tell of', async () => {
  const { clients, signal, name, told } = await applied();
  const mute = 'gatewatch_default_night';
  await clients.deleteMute({ ...scope, signal, name: mute });
  expect(await told()).toContain(
    `${mute} in ${scope.account}, ${scope.region} is missing in AWS: deleted by hand, or never applied`,
  );
  const Schedule = { Expression: 'cron(0 3 * * *)', Duration: 'PT1H' };
  const properties = { Rule: { Schedule }, MuteTargets: { AlarmNames: [name] } };
  await clients.putMute({ ...scope, signal, name: mute, properties });
  expect(await told()).toMatch(
    /gatewatch_default_night in .* differs: changed by hand, or by the files[\s\S]* Rule /,
  );
});

it('says that it could not look, and measures nothing of a Region that does not answer', async () => {
  const { check, sandbox, signal, gauges } = await applied();
  sandbox.replaceFaults(parseFaults('aws-outage'));
  await check.run(signal);
  expect(gauges.has('gatewatch_alarm_drift')).toBe(false);
  expect(check.remark?.sentence).toContain(`${scope.account}/${scope.region} could not be compared`);
});
