import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { latency, scope } from '../../alarms/alarm-account.ts';
import {
  runAlarmsCommand,
  sandboxAlarmClients,
  writeAlarmsConfig,
  writesOf,
} from '../../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../../aws/aws-stub.ts';
import { historyToMs } from '../../sandbox/small-world.ts';
import { closing, startedSandbox } from '../../sandbox/started-sandbox.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatewatch-pull-'));
  writeAlarmsConfig(folder);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Three REST APIs of one alarm each, made by somebody else, one of them on its own terms. */
async function started() {
  const sandbox = await startedSandbox();
  closing({ close: pointSdkAt(sandbox.port) });
  const clients = closing(sandboxAlarmClients());
  for (const [n, Threshold] of [5_000, 5_000, 9_000].entries()) {
    const Dimensions = [
      { Name: 'ApiName', Value: `orders-${n}` },
      { Name: 'Stage', Value: 'prod' },
    ];
    await clients.putAlarm({
      ...scope,
      signal: new AbortController().signal,
      kind: 'metric_alarm',
      name: `orders-${n}/prod slow`,
      properties: { ...latency, Dimensions, Threshold },
      tags: { terraform: 'yes' },
    });
  }
  return {
    sandbox,
    alarms: (...args: readonly string[]) => runAlarmsCommand(folder, () => historyToMs, args),
  };
}

it('gives files that validate, take over what exists without changing it, and then leave nothing to do', async () => {
  const { sandbox, alarms } = await started();
  const before = writesOf(sandbox);
  expect(await alarms('pull', '--out', 'alarms/pulled.yaml')).toMatchObject({
    code: 0,
    err: expect.stringContaining('3 alarms pulled, 0 are in files already, 0 cannot be said exactly'),
  });
  expect(writesOf(sandbox)).toBe(before);
  expect(await alarms('validate')).toMatchObject({ code: 0 });
  const plan = await alarms('plan');
  expect(plan.code).toBe(2);
  expect(plan.out.match(/exists already and becomes ours/g)).toHaveLength(3);
  expect(plan.out).not.toMatch(/^ {4}(Threshold|AlarmDescription)/m);
  expect(await alarms('apply', '--yes')).toMatchObject({ code: 0 });
  // Tags alone: not one alarm was written.
  expect(sandbox.counts.get('aws.PutMetricAlarm')).toBe(3);
  expect(await alarms('plan')).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to change.') });
  expect(await alarms('drift')).toMatchObject({ code: 0 });
  expect(await alarms('pull')).toMatchObject({
    out: '',
    err: expect.stringContaining('3 are in files already'),
  });
});

it('prints to the screen, chooses by name or tag, and replaces no file unasked', async () => {
  const { alarms } = await started();
  const one = await alarms('pull', '--match', 'orders-2*', '--tag', 'terraform=yes');
  expect(one.out).toContain('Threshold: 9000');
  expect(one.out).not.toContain('Threshold: 5000');
  expect((await alarms('pull', '--tag', 'terraform=no')).out).toBe('');
  expect(existsSync(join(folder, 'alarms'))).toBe(false);
  await alarms('pull', '--match', 'orders-2*', '--out', 'alarms/pulled.yaml');
  const refused = await alarms('pull', '--out', 'alarms/pulled.yaml');
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
  expect(readFileSync(join(folder, 'alarms/pulled.yaml'), 'utf8')).toBe(one.out);
  await alarms('pull', '--out', 'alarms/pulled.yaml', '--force');
  expect(readFileSync(join(folder, 'alarms/pulled.yaml'), 'utf8')).toContain('Threshold: 5000');
  expect(await alarms('pull', '--tag', 'terraform')).toMatchObject({
    code: 1,
    err: expect.stringContaining('key=value'),
  });
});
