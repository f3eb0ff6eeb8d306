import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { bytesOf, type EncodedPiece, totalBytes } from '../body-writer.ts';
import { type MetricPiece, resourceMetrics } from './metric-points.ts';
import type { PartialSuccess } from './otlp-answer.ts';
import type { DatedPiece } from './otlp-reaction.ts';
import { RESOURCE, SCOPE } from './resource.ts';
import { delimited, utf8, varint } from './wire-text.ts';

/** What differs between the two signals. */
export interface OtlpSignal<P extends DatedPiece> {
  readonly path: string;
  readonly encode: (pieces: readonly P[]) => Uint8Array;
  readonly decode: (body: Uint8Array) => PartialSuccess;
  /** What the service counts in this piece. */
  readonly itemsOf: (piece: P) => number;
}

export const METRICS_SIGNAL: OtlpSignal<MetricPiece> = {
  path: '/v1/metrics',
  encode: (pieces) => ProtobufMetricsSerializer.serializeRequest(resourceMetrics(pieces)) ?? new Uint8Array(),
  decode: (body) => {
    const { partialSuccess } = ProtobufMetricsSerializer.deserializeResponse(body);
    return { rejected: partialSuccess?.rejectedDataPoints ?? 0, message: partialSuccess?.errorMessage ?? '' };
  },
  itemsOf: (piece) => piece.points.length,
};

/** Room for what stands before the first log record of a body. */
export const LOGS_HEAD_BYTES = 256;

export const LOGS_SIGNAL: OtlpSignal<EncodedPiece> = {
  path: '/v1/logs',
  encode: (pieces) => bytesOf(pieces, logsHead(totalBytes(pieces)), LOGS_HEAD_BYTES),
  decode: (body) => {
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(body);
    return { rejected: partialSuccess?.rejectedLogRecords ?? 0, message: partialSuccess?.errorMessage ?? '' };
  },
  itemsOf: () => 1,
};

/** `Resource` with the count of attributes that were dropped, and `InstrumentationScope`: field 1 of what holds them. */
const RESOURCE_FIELD = delimited(
  1,
  `${Object.entries(RESOURCE.attributes)
    .map(([name, value]) => keyValue(name, String(value)))
    .join('')}\x10\x00`,
);
const SCOPE_FIELD = delimited(1, delimited(1, utf8(SCOPE.name)));

function keyValue(name: string, value: string): string {
  return delimited(1, delimited(1, utf8(name)) + delimited(2, delimited(1, utf8(value))));
}

/** `ExportLogsServiceRequest` up to its log records, which take `bytes` bytes: resource, scope, and all lengths. */
function logsHead(bytes: number): Buffer {
  const scopeLogs = `\x12${varint(SCOPE_FIELD.length + bytes)}${SCOPE_FIELD}`;
  const inside = RESOURCE_FIELD + scopeLogs;
  return Buffer.from(`\x0a${varint(inside.length + bytes)}${inside}`, 'latin1');
}
