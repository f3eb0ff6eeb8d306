import { createHash } from 'node:crypto';
import type { Journal, JournalRecord, WindowCommit } from '../../src/model/journal.ts';
import type { RecordPart, RequestRecord } from '../../src/model/request-record.ts';

export const UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';

/** A commit of records alone, without moving the checkpoint. */
export function recordsOnly(epoch: number, records: readonly JournalRecord[]): WindowCommit {
  return { unit: UNIT, epoch, expectedVersion: 0, seen: [], records, state: [], gaps: [], nowMs: 0 };
}

export async function commitRecords(journal: Journal, records: readonly JournalRecord[]): Promise<void> {
  const result = await journal.commitWindow(recordsOnly(journal.epoch, records));
  if (result.kind === 'fenced') throw new Error(`Expected a commit, got fenced: ${result.reason}`);
}

/** The n-th of a series of records of realistic size: 500 customers, 50,000 principals, 50 requests per second. */
export function nthRecord(n: number): RequestRecord {
  const lambdaRequestId = `0f0e7c1c-6f0f-4ab3-9b51-${String(n).padStart(12, '0')}`;
  const eventMs = Date.UTC(2026, 10, 1) + n * 20;
  return {
    kind: 'request',
    recordId: idOf(`record ${n}`),
    eventId: idOf(`event ${n}`),
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    apiId: 'a1b2c3d4e5',
    apiName: 'orders',
    stage: 'prod',
    protocol: 'REST',
    eventMs,
    ingestionMs: eventMs + 3_000,
    readMs: eventMs + 13_000,
    requestId: lambdaRequestId,
    extendedRequestId: idOf(`extended ${n}`).slice(0, 16),
    method: 'GET',
    path: `/orders/${n}`,
    route: 'GET /orders/{id}',
    status: 200,
    responseLatencyMs: n % 300,
    sourceIp: '203.0.113.7',
    userAgent: 'orders-client/1.4',
    authorizerKind: 'lambda_request',
    decision: 'allow',
    decisionSource: 'authorizer_log',
    customer: nthCustomer(n % 500),
    customerSource: 'authorizer_context',
    outcome: n % 7 === 0 ? 'cached_decision' : 'matched',
    joinKey: 'authz_request_id',
    parts: [part(n, eventMs)],
    decisionRequestId: lambdaRequestId,
    principal: nthPrincipal(n % 50_000),
  };
}

function part(n: number, timestampMs: number): RecordPart {
  return {
    role: 'access',
    account: '111122223333',
    region: 'eu-west-1',
    logGroup: '/apigw/orders',
    logStream: 'stream',
    eventId: String(n).padStart(56, '3'),
    timestampMs,
    ingestionMs: timestampMs + 3_000,
  };
}

export function nthCustomer(n: number): string {
  return `psn_k1_${idOf(`customer ${n}`).slice(0, 22)}`;
}

export function nthPrincipal(n: number): string {
  return `psn_k1_${idOf(`principal ${n}`).slice(0, 22)}`;
}

export function series(from: number, to: number): readonly RequestRecord[] {
  return Array.from({ length: to - from }, (_, index) => nthRecord(from + index));
}

function idOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
