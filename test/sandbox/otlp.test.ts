import { gzipSync } from 'node:zlib';
import type { HrTime } from '@opentelemetry/api';
import { ValueType } from '@opentelemetry/api';
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../src/sandbox/server.ts';
import { historyToMs, longestLagMs } from './small-world.ts';
import { startedSandbox } from './started-sandbox.ts';

const nowMs = historyToMs + longestLagMs;
const hr = (ms: number): HrTime => [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];

function otlpSandbox(): Promise<Sandbox> {
  return startedSandbox({
    dynatraceTokens: [{ token: 'dt' }, { token: 'metrics-only', scopes: ['metrics.ingest'] }],
  });
}

interface GaugePoint {
  readonly timeMs: number;
  readonly value: number;
  readonly attributes?: Record<string, string | number | boolean>;
}

function gauge(points: readonly GaugePoint[], name = 'gatewatch.latency.p99'): MetricData {
  return {
    descriptor: { name, description: '', unit: 'ms', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.DELTA,
    dataPointType: DataPointType.GAUGE,
    dataPoints: points.map(({ timeMs, value, attributes }) => ({
      startTime: hr(timeMs - 60_000),
      endTime: hr(timeMs),
      attributes: attributes ?? {},
      value,
    })),
  };
}

function monotonicSum(temporality: AggregationTemporality): MetricData {
  const [point] = gauge([{ timeMs: nowMs, value: 3 }]).dataPoints;
  return {
    descriptor: { name: 'gatewatch.count', description: '', unit: '1', valueType: ValueType.INT },
    aggregationTemporality: temporality,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints:
      point === undefined || typeof point.value !== 'number' ? [] : [{ ...point, value: point.value }],
  };
}

function metricsBody(...metrics: MetricData[]): Uint8Array {
  const request: ResourceMetrics = {
    resource: resourceFromAttributes({ 'cloud.provider': 'aws' }),
    scopeMetrics: [{ scope: { name: 'gatewatch', version: '1' }, metrics }],
  };
  return bytesOf(ProtobufMetricsSerializer.serializeRequest(request));
}

function bytesOf(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Error('the serializer gave nothing');
  return bytes;
}

function logsBody(
  ...records: { timeMs: number; attributes?: ReadableLogRecord['attributes'] }[]
): Uint8Array {
  const resource = resourceFromAttributes({ 'service.name': 'gatewatch' });
  const instrumentationScope = { name: 'gatewatch' };
  return bytesOf(
    ProtobufLogsSerializer.serializeRequest(
      records.map(({ timeMs, attributes }) => ({
        hrTime: hr(timeMs),
        hrTimeObserved: hr(timeMs + 5),
        severityText: 'INFO',
        body: 'GET /orders 200',
        resource,
        instrumentationScope,
        attributes: attributes ?? {},
        droppedAttributesCount: 0,
      })),
    ),
  );
}

async function post(
  sandbox: Sandbox,
  signal: 'metrics' | 'logs',
  body: Uint8Array,
  headers: Record<string, string> = {},
) {
  const response = await fetch(`${sandbox.url}/api/v2/otlp/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', authorization: 'Api-Token dt', ...headers },
    body: new Uint8Array(body),
  });
  return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
}

const errorOf = (answer: { bytes: Uint8Array }) =>
  JSON.parse(Buffer.from(answer.bytes).toString()).error.message;

describe('OTLP metrics', () => {
  it('records each point with its own time, value and dimensions, from plain and gzip bodies', async () => {
    const sandbox = await otlpSandbox();
    const timeMs = nowMs - 123_456;
    const point = { timeMs, value: 12.5, attributes: { api: 'orders', calls: 12, cached: true } };
    const body = metricsBody(gauge([point]));
    expect((await post(sandbox, 'metrics', body)).status).toBe(200);
    const packed = await post(sandbox, 'metrics', gzipSync(body), { 'content-encoding': 'gzip' });
    expect(packed).toEqual({ status: 200, bytes: new Uint8Array() });
    const stored = {
      receivedMs: nowMs,
      kind: 'metric',
      name: 'gatewatch.latency.p99',
      unit: 'ms',
      type: 'gauge',
      attributes: point.attributes,
      timeMs,
      startMs: timeMs - 60_000,
      value: 12.5,
    };
    expect([...sandbox.acceptedItems()]).toEqual([
      { n: 0, ...stored },
      { n: 1, ...stored },
    ]);
  });

  it('accepts the fresh points beside those older than an hour and says how many it dropped', async () => {
    const sandbox = await otlpSandbox();
    const points = [nowMs - 3_600_001, nowMs - 3_600_000, nowMs].map((timeMs) => ({ timeMs, value: 1 }));
    const answer = await post(sandbox, 'metrics', metricsBody(gauge(points)));
    expect(answer.status).toBe(200);
    expect(ProtobufMetricsSerializer.deserializeResponse(answer.bytes).partialSuccess).toEqual({
      rejectedDataPoints: 1,
      errorMessage: 'TIMESTAMP_TOO_OLD (1)',
    });
    expect([...sandbox.acceptedItems()].map((item) => item.timeMs)).toEqual([nowMs - 3_600_000, nowMs]);
  });

  it('answers 400 when every point is invalid: a cumulative counter, an old point, a value that is no number', async () => {
    const sandbox = await otlpSandbox();
    const bad = [
      monotonicSum(AggregationTemporality.CUMULATIVE),
      gauge([{ timeMs: nowMs - 7_200_000, value: 1 }]),
      gauge([{ timeMs: nowMs, value: Number.NaN }]),
    ];
    const answer = await post(sandbox, 'metrics', metricsBody(...bad));
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toContain('UNSUPPORTED_METRIC_TYPE_MONOTONIC_CUMULATIVE_SUM (1)');
    expect(errorOf(answer)).toContain('TIMESTAMP_TOO_OLD (1)');
    expect(errorOf(answer)).toContain('INVALID_VALUE (1)');
    expect([...sandbox.acceptedItems()]).toEqual([]);
    const delta = await post(sandbox, 'metrics', metricsBody(monotonicSum(AggregationTemporality.DELTA)));
    expect(delta.status).toBe(200);
    expect([...sandbox.acceptedItems()]).toMatchObject([{ type: 'counter', value: 3 }]);
  });

  it('stores dimensions as Dynatrace does and counts what it altered', async () => {
    const sandbox = await otlpSandbox();
    const attributes = { 'My:Key': 'v', ratio: 12.5, long: 'x'.repeat(300) };
    await post(
      sandbox,
      'metrics',
      metricsBody(gauge([{ timeMs: nowMs, value: 1, attributes }], '9 bad/name')),
    );
    const [item] = sandbox.acceptedItems();
    expect(item).toMatchObject({ name: '__bad_name', attributes: { my_key: 'v', long: 'x'.repeat(255) } });
    expect(item?.attributes).not.toHaveProperty('ratio');
    expect(sandbox.counts.toJSON()).toMatchObject({
      'otlp.dimension_dropped': 1,
      'otlp.dimension_renamed': 1,
      'otlp.dimension_truncated': 1,
      'otlp.outer_attribute_dropped': 1,
    });
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`d${n}`, 'x']));
    const refused = await post(
      sandbox,
      'metrics',
      metricsBody(gauge([{ timeMs: nowMs, value: 1, attributes: many }])),
    );
    expect(errorOf(refused)).toContain('TOO_MANY_DIMENSIONS');
  });

  it('drops a whole request above 15,000 points or 4 MB with 413', async () => {
    const sandbox = await otlpSandbox();
    const points = Array.from({ length: 15_001 }, (_, n) => ({ timeMs: nowMs - n, value: n }));
    expect((await post(sandbox, 'metrics', metricsBody(gauge(points)))).status).toBe(413);
    const wide = Array.from({ length: 5_000 }, () => ({
      timeMs: nowMs,
      value: 1,
      attributes: { a: 'x'.repeat(900) },
    }));
    const packed = await post(sandbox, 'metrics', gzipSync(metricsBody(gauge(wide))), {
      'content-encoding': 'gzip',
    });
    expect(packed.status).toBe(413);
    expect([...sandbox.acceptedItems()]).toEqual([]);
  });
});

describe('OTLP logs', () => {
  it('records time, body and attributes of record and resource', async () => {
    const sandbox = await otlpSandbox();
    const attributes = { 'http.response.status_code': 200, event_id: 'e1' };
    const answer = await post(sandbox, 'logs', logsBody({ timeMs: nowMs - 1_000, attributes }));
    expect(answer).toEqual({ status: 200, bytes: new Uint8Array() });
    expect([...sandbox.acceptedItems()]).toEqual([
      {
        n: 0,
        kind: 'log',
        receivedMs: nowMs,
        timeMs: nowMs - 1_000,
        observedMs: nowMs - 995,
        severityText: 'INFO',
        body: 'GET /orders 200',
        attributes: { 'service.name': 'gatewatch', ...attributes },
      },
    ]);
  });

  it('fails the whole batch for one record older than 24 hours', async () => {
    const sandbox = await otlpSandbox();
    const old = { timeMs: nowMs - 24 * 3_600_000 - 1 };
    const answer = await post(sandbox, 'logs', logsBody({ timeMs: nowMs }, old));
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toContain('timestamps_out_of_range');
    expect([...sandbox.acceptedItems()]).toEqual([]);
  });
});

describe('otlp-partial', () => {
  it('drops one item unnamed, counts it in the answer and does not record it', async () => {
    const sandbox = await startedSandbox({
      faults: { names: ['otlp-partial'], rates: { 'otlp-partial': 1 } },
      dynatraceTokens: [{ token: 'dt' }],
    });
    const records = [1, 2, 3].map((n) => ({ timeMs: nowMs - n, attributes: { n } }));
    const answer = await post(sandbox, 'logs', logsBody(...records));
    expect(answer.status).toBe(200);
    expect(ProtobufLogsSerializer.deserializeResponse(answer.bytes).partialSuccess).toEqual({
      rejectedLogRecords: 1,
      errorMessage: 'INTERNAL (1)',
    });
    const rows = [...sandbox.acceptedItems()];
    expect(rows.map((row) => row.n)).toEqual([0, 1]);
    expect(sandbox.counts.get('otlp.requests')).toBe(1);
  });
});

describe('the Dynatrace stand-in refusing', () => {
  const body = metricsBody(gauge([{ timeMs: nowMs, value: 1 }]));

  it('takes protobuf only', async () => {
    const answer = await post(await otlpSandbox(), 'metrics', body, { 'content-type': 'application/json' });
    expect(answer.status).toBe(415);
    expect(errorOf(answer)).toContain('application/x-protobuf');
  });

  it('answers 401 to a wrong token or scheme, and 403 to a token without the scope', async () => {
    const sandbox = await otlpSandbox();
    expect((await post(sandbox, 'metrics', body, { authorization: 'Api-Token x' })).status).toBe(401);
    expect((await post(sandbox, 'metrics', body, { authorization: 'Bearer dt' })).status).toBe(401);
    const scoped = { authorization: 'Api-Token metrics-only' };
    expect((await post(sandbox, 'metrics', body, scoped)).status).toBe(200);
    expect((await post(sandbox, 'logs', logsBody({ timeMs: nowMs }), scoped)).status).toBe(403);
  });

  it('answers 400 to bytes that are no such message', async () => {
    const answer = await post(await otlpSandbox(), 'metrics', new Uint8Array([255, 255, 255]));
    expect(answer.status).toBe(400);
  });
});
