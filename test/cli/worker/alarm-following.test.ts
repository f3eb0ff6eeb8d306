import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type AlarmClients, createAlarmClients } from '../../../src/aws/alarm-clients.ts';
import { readinessOf } from '../../../src/cli/worker/health.ts';
import { createRuntime, type Runtime, type RuntimeDeps } from '../../../src/cli/worker/runtime.ts';
import { HeldError, UserError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { silentMeter } from '../../../src/core/meter.ts';
import type { StartCron } from '../../../src/scheduler/start-cron.ts';
import { RehearsedFleet } from '../../pipeline/rehearsed-runtime.ts';

const MINUTE = 60_000;
const CENTRAL = '111122223333';
const IDENTITY = '444455556666';
const GO = new AbortController().signal;

let fleet: RehearsedFleet;
const open: Runtime[] = [];
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 10,
    ratePerSecond: 1,
    historyToMs: Date.UTC(2026, 10, 3, 10, 0, 0),
  });
});
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});
afterAll(() => fleet.dispose());

async function following(journal: string, more: Partial<RuntimeDeps> = {}, dir?: string): Promise<Runtime> {
  const config = { ...fleet.config(journal) };
  const alarms = { ...config.alarms, follow: true, ...(dir !== undefined && { dir }) };
  const runtime = await createRuntime({ ...config, alarms }, { ...fleet.deps(), ...more });
  open.push(runtime);
  return runtime;
}

function alarmClients(): AlarmClients {
  const accounts = [{ name: 'central', accountId: CENTRAL, regions: ['eu-west-1'] }];
  return createAlarmClients({ accounts, clock: fleet.clock, logger: silentLogger, meter: silentMeter });
}

/** An alarm that fires at the next evaluation: nothing is below its threshold, and silence counts as firing. */
async function putFiring(clients: AlarmClients, name: string): Promise<void> {
  await clients.putAlarm({
    account: CENTRAL,
    region: 'eu-west-1',
    signal: GO,
    kind: 'metric_alarm',
    name,
    properties: {
      Namespace: 'AWS/ApiGateway',
      MetricName: 'Count',
      Dimensions: [
        { Name: 'ApiName', Value: 'nobody' },
        { Name: 'Stage', Value: 'prod' },
      ],
      Statistic: 'SampleCount',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
    },
    tags: {},
  });
}

function step(minutes: number): void {
  fleet.nowMs += minutes * MINUTE;
  fleet.rehearsal.clock.steer(fleet.nowMs);
}

/** Event ids as each destination took them in, once per copy. */
function arrived(name: string): {
  readonly splunk: readonly unknown[];
  readonly dynatrace: readonly unknown[];
} {
  const { sandbox } = fleet.rehearsal;
  const splunk = [...sandbox.acceptedEvents()].filter(
    ({ sourcetype, event }) => sourcetype === 'gatewatch:alarm' && JSON.stringify(event).includes(name),
  );
  const dynatrace = [...sandbox.acceptedItems()].filter(
    ({ attributes }) => attributes['gatewatch.alarm.name'] === name,
  );
  return {
    splunk: splunk.map(({ fields }) => fields?.event_id),
    dynatrace: dynatrace.map(({ attributes }) => attributes.event_id),
  };
}

it('a change of an alarm reaches the journal and both sinks exactly once, also over a restart', async () => {
  const clients = alarmClients();
  await putFiring(clients, 'once');
  step(3);
  const first = await following('once.db');
  expect(await first.worker.once(AbortSignal.timeout(60_000))).toEqual([]);
  await open.pop()?.close();
  const second = await following('once.db');
  expect(await second.worker.once(AbortSignal.timeout(60_000))).toEqual([]);
  const rows = (await second.journal.readStream('alarms', 0, 100)).filter(({ body }) =>
    body.includes('"once"'),
  );
  const ids = rows.map(({ eventId }) => eventId);
  expect(rows.map(({ record }) => record.kind === 'alarm' && record.toState)).toEqual(['ALARM']);
  expect(arrived('once')).toEqual({ splunk: ids, dynatrace: ids });
  clients.close();
});

it('an account whose alarm history may not be read holds that unit and no other', async () => {
  const reason = 'DescribeAlarmHistory was denied: allow cloudwatch:DescribeAlarmHistory there';
  const runtime = await following('denied.db', {
    createAlarmClients: (settings) => {
      const clients = createAlarmClients(settings);
      return {
        ...clients,
        alarmHistory: (call) => {
          if (call.account === IDENTITY) throw new HeldError('aws_denied', reason);
          return clients.alarmHistory(call);
        },
      };
    },
  });
  const left = await runtime.worker.once(AbortSignal.timeout(60_000));
  expect(left).toEqual([`alarms:${IDENTITY}:eu-west-1 is held: ${reason}`]);
  const held = runtime.worker.status().units.filter((unit) => unit.held !== undefined);
  expect(held.map(({ unit }) => unit)).toEqual([`alarms:${IDENTITY}:eu-west-1`]);
});

it('drift is looked for by schedule, and what is wrong is a notice of readiness and no reason', async () => {
  const tasks = new Map<string, { readonly expression: string; readonly run: () => Promise<void> }>();
  const startCron: StartCron = (name, expression, run) => {
    tasks.set(name, { expression, run });
    return { destroy: () => undefined };
  };
  const loadAlarms = (dir: string) => {
    throw new UserError('alarms_invalid', `${dir}/core.yaml:7: a typo`);
  };
  const runtime = await following('drift.db', { loadAlarms, startCron }, 'alarms');
  const stop = new AbortController();
  const running = runtime.worker.run(stop.signal);
  while (!tasks.has('alarm_drift')) await new Promise((resolve) => setTimeout(resolve, 10));
  const task = tasks.get('alarm_drift');
  expect(task?.expression).toBe('17 * * * *');
  await task?.run();
  const state = { startedMs: fleet.nowMs, stopping: false };
  const { reasons, notices } = await readinessOf(runtime, fleet.config('drift.db'), fleet.clock, state);
  expect(reasons.filter(({ subject }) => subject === 'alarms')).toEqual([]);
  expect(notices).toContainEqual({
    kind: 'alarm_drift',
    subject: 'alarms',
    sinceMs: fleet.nowMs,
    sentence: expect.stringContaining('alarms/core.yaml:7: a typo'),
  });
  stop.abort();
  await running;
});
