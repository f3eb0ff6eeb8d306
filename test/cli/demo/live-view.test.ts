import { expect, test } from 'vitest';
import { drawLine, drawScreen, type ViewState } from '../../../src/cli/demo/live-view.ts';
import { Tally } from '../../../src/cli/demo/tally.ts';
import type { JournalEntry, JournalRecord } from '../../../src/model/journal.ts';
import type { RequestRecord } from '../../../src/model/request-record.ts';
import { alarmRecord } from '../../sinks/entries.ts';

const RECORD: RequestRecord = {
  kind: 'request',
  recordId: 'r1',
  eventId: 'e1',
  revision: 0,
  account: '111122223333',
  region: 'eu-west-1',
  apiId: 'a1',
  apiName: 'orders',
  stage: 'prod',
  protocol: 'REST',
  eventMs: 0,
  ingestionMs: 0,
  readMs: 0,
  authorizerKind: 'lambda_request',
  decision: 'allow',
  decisionSource: 'authorizer_log',
  customer: 'unknown',
  customerSource: 'unknown',
  outcome: 'authorizer_only',
  joinKey: 'none',
  parts: [],
};

function entryOf(record: JournalRecord): JournalEntry {
  const { recordId, eventId, revision, eventMs } = record;
  return { seq: 1, stream: 'records', recordId, eventId, revision, eventMs, body: '', record };
}

function stateOf(tally: Tally, units: ViewState['status']['units'] = []): ViewState {
  return {
    nowMs: 60_000,
    status: { inventory: undefined, units, lanes: [], backfillLanes: [], skippedRuns: 0 },
    tally,
    planned: [],
    pending: new Map(),
    url: 'http://127.0.0.1:4599',
  };
}

test('a request counts once: an invocation that its access line took over later counts no more', () => {
  const tally = new Tally();
  tally.take([entryOf(RECORD)]);
  expect(tally.outcomes.get('authorizer_only')).toBe(1);
  tally.take([
    entryOf({ ...RECORD, recordId: 'r2', outcome: 'matched' }),
    entryOf({ ...RECORD, eventId: 'e2', revision: 1, supersededBy: 'r2' }),
  ]);
  expect(tally.outcomes.get('authorizer_only')).toBe(0);
  expect(tally.outcomes.get('matched')).toBe(1);
  expect(tally.revisions).toBe(1);
});

test('the screen fits 80 columns and 24 rows however large the numbers and long the troubles are', () => {
  const tally = new Tally();
  tally.metrics = 123_456_789;
  tally.revisions = 123_456_789;
  for (let i = 0; i < 20; i += 1) {
    tally.outcomes.set(`outcome_${i}`, 1_000_000 + i);
    tally.latencies.set(`an-api-with-a-rather-long-name-${i}/prod`, {
      p95: 12_345.6,
      p99: 99_999.9,
      atMs: 0,
    });
  }
  const lastError =
    'FilterLogEvents failed in every attempt; a running worker reads it again by itself (connect ECONNREFUSED)';
  const units = [{ unit: 'logs:111122223333:eu-west-1:/apigw/orders', readThroughMs: 1, lastError }];
  const lines = drawScreen(stateOf(tally, units));
  expect(lines.length).toBeLessThan(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('the screen shows each alarm: its state, since when, whose it is and who was told', () => {
  const tally = new Tally();
  const oncall = 'arn:aws:sns:eu-west-1:111122223333:oncall';
  const planned = ['p99', 'user-impact', 'authorizer-failures'].map((id) => ({
    name: `demo/orders-api/prod/${id}`,
    topics: { ALARM: [oncall], OK: [], INSUFFICIENT_DATA: [] },
  }));
  const change = (alarmName: string, toState: 'ALARM' | 'OK', eventMs: number) =>
    entryOf(alarmRecord(1, { alarmName, toState, eventMs, eventId: `${alarmName}${eventMs}` }));
  tally.take([
    change('demo/orders-api/prod/p99', 'OK', 60_000),
    change('demo/orders-api/prod/p99', 'ALARM', 120_000),
    change('demo/orders-api/prod/user-impact', 'OK', 60_000),
  ]);
  const lines = drawScreen({ ...stateOf(tally), planned });
  const lineOf = (id: string) => lines.find((line) => line.startsWith(`demo/orders-api/prod/${id}`));
  expect(lineOf('p99')).toMatch(/ALARM +00:02:00 +payments +oncall$/);
  expect(lineOf('user-impact')).toMatch(/OK +00:01:00 +payments +nobody$/);
  expect(lineOf('authorizer-failures')).toMatch(/ -$/);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('the screen says which unit is in trouble and why', () => {
  const units = [
    { unit: 'logs:1', readThroughMs: 60_000 },
    { unit: 'logs:2', readThroughMs: 30_000, lastError: 'throttled' },
    { unit: 'metrics:1', readThroughMs: 10_000 },
  ];
  const text = drawScreen(stateOf(new Tally(), units)).join('\n');
  expect(text).toContain('SOURCES 3 units, lag 30s; 0 metric points, 0 revisions');
  expect(text).toContain('1 in trouble: logs:2: throttled');
  expect(drawLine(stateOf(new Tally(), units))).toMatch(/lag=30s 1 in trouble: logs:2: throttled$/);
  expect(drawLine(stateOf(new Tally()))).toMatch(/lag=unknown yet$/);
});

test('the screen and the line say that alarms are refused, for as long as they are', () => {
  const alarmsRefused = 'GetRestApis was denied';
  const refused = { ...stateOf(new Tally()), alarmsRefused };
  expect(drawScreen(refused)).toContain('ALARMS wait, tried again: GetRestApis was denied');
  expect(drawLine(refused)).toMatch(/ alarms=refused$/);
  expect(drawScreen(stateOf(new Tally())).join()).not.toContain('ALARMS');
});
