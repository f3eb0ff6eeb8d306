import { sha256Id } from '../../src/core/hash.ts';
import type { AlarmRecord } from '../../src/model/alarm-record.ts';
import type { JournalEntry, JournalRecord } from '../../src/model/journal.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { RequestRecord, UnparsedRecord } from '../../src/model/request-record.ts';
import { streamOf } from '../../src/store/journal-entry.ts';

/** 2026-11-03T10:00:00.000Z: the fixed "now" of the sink tests. */
export const NOW_MS = 1_793_700_000_000;

export function requestRecord(n: number, changes: Partial<RequestRecord> = {}): RequestRecord {
  const eventMs = NOW_MS - 60_000 + n;
  const recordId = sha256Id(`request\n${n}`);
  return {
    kind: 'request',
    recordId,
    eventId: sha256Id(`event\n${n}`),
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    apiId: 'a1b2c3d4e5',
    apiName: 'orders-api',
    stage: 'prod',
    protocol: 'REST',
    eventMs,
    ingestionMs: eventMs + 2_000,
    readMs: eventMs + 20_000,
    authorizerKind: 'lambda_request',
    authorizerId: 'auth01',
    decisionRequestId: `11111111-2222-4333-8444-${String(n).padStart(12, '0')}`,
    decision: 'allow',
    decisionReason: 'token valid',
    decisionSource: 'authorizer_log',
    principal: `psn_k1_${sha256Id(`principal ${n % 50}`).slice(0, 22)}`,
    customer: `psn_k1_${sha256Id(`customer ${n % 20}`).slice(0, 22)}`,
    customerSource: 'authorizer_context',
    outcome: 'matched',
    joinKey: 'authorizer_request_id',
    invocationDurationMs: 12.34,
    requestId: `aaaaaaaa-bbbb-4ccc-8ddd-${String(n).padStart(12, '0')}`,
    extendedRequestId: `${sha256Id(`ext ${n}`).slice(0, 15)}=`,
    method: 'GET',
    path: `/orders/${n}`,
    route: '/orders/{id}',
    protocolVersion: 'HTTP/1.1',
    domainName: 'api.example.com',
    status: 200,
    responseLengthBytes: 1_234,
    responseLatencyMs: 87,
    sourceIp: '203.0.113.7',
    userAgent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
    integrationStatus: '200',
    integrationLatencyMs: 61,
    authorizerStatus: '200',
    authorizerLatencyMs: 17,
    parts: [
      {
        role: 'access',
        account: '111122223333',
        region: 'eu-west-1',
        logGroup: '/aws/apigw/orders',
        logStream: 'b0c1d2',
        eventId: `3770000000000000${n}`,
        timestampMs: eventMs,
        ingestionMs: eventMs + 2_000,
      },
      {
        role: 'authorizer',
        account: '111122223333',
        region: 'eu-west-1',
        logGroup: '/aws/lambda/orders-authorizer',
        logStream: '2026/11/03/[$LATEST]aabbccddeeff00112233445566778899',
        eventId: `3780000000000000${n}`,
        timestampMs: eventMs - 20,
        ingestionMs: eventMs + 1_000,
      },
    ],
    ...changes,
  };
}

export function metricRecord(n: number, changes: Partial<MetricRecord> = {}): MetricRecord {
  const eventMs = NOW_MS - 10 * 60_000;
  return {
    kind: 'metric',
    recordId: sha256Id(`metric\n${n}`),
    eventId: sha256Id(`metric event\n${n}`),
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    namespace: 'AWS/ApiGateway',
    metricName: 'Latency',
    dimensions: { ApiName: `orders-${n}`, Stage: 'prod' },
    protocol: 'REST',
    apiId: 'a1b2c3d4e5',
    apiName: `orders-${n}`,
    stage: 'prod',
    periodS: 60,
    unit: 'ms',
    eventMs,
    readMs: NOW_MS - 5 * 60_000,
    values: { p50: 20.5, p95: 80, p99: 120.25, Average: 31.5, SampleCount: 42 },
    ...changes,
  };
}

export function unparsedRecord(n: number, changes: Partial<UnparsedRecord> = {}): UnparsedRecord {
  const eventMs = NOW_MS - 30_000;
  return {
    kind: 'unparsed',
    recordId: sha256Id(`line\n${n}`),
    eventId: sha256Id(`line event\n${n}`),
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    logGroup: '/aws/apigw/orders',
    role: 'access',
    eventMs,
    ingestionMs: eventMs + 500,
    readMs: eventMs + 10_000,
    unparsed: true,
    problem: 'no known format: stopped at column 3',
    raw: `{"broken": -, line ${n}`,
    rawSha256: 'ab'.repeat(32),
    rawLength: 20,
    parts: [
      {
        role: 'access',
        account: '111122223333',
        region: 'eu-west-1',
        logGroup: '/aws/apigw/orders',
        logStream: 's',
        eventId: `9${n}`,
        timestampMs: eventMs,
        ingestionMs: eventMs + 500,
      },
    ],
    ...changes,
  };
}

export function alarmRecord(n: number, changes: Partial<AlarmRecord> = {}): AlarmRecord {
  const eventMs = NOW_MS - 60_000 + n;
  return {
    kind: 'alarm',
    recordId: sha256Id(`alarm\n${n}`),
    eventId: sha256Id(`alarm event\n${n}`),
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    apiId: 'a1b2c3d4e5',
    apiName: 'orders-api',
    stage: 'prod',
    eventMs,
    readMs: eventMs + 20_000,
    alarmName: 'orders-api/prod p99',
    alarmType: 'metric',
    problemId: 'problem-1',
    problemStatus: 'opened',
    fromState: 'OK',
    toState: 'ALARM',
    reason: 'P99 latency of orders-api/prod was 6.2 s, above 5 s, in 3 of 3 periods of 5 minutes',
    severity: 'page',
    owner: 'payments',
    runbook: 'https://wiki.bank.example/slow',
    alarmId: 'apis/p99[orders-api/prod]',
    sampleRecordIds: ['r1', 'r2'],
    ...changes,
  };
}

export function entryOf(seq: number, record: JournalRecord): JournalEntry {
  const { recordId, eventId, revision, eventMs } = record;
  const stream = streamOf(record);
  return { seq, stream, recordId, eventId, revision, eventMs, body: JSON.stringify(record), record };
}

export function requestEntries(count: number, changes: Partial<RequestRecord> = {}): JournalEntry[] {
  return Array.from({ length: count }, (_, n) => entryOf(n + 1, requestRecord(n, changes)));
}
