import type { LaneId } from '../../src/model/journal.ts';
import type { MetricRecord } from '../../src/model/metric-record.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';

export function requestRecord(fields: Partial<RequestRecord>): RequestRecord {
  return {
    kind: 'request',
    recordId: 'record',
    eventId: 'event',
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    apiId: 'a1b2c3d4e5',
    apiName: 'orders',
    stage: 'prod',
    protocol: 'REST',
    eventMs: 30_000,
    ingestionMs: 31_000,
    readMs: 40_000,
    authorizerKind: 'lambda_request',
    decision: 'allow',
    decisionSource: 'authorizer_log',
    customer: 'C-1',
    customerSource: 'authorizer_context',
    outcome: 'matched',
    joinKey: 'authz_request_id',
    parts: [],
    ...fields,
  };
}

export function metricRecord(recordId: string): MetricRecord {
  return {
    kind: 'metric',
    recordId,
    eventId: `event of ${recordId}`,
    revision: 0,
    account: '111122223333',
    region: 'eu-west-1',
    namespace: 'AWS/ApiGateway',
    metricName: 'Latency',
    dimensions: { ApiName: 'orders', Stage: 'prod' },
    protocol: 'REST',
    periodS: 60,
    unit: 'ms',
    eventMs: 60_000,
    readMs: 300_000,
    values: { p50: 12.5, p99: 80 },
  };
}

export function lane(name: string): LaneId {
  return { sink: name, stream: 'records', class: 'live', name };
}
