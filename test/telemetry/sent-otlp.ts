import protobuf from 'protobufjs';
import { isObject } from '../../src/core/json.ts';

/** The part of opentelemetry-proto that the tests look at; field numbers as published there. */
const PROTO = `
syntax = "proto3";
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message Resource { repeated KeyValue attributes = 1; }
message Traces { repeated ResourceSpans all = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopes = 2; }
message ScopeSpans { repeated Span spans = 2; }
message Span { bytes span_id = 2; bytes parent_span_id = 4; string name = 5; repeated KeyValue attributes = 9; Status status = 15; }
message Status { string message = 2; int32 code = 3; }
message Metrics { repeated ResourceMetrics all = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scopes = 2; }
message ScopeMetrics { repeated Metric metrics = 2; }
message Metric { string name = 1; string unit = 3; Sum sum = 7; }
message Sum { repeated Point data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Point { double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
message Refusal { Partial partial_success = 1; }
message Partial { int64 rejected = 1; string error_message = 2; }
`;

const root = protobuf.parse(PROTO).root;

/** A flat list of what was sent: the resource's attributes stand in `resource`. */
export function sentSpans(body: Uint8Array): Record<string, unknown>[] {
  return itemsOf('Traces', 'spans', body);
}

export function sentMetrics(body: Uint8Array): Record<string, unknown>[] {
  return itemsOf('Metrics', 'metrics', body);
}

/** An answer that takes all but `rejected` items. */
export function partialSuccess(rejected: number, errorMessage: string): Uint8Array {
  return root.lookupType('Refusal').encode({ partialSuccess: { rejected, errorMessage } }).finish();
}

function itemsOf(type: string, member: string, body: Uint8Array): Record<string, unknown>[] {
  const message = root.lookupType(type);
  const plain: unknown = message.toObject(message.decode(body), {
    longs: Number,
    bytes: String,
    arrays: true,
  });
  return listOf(plain, 'all').flatMap((group) =>
    listOf(group, 'scopes').flatMap((scope) =>
      listOf(scope, member).map((item) => ({
        ...(isObject(item) ? item : {}),
        attributes: attributesOf(item),
        resource: attributesOf(isObject(group) ? group.resource : undefined),
      })),
    ),
  );
}

function attributesOf(holder: unknown): Record<string, unknown> {
  const pairs = listOf(holder, 'attributes').flatMap((pair): [string, unknown][] => {
    if (!isObject(pair) || !isObject(pair.value)) return [];
    return [[String(pair.key), Object.values(pair.value)[0]]];
  });
  return Object.fromEntries(pairs);
}

function listOf(holder: unknown, member: string): unknown[] {
  const list = isObject(holder) ? holder[member] : undefined;
  return Array.isArray(list) ? list : [];
}
