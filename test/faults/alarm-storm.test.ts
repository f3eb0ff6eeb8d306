import { afterEach, beforeEach, expect, it } from 'vitest';
import { applyPlan } from '../../src/alarms/apply-plan.ts';
import { readDescription } from '../../src/alarms/describe-alarm.ts';
import { planAlarms } from '../../src/alarms/plan-alarms.ts';
import { DriftCheck } from '../../src/cli/worker/drift-check.ts';
import type { AlarmRecord } from '../../src/model/alarm-record.ts';
import { AlarmUnit } from '../../src/pipeline/alarm-unit.ts';
import { createRedactor } from '../../src/redact/redactor.ts';
import { createAlarmChangesSource } from '../../src/sources/alarm-changes/alarm-changes-source.ts';
import { createAlarmRecords, createAlarmStates } from '../../src/sources/alarm-changes/alarm-records.ts';
import { alarmAccount, scope } from '../alarms/alarm-account.ts';
import { filesOf, setWith, stage } from '../alarms/files.ts';
import { ReadingRig } from '../pipeline/reading-rig.ts';
import { smallWorld } from '../sandbox/small-world.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';

const MINUTE = 60_000;
const STAGES = 12;
const ALARMS = 2 * STAGES;
const SLOW =
  '{ id: slow, metric: latency, ExtendedStatistic: p99, Period: 60, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 2, TreatMissingData: notBreaching }';
const FILES = filesOf(
  setWith(`${SLOW}\n    - ${SLOW.replace('id: slow', 'id: blind').replace('notBreaching', 'missing')}`),
);

let rig: ReadingRig;
beforeEach(async () => {
  rig = await ReadingRig.start();
});
afterEach(() => rig.dispose());

/** Two alarms for each of many stages, applied; the test says how slow all of them are, and whether anybody calls them. */
async function watched() {
  const history = new Map<number, number | undefined>();
  const stages = Array.from({ length: STAGES }, (_, n) => stage(`api${n}`, scope));
  const world = {
    ...smallWorld(),
    series: stages.map(({ apiName }) => ({
      ...scope,
      namespace: 'AWS/ApiGateway',
      metricName: 'Latency',
      dimensions: { ApiName: apiName, Stage: 'prod' },
    })),
    points: (_: unknown, _stat: string, periodS: number, fromMs: number, toMs: number, nowMs: number) => {
      const points = [];
      for (let timestampMs = fromMs; timestampMs < Math.min(toMs, nowMs); timestampMs += periodS * 1_000) {
        const value = history.has(timestampMs) ? history.get(timestampMs) : 40;
        if (value !== undefined) points.push({ timestampMs, value });
      }
      return points;
    },
  };
  const account = await alarmAccount({ world, clock: { now: () => rig.clock.now() } });
  const { clients, signal } = account;
  const inventory = { stages, complete: true, problems: [], readMs: 0 };
  const plan = () => planAlarms({ files: FILES, inventory, clients, scopes: [scope], signal });
  const apply = async () => applyPlan({ clients, changes: (await plan()).changes, signal });
  const states = async () => {
    const found = new Map<string, string>();
    for await (const page of clients.describeAlarms({ ...scope, signal })) {
      for (const { name, state } of page) found.set(name, state);
    }
    return found;
  };
  /** Minutes with one latency, milliseconds; undefined: without a request. */
  const pass = async (minutes: number, latencyMs: number | undefined) => {
    for (let n = 0; n < minutes; n += 1) {
      history.set(Math.floor(rig.clock.now() / MINUTE) * MINUTE, latencyMs);
      rig.clock.skip(MINUTE);
      await states();
    }
  };
  const poll = () => {
    const { ingest, journal, clock } = rig;
    const makeRecords = createAlarmRecords({
      ...scope,
      client: clients,
      stages: () => stages,
      redactor: createRedactor({ keys: [], pseudonymise: [] }),
      readCard: readDescription,
      samplesOf: async () => [],
      clock,
    });
    const source = createAlarmChangesSource({ ...scope, client: clients });
    const now = createAlarmStates({ ...scope, client: clients });
    return new AlarmUnit({ source, makeRecords, states: now, ingest, journal, clock }).poll(signal);
  };
  expect(await apply()).toEqual({ done: ALARMS, failures: [], skipped: 0 });
  await pass(4, 40);
  return { ...account, inventory, plan, apply, states, pass, poll };
}

async function stored(): Promise<readonly AlarmRecord[]> {
  const rows = await rig.journal.readStream('alarms', 0, 10_000);
  return rows.flatMap(({ record }) => (record.kind === 'alarm' ? [record] : []));
}

/** Every change that CloudWatch made, as `time name from state to state`. */
async function changesIn(url: string): Promise<readonly string[]> {
  const text = await (await fetch(`${url}/_sandbox/alarms/history`)).text();
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return rows
    .filter(({ type }) => type === 'StateUpdate')
    .map(
      ({ atMs, alarmName, summary }) => `${atMs} ${alarmName} ${summary.replace('Alarm updated from ', '')}`,
    );
}

it('FT-41 an alarm storm: each change of each alarm is stored once over restarts, and an apply amid it writes nothing', async () => {
  const { pass, poll, apply, plan, states, sandbox, writes } = await watched();
  const written = writes();
  for (let wave = 0; wave < 3; wave += 1) {
    for (const latencyMs of [9_000, 40]) {
      for (let minute = 0; minute < 4; minute += 1) {
        await pass(1, latencyMs);
        await poll();
      }
      if (latencyMs === 40) continue;
      expect(new Set((await states()).values())).toEqual(new Set(['ALARM']));
      expect((await plan()).changes).toEqual([]);
      expect(await apply()).toEqual({ done: 0, failures: [], skipped: 0 });
      expect(new Set((await states()).values())).toEqual(new Set(['ALARM']));
      await rig.restart();
    }
  }
  expect(writes()).toBe(written);
  const told = (await stored()).map(
    ({ eventMs, alarmName, fromState, toState }) => `${eventMs} ${alarmName} ${fromState} to ${toState}`,
  );
  expect(told).toHaveLength(7 * ALARMS);
  expect([...told].sort()).toEqual([...(await changesIn(sandbox.url))].sort());
});

it('FT-41 definition drift amid a storm is reported for exactly what was changed, and only an apply sets it back', async () => {
  const { pass, apply, inventory, clients, signal, states, writes } = await watched();
  await pass(4, 9_000);
  const names = [...(await states()).keys()].sort();
  const [deleted = '', ...changed] = names.slice(0, 4);
  await clients.deleteAlarms({ ...scope, signal, names: [deleted] });
  for await (const page of clients.describeAlarms({ ...scope, signal, names: changed })) {
    for (const { name, kind, properties } of page) {
      await clients.putAlarm({
        ...scope,
        signal,
        kind,
        name,
        properties: { ...properties, Threshold: 1 },
        tags: {},
      });
    }
  }
  const logger = new RecordingLogger();
  const meter = new RecordingMeter();
  const check = new DriftCheck({
    loadFiles: () => FILES,
    inventory: () => inventory,
    client: clients,
    accounts: [{ accountId: scope.account, regions: [scope.region] }],
    clock: rig.clock,
    logger,
    meter,
  });
  const written = writes();
  for (let time = 0; time < 2; time += 1) await check.run(signal);
  expect(
    logger
      .at('warn')
      .map(({ fields }) => `${fields.drift} ${fields.name}`)
      .sort(),
  ).toEqual([...changed.map((name) => `changed ${name}`), `gone ${deleted}`].sort());
  expect(check.remark?.sentence).toMatch(/^4 alarms are not as applied/);
  expect(writes()).toBe(written);
  expect(await apply()).toMatchObject({ done: 4, failures: [] });
  await check.run(signal);
  expect(check.remark).toBeUndefined();
});

it('FT-41 no data is told apart from OK: by the state, the record and its words', async () => {
  const { pass, poll, states } = await watched();
  await poll();
  const before = (await stored()).length;
  await pass(10, undefined);
  await poll();
  const counts = new Map<string, number>();
  for (const [name, state] of await states()) {
    const key = `${name.split('/').at(-1)} ${state}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(Object.fromEntries(counts)).toEqual({ 'blind INSUFFICIENT_DATA': STAGES, 'slow OK': STAGES });
  const told = (await stored()).slice(before);
  expect(told).toHaveLength(STAGES);
  for (const record of told) {
    expect(record).toMatchObject({
      fromState: 'OK',
      toState: 'INSUFFICIENT_DATA',
      reason: expect.stringContaining('nothing to judge'),
    });
    expect(record).not.toHaveProperty('problemStatus');
  }
});
