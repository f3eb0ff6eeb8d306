import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { AlarmRecord } from '../../../src/model/alarm-record.ts';
import type { Sink } from '../../../src/model/sink.ts';
import { createDynatraceOtlpSink } from '../../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import {
  createDynatraceOtlpSettings,
  type DynatraceOtlpSettings,
  eventsUrlOf,
} from '../../../src/sinks/dynatrace/otlp-settings.ts';
import { html, json, type Reply } from '../../http/local-server.ts';
import { alarmRecord, entryOf, NOW_MS } from '../entries.ts';
import { NEVER, PARTS } from '../sink-harness.ts';
import { errorEnvelope, type FakeOtlp, startFakeOtlp } from './fake-otlp.ts';

const HOUR = 3_600_000;

let otlp: FakeOtlp;
const sinks: Sink[] = [];
beforeEach(async () => {
  otlp = await startFakeOtlp();
});
afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
  await otlp.close();
});

function send(
  records: readonly AlarmRecord[],
  changes: Partial<DynatraceOtlpSettings> = {},
  now = () => NOW_MS,
) {
  const settings = createDynatraceOtlpSettings({
    url: otlp.server.url,
    token: new Secret('good'),
    timeoutMs: 5_000,
    ...changes,
  });
  const sink = createDynatraceOtlpSink({
    ...PARTS,
    clock: { ...PARTS.clock, now },
    name: 'dt',
    settings,
  });
  sinks.push(sink);
  return sink.send(
    records.map((record, index) => entryOf(index + 1, record)),
    NEVER,
  );
}

const opened = alarmRecord(1);
const { problemStatus: _, ...withoutProblem } = opened;
/** What comes later of the problem that `opened` began. */
function later(n: number, changes: Partial<AlarmRecord>): AlarmRecord {
  return alarmRecord(n, {
    openedMs: opened.eventMs,
    openedEventId: opened.eventId,
    openedReason: opened.reason,
    openedSampleRecordIds: opened.sampleRecordIds ?? [],
    reason: 'something else by now',
    sampleRecordIds: [],
    ...changes,
  });
}

describe('an alarm that fires', () => {
  it('opens a problem that says why, whose it is, what to do and which requests show it', async () => {
    expect(await send([opened])).toMatchObject({ accepted: [1] });
    expect(otlp.events).toEqual([
      {
        eventType: 'CUSTOM_ALERT',
        title: 'orders-api/prod p99 fired',
        timeMs: opened.eventMs,
        timeout: 60,
        attributes: {
          event_id: opened.eventId,
          'cloud.account.id': '111122223333',
          'cloud.region': 'eu-west-1',
          'aws.apigateway.api_id': 'a1b2c3d4e5',
          'aws.apigateway.api_name': 'orders-api',
          'aws.apigateway.stage': 'prod',
          'gatewatch.alarm.name': 'orders-api/prod p99',
          'gatewatch.alarm.type': 'metric',
          'gatewatch.problem.id': 'problem-1',
          'gatewatch.alarm.reason': opened.reason,
          'gatewatch.alarm.severity': 'page',
          'gatewatch.alarm.owner': 'payments',
          'gatewatch.alarm.runbook': 'https://wiki.bank.example/slow',
          'gatewatch.alarm.id': 'apis/p99[orders-api/prod]',
          'gatewatch.alarm.sample_record_ids': 'r1 r2',
        },
      },
    ]);
    expect(otlp.logs).toHaveLength(1);
  });

  it('refreshes it with the same payload, and closes it with that and an end', async () => {
    const refreshed = later(2, { problemStatus: 'refreshed' });
    const closed = later(3, { problemStatus: 'closed', toState: 'OK' });
    expect(await send([opened, refreshed, closed])).toMatchObject({ accepted: [1, 2, 3] });
    const [first, second, third] = otlp.events;
    expect(second).toEqual(first);
    const { timeout: _timeout, ...rest } = first ?? {};
    expect(third).toEqual({ ...rest, endTime: closed.eventMs });
    expect(otlp.logs.map(({ attributes }) => attributes['gatewatch.alarm.reason'])).toEqual([
      opened.reason,
      'something else by now',
      'something else by now',
    ]);
  });

  it('begins no earlier than Dynatrace takes, however long it lasts', async () => {
    await send([later(2, { problemStatus: 'refreshed', openedMs: NOW_MS - 20 * HOUR })]);
    expect(otlp.events[0]?.timeMs).toBeGreaterThan(NOW_MS - 6 * HOUR);
  });
});

describe('a problem that is sent long after its batch was encoded', () => {
  /** The clock of a host that sleeps that long while the first answer is on its way. */
  function clockThatSleeps(ms: number): () => number {
    let nowMs = NOW_MS;
    otlp.refuse = () => {
      nowMs = NOW_MS + ms;
      return undefined;
    };
    return () => nowMs;
  }

  it('begins no earlier than Dynatrace takes then', async () => {
    const now = clockThatSleeps(HOUR);
    await send([later(2, { problemStatus: 'refreshed', openedMs: NOW_MS - 20 * HOUR })], {}, now);
    expect(otlp.events[0]?.timeMs).toBeGreaterThan(now() - 6 * HOUR);
  });

  it('is none any more when it is too old by then', async () => {
    expect(await send([opened], {}, clockThatSleeps(7 * HOUR))).toMatchObject({ accepted: [1] });
    expect([otlp.logs.length, otlp.events.length]).toEqual([1, 0]);
  });

  it('is left out when it is too old by then and would have gone out alone', async () => {
    const now = clockThatSleeps(7 * HOUR);
    const verdict = await send([opened, alarmRecord(2)], { logs: false }, now);
    expect(verdict).toMatchObject({ accepted: [1], filtered: [2], retry: [] });
    expect(otlp.events).toHaveLength(1);
  });
});

describe('a change that is no problem now', () => {
  it.each([
    ['without one', withoutProblem],
    ['that nobody saw begin', alarmRecord(1, { problemStatus: 'closed', toState: 'OK' })],
    ['from too long ago', alarmRecord(1, { eventMs: NOW_MS - 7 * HOUR })],
  ])('%s is a log record alone', async (_, record) => {
    expect(await send([record])).toMatchObject({ accepted: [1] });
    expect([otlp.logs.length, otlp.events.length]).toEqual([1, 0]);
  });

  it('is told as a log record alone where problems are turned off', async () => {
    expect(await send([opened], { problems: false })).toMatchObject({ accepted: [1] });
    expect([otlp.logs.length, otlp.events.length]).toEqual([1, 0]);
  });
});

it('a change whose log record went through is sent again while its problem did not', async () => {
  otlp.refuse = (_request, [item]) =>
    item?.attributes['gatewatch.alarm.name'] === 'second' ? errorEnvelope(503, 'busy') : undefined;
  const second = alarmRecord(2, { alarmName: 'second' });
  expect(await send([opened, second], { maxLogsPerBody: 1 })).toMatchObject({ accepted: [], retry: [1, 2] });
  expect(otlp.events).toEqual([]);
});

describe('an answer of the Events API', () => {
  const result = (status: string) => json(201, { reportCount: 1, eventIngestResults: [{ status }] });
  it.each<[string, Reply, object]>([
    ['201 with a refusal', result('INVALID_METADATA'), { rejected: [{ seq: 1 }] }],
    ['201 that tells no result', json(201, {}), { retry: [1] }],
    [
      '200 of somebody else',
      json(200, { eventIngestResults: [{ status: 'OK' }] }),
      { retry: [1], retryReason: expect.stringContaining('201') },
    ],
    ['a page', html(502), { retry: [1] }],
    ['429', errorEnvelope(429, 'slow down'), { retry: [1] }],
    ['400', errorEnvelope(400, 'startTime is out of range'), { rejected: [{ seq: 1 }] }],
    [
      '403',
      errorEnvelope(403, 'Token is missing required scope. Use one of: events.ingest'),
      { retry: [1], held: { reason: expect.stringContaining('events.ingest') } },
    ],
  ])('%s decides about the change', async (_, reply, verdict) => {
    otlp.refuse = ({ path }) => (path === '/events/ingest' ? reply : undefined);
    expect(await send([opened])).toMatchObject({ accepted: [], ...verdict });
  });
});

it('events go beside the OTLP address, or where they are told to', () => {
  const url = 'https://abc12345.live.dynatrace.com/api/v2/otlp';
  expect(eventsUrlOf({ url })).toBe('https://abc12345.live.dynatrace.com/api/v2/events/ingest');
  expect(eventsUrlOf({ url: `${url}/` })).toBe('https://abc12345.live.dynatrace.com/api/v2/events/ingest');
  const eventsUrl = 'https://gate.example/e/abc/api/v2/events/ingest';
  expect(eventsUrlOf({ url, eventsUrl })).toBe(eventsUrl);
});
