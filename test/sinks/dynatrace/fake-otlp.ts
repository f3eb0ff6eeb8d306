import protobuf from 'protobufjs';
import { isObject } from '../../../src/core/json.ts';
import {
  json,
  type LocalServer,
  type Received,
  type Reply,
  startLocalServer,
} from '../../http/local-server.ts';

/** The part of OpenTelemetry's protocol that the sink writes (opentelemetry-proto 1.x), decoded by another library. */
const SCHEMA = `
syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message NumberDataPoint { repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; oneof value { double as_double = 4; sfixed64 as_int = 6; } }
message Gauge { repeated NumberDataPoint data_points = 1; }
message Metric { string name = 1; string unit = 3; Gauge gauge = 5; }
message ScopeMetrics { repeated Metric metrics = 2; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
message LogRecord { fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3; AnyValue body = 5; repeated KeyValue attributes = 6; fixed64 observed_time_unix_nano = 11; string event_name = 12; }
message ScopeLogs { repeated LogRecord log_records = 2; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message LogsRequest { repeated ResourceLogs resource_logs = 1; }
message PartialSuccess { int64 rejected = 1; string error_message = 2; }
message ExportResponse { PartialSuccess partial_success = 1; }
`;

const root = protobuf.parse(SCHEMA).root;
const metricsRequest = root.lookupType('MetricsRequest');
const logsRequest = root.lookupType('LogsRequest');
const exportResponse = root.lookupType('ExportResponse');

export type Attributes = Readonly<Record<string, unknown>>;

export interface TakenPoint {
  readonly key: string;
  readonly unit: string;
  readonly timeMs: number;
  readonly value: number;
  readonly attributes: Attributes;
}

export interface TakenLog {
  readonly timeMs: number;
  readonly observedMs: number;
  readonly severity: string;
  readonly eventName: string;
  readonly body: unknown;
  readonly attributes: Attributes;
}

/** An event of the Events API as it was posted. */
export interface TakenEvent {
  readonly eventType: string;
  readonly title: string;
  /** Its start. */
  readonly timeMs: number;
  readonly endTime?: number;
  readonly timeout?: number;
  readonly attributes: Attributes;
}

export interface FakeOtlp {
  readonly server: LocalServer;
  readonly points: TakenPoint[];
  readonly logs: TakenLog[];
  readonly events: TakenEvent[];
  token: string;
  isSilent: boolean;
  /** Answers instead of taking the data; `undefined` goes on. */
  refuse: (request: Received, items: readonly (TakenPoint | TakenLog | TakenEvent)[]) => Reply | undefined;
  close(): Promise<void>;
}

export async function startFakeOtlp(): Promise<FakeOtlp> {
  const server = await startLocalServer((request) => answer(otlp, request));
  const otlp: FakeOtlp = {
    server,
    points: [],
    logs: [],
    events: [],
    token: 'good',
    isSilent: false,
    refuse: () => undefined,
    close: () => server.close(),
  };
  return otlp;
}

function answer(otlp: FakeOtlp, request: Received): Reply | undefined {
  if (otlp.isSilent) return undefined;
  if (request.path === '/events/ingest') return takeEvent(otlp, request);
  if (request.headers['content-type'] !== 'application/x-protobuf')
    return errorEnvelope(415, 'protobuf only');
  if (request.headers.authorization !== `Api-Token ${otlp.token}`)
    return errorEnvelope(401, 'Token is missing');
  if (request.path === '/v1/metrics') return take(otlp, request, readPoints(request.body), otlp.points);
  if (request.path === '/v1/logs') return take(otlp, request, readLogs(request.body), otlp.logs);
  return errorEnvelope(404, 'no such path');
}

function takeEvent(otlp: FakeOtlp, request: Received): Reply {
  if (request.headers['content-type'] !== 'application/json; charset=utf-8')
    return errorEnvelope(415, 'JSON only');
  if (request.headers.authorization !== `Api-Token ${otlp.token}`)
    return errorEnvelope(401, 'Token is missing');
  const { properties, startTime, ...rest } = JSON.parse(request.body.toString());
  const event: TakenEvent = { ...rest, timeMs: startTime, attributes: properties };
  const refused = otlp.refuse(request, [event]);
  if (refused) return refused;
  otlp.events.push(event);
  return json(201, { reportCount: 1, eventIngestResults: [{ correlationId: 'c', status: 'OK' }] });
}

function take<T extends TakenPoint | TakenLog>(
  otlp: FakeOtlp,
  request: Received,
  items: readonly T[],
  taken: T[],
): Reply {
  const refused = otlp.refuse(request, items);
  if (refused) return refused;
  taken.push(...items);
  return { status: 200, headers: { 'content-type': 'application/x-protobuf' } };
}

export function errorEnvelope(code: number, message: string): Reply {
  return json(code, { error: { code, message } });
}

export function partialSuccess(rejected: number, message: string): Reply {
  const body = exportResponse.encode({ partialSuccess: { rejected, errorMessage: message } }).finish();
  return { status: 200, headers: { 'content-type': 'application/x-protobuf' }, body };
}

function decode(type: protobuf.Type, body: Buffer): Readonly<Record<string, unknown>> {
  return type.toObject(type.decode(body), { longs: String, defaults: true });
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function readPoints(body: Buffer): TakenPoint[] {
  const metrics = list(decode(metricsRequest, body).resourceMetrics)
    .flatMap((resource) => list(resource.scopeMetrics))
    .flatMap((scope) => list(scope.metrics));
  return metrics.flatMap((metric) => {
    const points = isObject(metric.gauge) ? list(metric.gauge.dataPoints) : [];
    return points.map((point) => ({
      key: String(metric.name),
      unit: String(metric.unit),
      timeMs: millis(point.timeUnixNano),
      value: Number(point.asDouble),
      attributes: attributesOf(point.attributes),
    }));
  });
}

function readLogs(body: Buffer): TakenLog[] {
  const records = list(decode(logsRequest, body).resourceLogs)
    .flatMap((resource) => list(resource.scopeLogs))
    .flatMap((scope) => list(scope.logRecords));
  return records.map((record) => ({
    timeMs: millis(record.timeUnixNano),
    observedMs: millis(record.observedTimeUnixNano),
    severity: String(record.severityText),
    eventName: String(record.eventName),
    body: heldIn(record.body),
    attributes: attributesOf(record.attributes),
  }));
}

function millis(nanos: unknown): number {
  return Number(BigInt(String(nanos)) / 1_000_000n);
}

function attributesOf(value: unknown): Attributes {
  return Object.fromEntries(list(value).map(({ key, value: held }) => [String(key), heldIn(held)]));
}

function heldIn(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  if ('intValue' in value) return Number(value.intValue);
  return value.stringValue ?? value.boolValue ?? value.doubleValue;
}
