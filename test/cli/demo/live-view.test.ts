import { expect, test } from 'vitest';
import { drawScreen, type ViewState } from '../../../src/cli/demo/live-view.ts';
import { Tally } from '../../../src/cli/demo/tally.ts';
import type { JournalEntry, JournalRecord } from '../../../src/model/journal.ts';
import type { RequestRecord } from '../../../src/model/request-record.ts';

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
  const lastError = 'FilterLogEvents failed in every attempt; it is read again later (connect ECONNREFUSED)';
  const units = [{ unit: 'logs:111122223333:eu-west-1:/apigw/orders', readThroughMs: 1, lastError }];
  const lines = drawScreen(stateOf(tally, units));
  expect(lines.length).toBeLessThan(24);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('the screen says which unit is in trouble and why', () => {
  const units = [
    { unit: 'logs:1', readThroughMs: 60_000 },
    { unit: 'logs:2', readThroughMs: 30_000, lastError: 'throttled' },
  ];
  const text = drawScreen(stateOf(new Tally(), units)).join('\n');
  expect(text).toContain('SOURCES 2 units, lag 30s; 0 metric points, 0 revisions');
  expect(text).toContain('1 in trouble: logs:2: throttled');
});
