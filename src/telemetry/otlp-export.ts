import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { ProtobufMetricsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import {
  AggregationTemporality,
  InstrumentType,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { OtlpPost, type OtlpTarget } from './otlp-post.ts';

export interface OtlpSettings extends OtlpTarget {
  /** How counters and histograms are sent. Default `cumulative`; Dynatrace takes only `delta`. */
  readonly temporality?: 'cumulative' | 'delta';
}

/** Sends our own traces and metrics to an OTLP/HTTP receiver, in protobuf. */
export interface OtlpExport {
  readonly spanProcessor: BatchSpanProcessor;
  readonly metricReader: PeriodicExportingMetricReader;
  readonly post: OtlpPost;
}

const METRICS_INTERVAL_MS = 60_000;
/** Longer than all attempts of one post together, which has its own deadlines. */
const EXPORT_TIMEOUT_MS = 45_000;

interface Signal<Items> {
  readonly name: string;
  readonly path: string;
  readonly encode: (items: Items) => Uint8Array | undefined;
  /** Why the receiver left items out, or `undefined` when it took all. */
  readonly refusal: (answer: Uint8Array) => string | undefined;
}

const TRACES: Signal<ReadableSpan[]> = {
  name: 'traces',
  path: '/v1/traces',
  encode: (spans) => ProtobufTraceSerializer.serializeRequest(spans),
  refusal: (answer) => {
    const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(answer);
    return refusalText(partialSuccess?.rejectedSpans, partialSuccess?.errorMessage);
  },
};

const METRICS: Signal<ResourceMetrics> = {
  name: 'metrics',
  path: '/v1/metrics',
  encode: (metrics) => ProtobufMetricsSerializer.serializeRequest(metrics),
  refusal: (answer) => {
    const { partialSuccess } = ProtobufMetricsSerializer.deserializeResponse(answer);
    return refusalText(partialSuccess?.rejectedDataPoints, partialSuccess?.errorMessage);
  },
};

export function createOtlpExport(settings: OtlpSettings, logger: Logger): OtlpExport {
  const post = new OtlpPost(settings);
  const spanExporter: SpanExporter = createExporter(TRACES, post, logger);
  const metricExporter: PushMetricExporter = {
    ...createExporter(METRICS, post, logger),
    selectAggregationTemporality: (type) => temporalityOf(type, settings.temporality ?? 'cumulative'),
  };
  return {
    post,
    spanProcessor: new BatchSpanProcessor({
      exporter: spanExporter,
      maxQueueSize: 2_048,
      maxExportBatchSize: 512,
      scheduledDelayMillis: 5_000,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    }),
    metricReader: new PeriodicExportingMetricReader({
      exporter: metricExporter,
      exportIntervalMillis: METRICS_INTERVAL_MS,
      exportTimeoutMillis: EXPORT_TIMEOUT_MS,
    }),
  };
}

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Says when sending starts to fail and when it works again, not each time in between. */
function createExporter<Items>(signal: Signal<Items>, post: OtlpPost, logger: Logger): Exporter<Items> {
  let trouble: string | undefined;
  const report = (reason: string | undefined): void => {
    if (reason !== undefined && trouble === undefined) {
      logger.warn({ signal: signal.name, reason }, 'own telemetry cannot be exported; the work goes on');
    }
    if (reason === undefined && trouble !== undefined) {
      logger.info({ signal: signal.name }, 'own telemetry is exported again');
    }
    trouble = reason;
  };
  const deliver = async (items: Items): Promise<string | undefined> => {
    const message = signal.encode(items);
    if (message === undefined) return 'the items could not be encoded';
    const posted = await post.send(signal.path, message);
    return posted.kind === 'failed' ? posted.reason : refusalOf(signal, posted.body);
  };
  return {
    export: (items, done) => {
      deliver(items)
        .catch(messageOf)
        .then((reason) => {
          report(reason);
          done(resultOf(reason));
        });
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}

function resultOf(reason: string | undefined): ExportResult {
  if (reason === undefined) return { code: ExportResultCode.SUCCESS };
  return { code: ExportResultCode.FAILED, error: new Error(reason) };
}

function refusalOf<Items>(signal: Signal<Items>, answer: Uint8Array): string | undefined {
  try {
    return answer.byteLength === 0 ? undefined : signal.refusal(answer);
  } catch (error) {
    return `the receiver's answer is not OTLP protobuf: ${messageOf(error)}`;
  }
}

function refusalText(count: number | undefined, message: string | undefined): string | undefined {
  return count ? `the receiver refused ${count} of them: ${message ?? 'no reason given'}` : undefined;
}

function temporalityOf(type: InstrumentType, asked: 'cumulative' | 'delta'): AggregationTemporality {
  const isUpDown =
    type === InstrumentType.UP_DOWN_COUNTER || type === InstrumentType.OBSERVABLE_UP_DOWN_COUNTER;
  return asked === 'delta' && !isUpDown ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
}
