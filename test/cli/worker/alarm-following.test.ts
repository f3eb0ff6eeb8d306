import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeAlarm } from '../../../src/alarms/describe-alarm.ts';
import { createAlarmClients } from '../../../src/aws/alarm-clients.ts';
import { createAuditCommand } from '../../../src/cli/commands/audit.ts';
import { createSystemContext } from '../../../src/cli/system-context.ts';
import { readinessOf } from '../../../src/cli/worker/health.ts';
import { createRuntime, type Runtime, type RuntimeDeps } from '../../../src/cli/worker/runtime.ts';
import { HeldError, UserError } from '../../../src/core/errors.ts';
import type { StartCron } from '../../../src/scheduler/start-cron.ts';
import { openJournalReader } from '../../../src/store/open-journal.ts';
import { sandboxAlarmClients } from '../../alarms/sandbox-clients.ts';
import { RehearsedFleet } from '../../pipeline/rehearsed-runtime.ts';
import { latencyP99 } from '../../support/latency-alarm.ts';

const MINUTE = 60_000;
const CENTRAL = '111122223333';
const IDENTITY = '444455556666';
const GO = new AbortController().signal;
const HISTORY_END = Date.UTC(2026, 10, 3, 10, 0, 0);

let fleet: RehearsedFleet;
const open: Runtime[] = [];
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 10,
    ratePerSecond: 1,
    historyToMs: HISTORY_END,
    incident: { beforeEndMs: 6 * MINUTE, lengthMs: 3 * MINUTE },
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

const alarmClients = () => sandboxAlarmClients({ clock: fleet.clock });

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

/** The P99 alarm of one stage as `alarms apply` makes it, put before its backend became slow; time has gone on since. */
async function slowBackend(): Promise<void> {
  const clients = alarmClients();
  fleet.rehearsal.clock.steer(HISTORY_END - 8 * MINUTE);
  await clients.putAlarm({
    account: CENTRAL,
    region: 'eu-west-1',
    signal: GO,
    kind: 'metric_alarm',
    name: 'core/orders-api/prod/p99',
    properties: {
      ...latencyP99('orders-api'),
      EvaluationPeriods: 2,
      Threshold: 5_000,
      AlarmDescription: describeAlarm({
        id: 'core/p99[orders-api/prod]',
        summary: 'Orders answers slowly',
        owner: 'payments',
        runbook: 'https://wiki.bank.example/slow',
      }),
    },
    tags: { severity: 'page' },
  });
  fleet.rehearsal.clock.steer(fleet.nowMs);
  clients.close();
}

/** What `gatewatch audit show ID` prints. */
async function shown(journal: string, id: string): Promise<string> {
  const printed: string[] = [];
  const context = {
    ...createSystemContext(),
    cwd: fleet.folder,
    stdout: { write: (text: string) => printed.push(text) },
  };
  const audit = createAuditCommand(context, openJournalReader);
  await audit.parseAsync(['show', '--journal', journal, '--', id], { from: 'user' });
  return printed.join('');
}

it('a slow backend is told once, over a restart too, with its reason, whose it is and the very requests, as one problem', async () => {
  await slowBackend();
  const runtime = await following('slow.db');
  expect(await runtime.worker.once(AbortSignal.timeout(60_000))).toEqual([]);
  const rows = await runtime.journal.readStream('alarms', 0, 100);
  const records = rows.flatMap(({ record }) => (record.kind === 'alarm' ? [record] : []));
  const [, opened, closed] = records;
  expect(records.map(({ toState, problemStatus }) => [toState, problemStatus])).toEqual([
    ['OK', undefined],
    ['ALARM', 'opened'],
    ['OK', 'closed'],
  ]);
  const card = {
    apiName: 'orders-api',
    stage: 'prod',
    owner: 'payments',
    runbook: 'https://wiki.bank.example/slow',
  };
  expect(opened).toMatchObject({
    ...card,
    severity: 'page',
    reason: expect.stringMatching(
      /^P99 latency of orders-api\/prod was up to [\d.]+ s, above 5 s, in 2 of 2 periods of 1 minute$/,
    ),
  });
  const samples = opened?.sampleRecordIds ?? [];
  expect(samples.length).toBe(5);
  for (const id of samples) {
    const [sample] = await runtime.journal.query({ recordId: id, limit: 1, revisions: 'latest' });
    expect(sample?.record).toMatchObject({ kind: 'request', apiName: 'orders-api', stage: 'prod' });
    expect(sample?.eventMs).toBeGreaterThan(HISTORY_END - 7 * MINUTE);
    expect(sample?.eventMs).toBeLessThan(opened?.eventMs ?? 0);
    expect(await shown('slow.db', id)).toContain('on orders-api, stage prod');
  }
  await open.pop()?.close();
  const second = await following('slow.db');
  expect(await second.worker.once(AbortSignal.timeout(60_000))).toEqual([]);
  expect(await second.journal.readStream('alarms', 0, 100)).toHaveLength(3);
  const ids = rows.map(({ eventId }) => eventId);
  expect(arrived('core/orders-api/prod/p99')).toEqual({ splunk: ids, dynatrace: ids });
  const problems = await (await fetch(`${fleet.rehearsal.sandbox.url}/_sandbox/problems`)).text();
  expect(
    problems
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    expect.objectContaining({
      title: 'core/orders-api/prod/p99 fired',
      startMs: opened?.eventMs,
      endMs: closed?.eventMs,
      ended: true,
      properties: expect.objectContaining({
        'gatewatch.alarm.reason': opened?.reason,
        'gatewatch.alarm.owner': card.owner,
        'gatewatch.alarm.runbook': card.runbook,
        'aws.apigateway.api_name': card.apiName,
        'aws.apigateway.stage': card.stage,
        'gatewatch.alarm.sample_record_ids': samples.join(' '),
      }),
    }),
  ]);
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
