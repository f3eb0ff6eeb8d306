import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { LogPiece } from './log-records.ts';
import { type MetricPiece, resourceMetrics } from './metric-points.ts';
import type { PartialSuccess } from './otlp-answer.ts';
import type { DatedPiece } from './otlp-reaction.ts';

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

export const LOGS_SIGNAL: OtlpSignal<LogPiece> = {
  path: '/v1/logs',
  encode: (pieces) =>
    ProtobufLogsSerializer.serializeRequest(pieces.map((piece) => piece.log)) ?? new Uint8Array(),
  decode: (body) => {
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(body);
    return { rejected: partialSuccess?.rejectedLogRecords ?? 0, message: partialSuccess?.errorMessage ?? '' };
  },
  itemsOf: () => 1,
};
