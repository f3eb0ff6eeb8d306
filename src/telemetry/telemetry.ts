import type { IncomingMessage, ServerResponse } from 'node:http';
import { context, DiagLogLevel, diag, logs, metrics, propagation, trace } from '@opentelemetry/api';
import { loggingErrorHandler, setGlobalErrorHandler } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace';
import { type Clock, sleepFor } from '../core/clock.ts';
import { GatewatchError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { silentTracer, type Tracer } from '../core/tracer.ts';
import type { RedactText } from './clean-log-fields.ts';
import { createLogger, type LogDestination, type LogLevel } from './logger.ts';
import { createMeter } from './meter.ts';
import { createOtlpExport, type OtlpExport, type OtlpSettings } from './otlp-export.ts';
import { createPrometheusPage, type PrometheusPage } from './prometheus-page.ts';
import { activeSpanIds, createTracer } from './tracer.ts';

export interface TelemetrySettings {
  readonly version: string;
  /** Tells this process from others of the same service. */
  readonly instanceId: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly logLevel: LogLevel;
  readonly logDestination: LogDestination | 'stderr';
  /** Default: `text` when `stderr` is a terminal, else `json`. */
  readonly logFormat?: 'json' | 'text';
  /** Takes secrets out of log messages, text fields and span errors. */
  readonly redactText?: RedactText;
  /** Where our own traces and metrics go as well; absent: nowhere, and spans cost nothing. */
  readonly otlp?: OtlpSettings;
}

export interface Telemetry {
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer: Tracer;
  /** Our metrics in the Prometheus text format. Rejects with `GatewatchError` when collecting failed. */
  metricsText(): Promise<string>;
  /** Answers a request for `/metrics`. */
  serveMetrics(request: IncomingMessage, response: ServerResponse): void;
  /** Sends what is left, at most `FLUSH_MS`, and lets go of everything. Never rejects; may be called again. */
  shutdown(): Promise<void>;
}

/** What a receiver that does not answer may add to a graceful stop, milliseconds. */
const FLUSH_MS = 1_200;
/** Label sets per metric: room for some thousand log groups before OpenTelemetry puts the rest under one overflow label. */
const MAX_LABEL_SETS = 20_000;

/**
 * Our own logs, metrics and traces. OpenTelemetry keeps its providers in process-wide places, so one at a time: throws
 * `GatewatchError` while another one has not been shut down. Throws `UserError` for an unusable OTLP address.
 */
export function createTelemetry(settings: TelemetrySettings): Telemetry {
  refuseSecond();
  const logger = createLogger(loggerSettings(settings));
  const page = createPrometheusPage(logger);
  const otlp = settings.otlp === undefined ? undefined : createOtlpExport(settings.otlp, logger);
  const sdk = startSdk(settings, page, otlp, logger);
  const refuse = (metric: string, reason: string) =>
    logger.error({ metric, reason }, 'a measurement of our own was left out');
  let stopped: Promise<void> | undefined;
  return {
    logger,
    meter: createMeter(metrics.getMeter('gatewatch', settings.version), refuse),
    tracer: otlp === undefined ? silentTracer : tracerOf(settings),
    metricsText: page.text,
    serveMetrics: page.serve,
    shutdown: () => {
      stopped ??= stop(sdk, otlp, logger);
      return stopped;
    },
  };
}

function refuseSecond(): void {
  if (!(metrics.getMeterProvider() instanceof MeterProvider)) return;
  throw new GatewatchError(
    'telemetry_running',
    'Expected one telemetry per process, got a second one: call shutdown() of the first before.',
  );
}

function loggerSettings(settings: TelemetrySettings): Parameters<typeof createLogger>[0] {
  const { version, instanceId, clock, logLevel, logDestination, logFormat, redactText, otlp } = settings;
  return {
    level: logLevel,
    destination: logDestination,
    clock,
    version,
    instanceId,
    ...(logFormat === undefined ? {} : { format: logFormat }),
    ...(redactText === undefined ? {} : { redactText }),
    ...(otlp === undefined ? {} : { context: activeSpanIds }),
  };
}

/** Everything the SDK would take from OTEL_* variables or look up on the host is said here instead. */
function startSdk(
  { version, instanceId }: TelemetrySettings,
  page: PrometheusPage,
  otlp: OtlpExport | undefined,
  logger: Logger,
): NodeSDK {
  const sdk = new NodeSDK({
    autoDetectResources: false,
    resource: resourceFromAttributes({
      'service.name': 'gatewatch',
      'service.version': version,
      'service.instance.id': instanceId,
    }),
    metricReaders: otlp === undefined ? [page.reader] : [page.reader, otlp.metricReader],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: MAX_LABEL_SETS }],
    spanProcessors: otlp === undefined ? [] : [otlp.spanProcessor],
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanLimits: { attributeValueLengthLimit: 1_024, attributeCountLimit: 64 },
    logRecordProcessors: [],
    textMapPropagator: null,
    instrumentations: [],
  });
  listenToDiagnostics(logger);
  sdk.start();
  if (!(metrics.getMeterProvider() instanceof MeterProvider)) {
    logger.warn(
      {},
      'OTEL_SDK_DISABLED switches our own metrics and traces off: unset it to have /metrics back',
    );
  }
  return sdk;
}

/** Failed exports are told by the exporter, once; what OpenTelemetry repeats about them is for debugging. */
function listenToDiagnostics(logger: Logger): void {
  const tell =
    (level: 'debug' | 'warn') =>
    (...words: readonly unknown[]) =>
      logger[level]({ from: 'opentelemetry' }, words.map(messageOf).join(' '));
  const quiet = () => undefined;
  const diagnostics = { error: tell('warn'), warn: tell('warn'), info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  setGlobalErrorHandler((error) => logger.debug({ from: 'opentelemetry' }, messageOf(error)));
}

function tracerOf({ version, redactText }: TelemetrySettings): Tracer {
  return createTracer(trace.getTracer('gatewatch', version), redactText ?? ((text) => text));
}

async function stop(sdk: NodeSDK, otlp: OtlpExport | undefined, logger: Logger): Promise<void> {
  if (otlp !== undefined) await flush(otlp);
  diag.disable();
  // A receiver that failed in `flush` fails here again in the same words; the exporter has told it.
  const repeat = (error: unknown) =>
    logger.debug({ reason: messageOf(error) }, 'the last telemetry was lost');
  await sdk.shutdown().catch(repeat);
  forgetProviders();
}

/** Traces and metrics each to their end, because the SDK's own shutdown gives up on both when one fails. */
async function flush({ post, spanProcessor, metricReader }: OtlpExport): Promise<void> {
  post.end();
  const flushed = Promise.allSettled([spanProcessor.shutdown(), metricReader.shutdown()]);
  const timer = new AbortController();
  const tooLong = sleepFor(FLUSH_MS, timer.signal).catch(() => undefined);
  await Promise.race([flushed, tooLong]);
  timer.abort();
  await post.close();
  await flushed;
}

function forgetProviders(): void {
  setGlobalErrorHandler(loggingErrorHandler());
  for (const api of [metrics, trace, logs, context, propagation]) api.disable();
}
