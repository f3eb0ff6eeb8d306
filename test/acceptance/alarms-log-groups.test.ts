import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { noFaults, parseFaults } from '../../src/sandbox/faults.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import {
  runAlarmsCommand,
  sandboxAlarmClients,
  writeAlarmsConfig,
  writesOf,
} from '../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { central, historyToMs, longestLagMs, region, smallWorld } from '../sandbox/small-world.ts';

const STAGES = 40;
const GROUP = '/apigw/shared';
const FORMAT =
  '{"apiId":"$context.apiId","stage":"$context.stage","status":"$context.status","responseType":"$context.error.responseType"}';
const ALARMS = `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages }
  defaults: { Statistic: Sum, Period: 60, EvaluationPeriods: 3, ComparisonOperator: GreaterThanThreshold }
  alarms:
    - { id: failures, metric: auth.failures, Threshold: 1 }
    - { id: denials, metric: auth.denials, Threshold: 50 }
    - { id: throttles, metric: throttles, Threshold: 10 }
`;
const nowMs = historyToMs + longestLagMs;

let sandbox: Sandbox;
let restore: () => void;
let folder: string;

/** One API whose stages all log to one group. */
function sharedWorld() {
  const world = smallWorld();
  const [rest] = world.restApis;
  if (rest === undefined) throw new Error('the small world has a REST API');
  const stages = Array.from({ length: STAGES }, (_, n) => ({
    stageName: `tenant-${String(n).padStart(2, '0')}`,
    accessLogSettings: {
      format: FORMAT,
      destinationArn: `arn:aws:logs:${region}:${central}:log-group:${GROUP}`,
    },
  }));
  const logGroups = [{ account: central, region, name: GROUP, events: [] }];
  return { ...world, restApis: [{ ...rest, stages }], v2Apis: [], logGroups };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatewatch-groups-'));
  sandbox = await startSandbox({
    world: sharedWorld(),
    port: 0,
    clock: { now: () => nowMs },
    faults: noFaults,
    quotas: 'off',
    seed: 1,
    logger: silentLogger,
  });
  restore = pointSdkAt(sandbox.port);
  writeAlarmsConfig(folder);
  mkdirSync(join(folder, 'alarms'));
  writeFileSync(join(folder, 'alarms', 'core.yaml'), ALARMS);
});

afterAll(async () => {
  restore();
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

const alarms = (...args: readonly string[]) => runAlarmsCommand(folder, () => nowMs, args);

async function filtersThere(): Promise<number> {
  const clients = sandboxAlarmClients();
  let count = 0;
  const signal = new AbortController().signal;
  for await (const page of clients.listFilters({ account: central, region, signal })) count += page.length;
  clients.close();
  return count;
}

describe('forty stages that share one log group, three signals each', () => {
  it('are refused all signals as long as the group is not of class STANDARD, and nothing is written', async () => {
    sandbox.replaceFaults(parseFaults('infrequent-access'));
    const plan = await alarms('plan');
    const coverage = await alarms('coverage');
    sandbox.replaceFaults(noFaults);
    expect(plan).toMatchObject({ code: 0, out: expect.stringContaining('Nothing to change.') });
    expect(plan.out.match(/x refused {3}stage orders-0\/tenant-\d\d logs to \/apigw\/shared/g)).toHaveLength(
      120,
    );
    expect(coverage.out).toContain(
      'throttles: MISSING (refused: stage orders-0/tenant-39 logs to /apigw/shared, which is of class INFREQUENT_ACCESS',
    );
    expect(writesOf(sandbox)).toBe(0);
  });

  it('get a hundred metric filters with their alarms; the rest is refused by name before anything is written', async () => {
    const plan = await alarms('plan');
    expect(plan).toMatchObject({
      code: 2,
      out: expect.stringContaining('200 to add, 0 to change, 0 to replace, 0 to delete, 20 refused.'),
    });
    expect(plan.out).toMatch(
      /core\/throttles\[orders-0\/tenant-39\] +x refused +log group \/apigw\/shared in 111122223333, eu-west-1 takes 100 metric filters, and 120 are asked for here, 0 of others are there/,
    );
    expect(plan.out).toMatch(/alarms\.publish: \[throttles\]/);
    expect(writesOf(sandbox)).toBe(0);
    expect(await alarms('apply', '--yes')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Applied 200 steps.'),
    });
    expect(await filtersThere()).toBe(100);
  });

  it('have nothing left to do: no write, no drift; what is refused says why wherever it is asked for', async () => {
    const before = writesOf(sandbox);
    expect(await alarms('plan')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing to change.'),
    });
    expect(await alarms('apply', '--yes')).toMatchObject({
      out: expect.stringContaining('Nothing to apply.'),
    });
    expect(await alarms('drift')).toMatchObject({ code: 0 });
    expect(writesOf(sandbox)).toBe(before);
    const { cells } = JSON.parse((await alarms('coverage', '--json')).out);
    const throttles = cells.filter((cell: { expected: string }) => cell.expected === 'throttles');
    const refused = throttles.filter((cell: { refused?: string }) => cell.refused !== undefined);
    expect(throttles).toHaveLength(STAGES);
    expect(refused[0]).toMatchObject({ state: 'missing', refused: expect.stringContaining('takes 100') });
    expect(refused.map((cell: { stage: string }) => cell.stage)).toEqual(
      ['33', '34', '35', '36', '37', '38', '39'].map((n) => `tenant-${n}`),
    );
    expect(await alarms('explain', 'core/throttles[orders-0/tenant-39]')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot be made: log group \/apigw\/shared.*\(alarms\/core\.yaml:10\)/),
    });
    expect(JSON.parse((await alarms('cost', '--json')).out).sets).toMatchObject({
      'metric filters': { alarms: 100 },
    });
  });

  it('are taken up by a pull as they are, and the files of it want nothing more', async () => {
    mkdirSync(join(folder, 'empty'));
    expect(await alarms('pull', '--dir', 'empty', '--match', 'core/*', '--out', 'empty')).toMatchObject({
      err: expect.stringContaining('100 alarms pulled, 0 are in files already, 0 cannot be said exactly'),
    });
    expect(await alarms('plan', '--dir', 'empty')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Nothing to change\./),
    });
  });
});
