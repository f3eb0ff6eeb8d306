import {
  CloudWatchClient,
  SetAlarmStateCommand,
  type SetAlarmStateCommandInput,
} from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDescription } from '../../src/alarms/describe-alarm.ts';
import { HeldError } from '../../src/core/errors.ts';
import type { AlarmRecord } from '../../src/model/alarm-record.ts';
import type { Properties } from '../../src/model/managed-resource.ts';
import { sampleRequests } from '../../src/pipeline/alarm-samples.ts';
import { AlarmUnit } from '../../src/pipeline/alarm-unit.ts';
import { createRedactor } from '../../src/redact/redactor.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import type { SandboxSettings } from '../../src/sandbox/server.ts';
import { createAlarmChangesSource } from '../../src/sources/alarm-changes/alarm-changes-source.ts';
import { createAlarmRecords, createAlarmStates } from '../../src/sources/alarm-changes/alarm-records.ts';
import { alarmAccount, composite, latency, metricAlarm, scope } from '../alarms/alarm-account.ts';
import { requestRecord } from '../contract/journal-records.ts';
import { smallWorld } from '../sandbox/small-world.ts';
import { sdkSettings } from '../sandbox/started-sandbox.ts';
import { ReadingRig } from './reading-rig.ts';

const MINUTE = 60_000;
const UNIT = 'alarms:111122223333:eu-west-1';
const ALL = 1_000;

let rig: ReadingRig;
/** P99 latency of orders/prod in each minute, milliseconds. */
let latencyMs: number;
beforeEach(async () => {
  rig = await ReadingRig.start();
  latencyMs = 40;
});
afterEach(() => rig.dispose());

/** An account whose clock and latency the test steers, and what follows its alarms. */
async function followed(settings: Partial<SandboxSettings> = {}) {
  const history = new Map<number, number>();
  const world = {
    ...smallWorld(),
    points: (_: unknown, _stat: string, periodS: number, fromMs: number, toMs: number, nowMs: number) => {
      const points = [];
      for (let timestampMs = fromMs; timestampMs < Math.min(toMs, nowMs); timestampMs += periodS * 1_000) {
        points.push({ timestampMs, value: history.get(timestampMs) ?? 40 });
      }
      return points;
    },
  };
  const account = await alarmAccount({ world, clock: { now: () => rig.clock.now() }, ...settings });
  const { clients, signal } = account;
  const unit = () => {
    const { ingest, journal, clock } = rig;
    const redactor = createRedactor({ keys: [], pseudonymise: [] });
    const makeRecords = createAlarmRecords({
      ...scope,
      client: clients,
      stages: () => [],
      redactor,
      readCard: readDescription,
      samplesOf: (question) => sampleRequests(journal, question),
      clock,
    });
    const source = createAlarmChangesSource({ ...scope, client: clients });
    const states = createAlarmStates({ ...scope, client: clients });
    return new AlarmUnit({ source, makeRecords, states, ingest, journal, clock });
  };
  /** Lets minutes pass; the sandbox evaluates its alarms when it is asked anything. */
  const pass = async (minutes: number) => {
    for (let n = 0; n < minutes; n += 1) {
      history.set(Math.floor(rig.clock.now() / MINUTE) * MINUTE, latencyMs);
      rig.clock.skip(MINUTE);
      for await (const _ of clients.describeAlarms({ ...scope, signal }));
    }
  };
  const setState = async (input: SetAlarmStateCommandInput) => {
    const client = new CloudWatchClient(sdkSettings(account.sandbox));
    await client.send(new SetAlarmStateCommand(input)).finally(() => client.destroy());
  };
  return { ...account, unit, pass, setState, poll: () => unit().poll(signal) };
}

async function stored(): Promise<readonly AlarmRecord[]> {
  const rows = await rig.journal.readStream('alarms', 0, ALL);
  return rows.flatMap(({ record }) => (record.kind === 'alarm' ? [record] : []));
}

function described(properties: Properties = {}): Properties {
  const AlarmDescription =
    'Orders answers slowly\nOwner: payments\nRunbook: https://wiki.bank.example/slow\nId: apis/p99[orders/prod]';
  return { ...latency, AlarmDescription, ...properties };
}

/** Puts the P99 alarm, and lets it be judged well before it fires. */
async function firing(more: Awaited<ReturnType<typeof followed>>, name = 'p99') {
  const tags = { severity: 'page' };
  await more.clients.putAlarm({
    ...scope,
    signal: more.signal,
    kind: 'metric_alarm',
    name,
    properties: described(),
    tags,
  });
  await more.pass(4);
  latencyMs = 6_200;
  await more.pass(4);
}

describe('alarm changes', () => {
  it('become one record each, with the reason in a plain sentence, whose alarm it is and what to do', async () => {
    const account = await followed();
    await firing(account);
    expect(await account.poll()).toBe(2);
    const [well, fired] = await stored();
    expect(well).toMatchObject({ fromState: 'INSUFFICIENT_DATA', toState: 'OK' });
    expect(well).not.toHaveProperty('problemStatus');
    expect(fired).toMatchObject({
      ...scope,
      alarmName: 'p99',
      alarmType: 'metric',
      fromState: 'OK',
      toState: 'ALARM',
      problemStatus: 'opened',
      reason: 'P99 latency of orders/prod was 6.2 s, at or above 5 s, in 3 of 3 periods of 1 minute',
      apiName: 'orders',
      stage: 'prod',
      severity: 'page',
      owner: 'payments',
      runbook: 'https://wiki.bank.example/slow',
      alarmId: 'apis/p99[orders/prod]',
    });
  });

  it('are stored once, however often their span is read, and the position moves in the same commit', async () => {
    const account = await followed();
    await firing(account);
    const nowMs = rig.clock.now();
    await account.poll();
    expect(rig.commits.at(-1)).toMatchObject({ unit: UNIT, nextCheckpoint: { readThroughMs: nowMs } });
    expect(rig.commits.at(-1)?.records).toHaveLength(2);
    expect(await account.poll()).toBe(0);
    latencyMs = 40;
    await account.pass(4);
    expect(await account.poll()).toBe(1);
    expect((await stored()).map(({ toState }) => toState)).toEqual(['OK', 'ALARM', 'OK']);
  });

  it('are read again by a new worker without being stored again', async () => {
    const account = await followed();
    await firing(account);
    await account.poll();
    const before = await stored();
    await rig.restart();
    expect(await account.poll()).toBe(0);
    expect(await stored()).toEqual(before);
    latencyMs = 40;
    await account.pass(4);
    expect(await account.poll()).toBe(1);
  });

  it('name the slowest requests of the window, and none from before or after it', async () => {
    const account = await followed();
    const at = (id: string, eventMs: number, responseLatencyMs: number) => ({
      ...requestRecord({ recordId: id, eventId: `event-${id}` }),
      ...scope,
      apiName: 'orders',
      stage: 'prod',
      eventMs,
      responseLatencyMs,
    });
    const firesMs = rig.clock.now() + 8 * MINUTE;
    const slow = [6_100, 100, 6_900, 200, 6_300, 300, 400].map((ms) =>
      at(`t${ms}`, firesMs - 2 * MINUTE, ms),
    );
    const old = at('old', firesMs - 60 * MINUTE, 9_000);
    const next = at('next', firesMs + MINUTE, 9_000);
    const ledger = { unit: 'logs', window: { fromMs: 0, toMs: 1 }, read: 9, seen: 9, stored: 9 };
    const none = { quarantined: 0, filtered: 0, unparsed: 0 };
    await rig.ingest.commitRecords('logs', [...slow, old, next], { ...ledger, ...none }, undefined);
    await firing(account);
    await account.poll();
    const [well, fired] = await stored();
    expect(well).not.toHaveProperty('sampleRecordIds');
    expect(fired?.sampleRecordIds).toEqual(['t6900', 't6300', 't6100', 't400', 't300']);
  });

  it('of a composite name the alarms that made it fire', async () => {
    const account = await followed();
    await account.apply([metricAlarm('p99', { properties: described() }), composite('paging', ['p99'])]);
    await account.pass(4);
    latencyMs = 6_200;
    await account.pass(4);
    await account.poll();
    const paging = (await stored()).filter(({ alarmName }) => alarmName === 'paging');
    expect(paging.at(-1)).toMatchObject({ alarmType: 'composite', toState: 'ALARM', reason: 'p99 fired' });
  });

  it('of an alarm that was deleted meanwhile are told in the words of CloudWatch', async () => {
    const account = await followed();
    await firing(account);
    await account.clients.deleteAlarms({ ...scope, signal: account.signal, names: ['p99'] });
    await account.poll();
    const [, fired] = await stored();
    expect(fired?.reason).toMatch(/^Threshold Crossed: 3 out of the last 3 datapoints/);
    expect(fired).not.toHaveProperty('owner');
  });

  it('are redacted like everything that comes from outside', async () => {
    const account = await followed();
    await firing(account, 'p99 of jane.doe@bank.example');
    await account.poll();
    const rows = await rig.journal.readStream('alarms', 0, ALL);
    expect(rows).toHaveLength(2);
    for (const { body } of rows) expect(body).not.toContain('jane.doe');
  });

  it('that may not be read hold their unit, leave nothing half stored, and are read once they may be', async () => {
    const account = await followed({ faults: parseFaults('denied') });
    await rig.clock.advance(0);
    const outcomes = [];
    for (let n = 0; n < 12; n += 1) {
      const outcome = await account.poll().catch((error: unknown) => error);
      outcomes.push(outcome);
      if (typeof outcome === 'number') break;
      expect(rig.ingest.checkpointOf(UNIT)).toBeUndefined();
    }
    expect(outcomes[0]).toBeInstanceOf(HeldError);
    expect(String(outcomes[0])).toContain('cloudwatch:DescribeAlarmHistory');
    expect(outcomes.at(-1)).toBe(0);
    expect(rig.ingest.readWholeThrough(UNIT)).toBe(rig.clock.now());
  });

  it('that go on are told again each half hour, under the problem that they opened, also over a restart', async () => {
    const account = await followed();
    await firing(account);
    await account.poll();
    await account.pass(31);
    expect(await account.poll()).toBe(1);
    expect(await account.poll()).toBe(0);
    await rig.restart();
    await account.pass(30);
    expect(await account.poll()).toBe(1);
    latencyMs = 40;
    await account.pass(4);
    await account.poll();
    const [, opened, ...later] = await stored();
    const { eventId: openedEventId, eventMs: openedMs, reason: openedReason } = opened ?? {};
    expect(later).toMatchObject([
      { problemStatus: 'refreshed', eventMs: (openedMs ?? 0) + 30 * MINUTE },
      { problemStatus: 'refreshed', reason: `Still firing after 1h: ${openedReason}` },
      { problemStatus: 'closed', toState: 'OK' },
    ]);
    for (const record of later) {
      expect(record).toMatchObject({ openedEventId, openedMs, openedReason, owner: 'payments' });
      expect(record.problemId).toBe(opened?.problemId);
    }
    expect(new Set(later.map(({ eventId }) => eventId)).size).toBe(3);
    await account.pass(60);
    expect(await account.poll()).toBe(0);
  });

  it('that cannot be judged any more keep the problem open until it is well, as one problem', async () => {
    const account = await followed();
    await account.apply([metricAlarm('p99', { properties: described() })]);
    for (const StateValue of [
      'OK',
      'ALARM',
      'INSUFFICIENT_DATA',
      'ALARM',
      'INSUFFICIENT_DATA',
      'OK',
    ] as const) {
      await account.setState({ AlarmName: 'p99', StateValue, StateReason: 'by hand' });
      rig.clock.skip(1_000);
      await account.poll();
    }
    const records = await stored();
    expect(records.map(({ toState, problemStatus }) => `${toState} ${problemStatus}`)).toEqual([
      'OK undefined',
      'ALARM opened',
      'INSUFFICIENT_DATA refreshed',
      'ALARM refreshed',
      'INSUFFICIENT_DATA refreshed',
      'OK closed',
    ]);
    expect(new Set(records.map(({ problemId }) => problemId)).size).toBe(1);
  });

  it('end the problem of an alarm that is deleted while it fires', async () => {
    const account = await followed();
    await firing(account);
    await account.poll();
    await account.clients.deleteAlarms({ ...scope, signal: account.signal, names: ['p99'] });
    rig.clock.skip(31 * MINUTE);
    expect(await account.poll()).toBe(1);
    expect((await stored()).at(-1)).toMatchObject({
      problemStatus: 'closed',
      owner: 'payments',
      reason: 'The alarm was deleted while it fired',
    });
    rig.clock.skip(31 * MINUTE);
    expect(await account.poll()).toBe(0);
  });

  it('older than CloudWatch keeps them are a gap in the record', async () => {
    const account = await followed();
    await account.poll();
    const stoppedMs = rig.clock.now();
    rig.clock.skip(20 * 24 * 60 * MINUTE);
    await account.poll();
    expect(await rig.journal.gaps()).toMatchObject([
      { unit: UNIT, fromMs: stoppedMs, toMs: rig.clock.now() - 14 * 24 * 60 * MINUTE },
    ]);
  });
});
