import protobuf from 'protobufjs';
import { isObject } from '../core/json.ts';

/** The part of opentelemetry-proto that the stand-in reads; field numbers as published there. */
const PROTO = `
syntax = "proto3";
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value {
  string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message Resource { repeated KeyValue attributes = 1; }
message Scope { string name = 1; string version = 2; repeated KeyValue attributes = 3; }

message MetricsRequest { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message Metric { string name = 1; string description = 2; string unit = 3;
  oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; ExponentialHistogram exponential_histogram = 10;
    Summary summary = 11; } }
message Gauge { repeated NumberPoint data_points = 1; }
message Sum { repeated NumberPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramPoint data_points = 1; int32 aggregation_temporality = 2; }
message ExponentialHistogram { repeated ExponentialPoint data_points = 1; int32 aggregation_temporality = 2; }
message Summary { repeated SummaryPoint data_points = 1; }
message NumberPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  oneof value { double as_double = 4; sfixed64 as_int = 6; } repeated KeyValue attributes = 7; }
message HistogramPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
  double sum = 5; repeated KeyValue attributes = 9; double min = 11; double max = 12; }
message ExponentialPoint { repeated KeyValue attributes = 1; fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5; double min = 12; double max = 13; }
message SummaryPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
  double sum = 5; repeated KeyValue attributes = 7; }

message LogsRequest { repeated ResourceLogs resource_logs = 1; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message ScopeLogs { Scope scope = 1; repeated bytes log_records = 2; }
message LogRecord { fixed64 time_unix_nano = 1; int32 severity_number = 2; string severity_text = 3;
  AnyValue body = 5; repeated KeyValue attributes = 6; fixed64 observed_time_unix_nano = 11; string event_name = 12; }

message Response { PartialSuccess partial_success = 1; }
message PartialSuccess { int64 rejected = 1; string error_message = 2; }
`;

const root = protobuf.parse(PROTO).root;
const metricsType = root.lookupType('MetricsRequest');
const logsType = root.lookupType('LogsRequest');
const logRecordType = root.lookupType('LogRecord');
const responseType = root.lookupType('Response');

export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary';

export interface SentPoint {
  readonly metric: { readonly name: string; readonly unit: string; readonly kind: MetricKind };
  /** 0 unspecified, 1 delta, 2 cumulative. Gauges and summaries have none. */
  readonly temporality: number;
  readonly monotonic: boolean;
  readonly attributes: ReadonlyMap<string, unknown>;
  /** Resource and scope attributes: not dimensions, unless an environment allows them. */
  readonly outerAttributes: number;
  readonly startMs: number;
  readonly timeMs: number;
  readonly value: number | Readonly<Record<'count' | 'sum' | 'min' | 'max', number>>;
}

export interface SentLogRecord {
  readonly attributes: ReadonlyMap<string, unknown>;
  readonly timeMs: number;
  readonly observedMs: number;
  readonly severityText: string;
  readonly severityNumber: number;
  readonly body: unknown;
  readonly eventName: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws when the bytes are no ExportMetricsServiceRequest. */
export function* decodeMetrics(bytes: Buffer): Generator<SentPoint> {
  const request: unknown = metricsType.decode(bytes);
  for (const resource of listOf(request, 'resourceMetrics')) {
    const outer = attributesOf(resource.resource).size;
    for (const scope of listOf(resource, 'scopeMetrics')) {
      const outerAttributes = outer + attributesOf(scope.scope).size;
      for (const metric of listOf(scope, 'metrics')) yield* pointsOf(metric, outerAttributes);
    }
  }
}

const KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const;

function* pointsOf(metric: Fields, outerAttributes: number): Generator<SentPoint> {
  for (const kind of KINDS) {
    const data = metric[kind];
    if (!isObject(data)) continue;
    const shared = {
      metric: { name: textOf(metric.name), unit: textOf(metric.unit), kind },
      temporality: numberOf(data.aggregationTemporality),
      monotonic: data.isMonotonic === true,
      outerAttributes,
    };
    for (const point of listOf(data, 'dataPoints')) {
      yield {
        ...shared,
        attributes: attributesOf(point),
        startMs: millisOf(point.startTimeUnixNano),
        timeMs: millisOf(point.timeUnixNano),
        value: kind === 'gauge' || kind === 'sum' ? numberValueOf(point) : distributionOf(point),
      };
    }
  }
}

function numberValueOf(point: Fields): number {
  return Object.hasOwn(point, 'asInt') ? numberOf(point.asInt) : numberOf(point.asDouble);
}

function distributionOf(point: Fields): Readonly<Record<'count' | 'sum' | 'min' | 'max', number>> {
  const { count, sum, min, max } = point;
  return { count: numberOf(count), sum: numberOf(sum), min: numberOf(min), max: numberOf(max) };
}

/**
 * Throws when the bytes are no ExportLogsServiceRequest. Attributes of resource, scope and record are merged. `PROTO`
 * leaves a log record as bytes, so that each is decoded by itself and gone before the next: thousands at once outlive
 * the young generation of the heap, which costs more than decoding them.
 */
export function* decodeLogs(bytes: Buffer): Generator<SentLogRecord> {
  const request: unknown = logsType.decode(bytes);
  for (const resource of listOf(request, 'resourceLogs')) {
    const ofResource = attributesOf(resource.resource);
    for (const scope of listOf(resource, 'scopeLogs')) {
      const outer = attributesOf(scope.scope, ofResource);
      for (const record of bytesOf(scope.logRecords)) yield sentLogOf(logRecordType.decode(record), outer);
    }
  }
}

function sentLogOf(record: unknown, outer: ReadonlyMap<string, unknown>): SentLogRecord {
  const fields = isObject(record) ? record : {};
  return {
    attributes: attributesOf(fields, outer),
    timeMs: millisOf(fields.timeUnixNano),
    observedMs: millisOf(fields.observedTimeUnixNano),
    severityText: textOf(fields.severityText),
    severityNumber: numberOf(fields.severityNumber),
    body: anyValueOf(fields.body),
    eventName: textOf(fields.eventName),
  };
}

function bytesOf(list: unknown): readonly Uint8Array[] {
  return Array.isArray(list) ? list.filter((item) => item instanceof Uint8Array) : [];
}

/** The answer of both signals: empty when all was accepted. */
export function encodeResponse(partial?: { rejected: number; message: string }): Buffer {
  if (partial === undefined) return Buffer.alloc(0);
  const message = responseType.fromObject({
    partialSuccess: { rejected: partial.rejected, errorMessage: partial.message },
  });
  return Buffer.from(responseType.encode(message).finish());
}

function listOf(holder: unknown, name: string): readonly Fields[] {
  if (!isObject(holder)) return [];
  const list = holder[name];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** Those of `outer`, and over them the holder's own. */
function attributesOf(holder: unknown, outer?: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
  const attributes = new Map(outer);
  for (const pair of listOf(holder, 'attributes')) attributes.set(textOf(pair.key), anyValueOf(pair.value));
  return attributes;
}

/** An AnyValue as plain JavaScript; a whole number stays apart from a double by being a bigint. */
function anyValueOf(value: unknown): unknown {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, 'stringValue')) return value.stringValue;
  if (Object.hasOwn(value, 'boolValue')) return value.boolValue;
  if (Object.hasOwn(value, 'intValue')) return BigInt(numberOf(value.intValue));
  if (Object.hasOwn(value, 'doubleValue')) return value.doubleValue;
  if (Object.hasOwn(value, 'arrayValue')) return listOf(value.arrayValue, 'values').map(anyValueOf);
  if (Object.hasOwn(value, 'kvlistValue')) {
    return Object.fromEntries(
      listOf(value.kvlistValue, 'values').map((pair) => [textOf(pair.key), anyValueOf(pair.value)]),
    );
  }
  return Object.hasOwn(value, 'bytesValue') ? '[bytes]' : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Numbers as they come, and 64-bit numbers as protobufjs gives them (an object with `toNumber`). */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return isObject(value) && typeof value.toNumber === 'function' ? Number(value.toNumber()) : 0;
}

function millisOf(nanos: unknown): number {
  return Math.round(numberOf(nanos) / 1e6);
}
