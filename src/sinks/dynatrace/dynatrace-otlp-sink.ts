import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import { createHttpTransport, type HttpTransport } from '../../http/http-transport.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { Sink } from '../../model/sink.ts';
import { BodyBuffers, USUAL_BODY_BYTES } from '../body-buffers.ts';
import { BodyWriter } from '../body-writer.ts';
import { packBodies } from '../pack-bodies.ts';
import { createSinkFilter, streamsOf } from '../sink-filter.ts';
import { VerdictBuilder } from '../verdict-builder.ts';
import { type AgeWindow, isTooOld, whyTooOld } from './age-window.ts';
import { EventDelivery } from './event-delivery.ts';
import { createLogEncoder } from './log-records.ts';
import { type MetricPiece, metricPiece } from './metric-points.ts';
import { OtlpDelivery, type SignalLimits } from './otlp-delivery.ts';
import type { DynatraceOtlpSettings } from './otlp-settings.ts';
import { LOGS_HEAD_BYTES, LOGS_SIGNAL, METRICS_SIGNAL } from './otlp-signal.ts';
import { type EventPiece, problemEvent } from './problem-events.ts';

export interface DynatraceOtlpSinkOptions {
  /** Name of the sink in the configuration: it labels lanes, metrics and messages. */
  readonly name: string;
  readonly settings: DynatraceOtlpSettings;
  /** Own client when absent. The sink closes it. */
  readonly transport?: HttpTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly random: () => number;
}

/** Delivers to Dynatrace over OTLP/HTTP with protobuf. See `README.md` in this folder for what each answer leads to. */
export function createDynatraceOtlpSink(options: DynatraceOtlpSinkOptions): Sink {
  const { settings, name, clock } = options;
  const http = options.transport ?? createOwnTransport(settings);
  const limits = { metrics: metricLimits(settings), logs: logLimits(settings) };
  const metrics = new OtlpDelivery(options, http, METRICS_SIGNAL, limits.metrics);
  const logs = new OtlpDelivery(options, http, LOGS_SIGNAL, limits.logs);
  const events = new EventDelivery(options, http);
  const passes = createSinkFilter(settings.filter);
  const encodeLog = createLogEncoder(settings.maxAttributeBytes);
  const buffers = new BodyBuffers(usualLogBytes(settings));
  const has = {
    records: settings.logs,
    metrics: settings.metrics,
    alarms: settings.logs || settings.problems,
  };

  function encode(batch: readonly JournalEntry[]): EncodedBatch {
    const encoded = {
      seqs: batch.map(({ seq }) => ({ seq })),
      verdict: new VerdictBuilder(),
      metrics: [],
      events: [],
      writer: logWriter(settings, buffers),
    };
    encodeBatch(batch, { passes, settings, limits, encodeLog, nowMs: clock.now() }, encoded);
    return encoded;
  }

  async function deliver(encoded: EncodedBatch, signal: AbortSignal): Promise<void> {
    const { verdict, writer } = encoded;
    const { maxMetricBodyBytes: maxBytes, maxPointsPerBody: maxPieces } = settings;
    await metrics.deliver(packBodies(encoded.metrics, { maxBytes, maxPieces }), verdict, signal);
    const end = await logs.deliver(writer.bodies, verdict, signal);
    // A destination that does not take the one is not asked for the other: both are sent again.
    if (end === 'finished') await events.deliver(encoded.events, verdict, signal);
    else for (const { seq } of encoded.events) verdict.retry(seq);
    // Uncompressed bodies are sent from these very buffers: a connection given up on may still read them.
    if (settings.gzipLevel > 0) writer.release();
  }

  return {
    name,
    streams: streamsOf(settings.filter).filter((stream) => has[stream]),
    maxBatchEntries: settings.maxBatchEntries,
    // Nothing here keeps the batch once it is encoded: it is far larger than what is sent of it.
    send: async (batch, signal) => {
      const encoded = encode(batch);
      return deliver(encoded, signal).then(() => encoded.verdict.build(encoded.seqs));
    },
    preview: (batch) => {
      const { verdict, writer } = encode(batch);
      writer.release();
      return verdict.build(batch);
    },
    endpointOf: (stream) => (stream === 'metrics' ? METRICS_SIGNAL.path : LOGS_SIGNAL.path),
    refreshSecrets: () => refreshToken(options),
    close: () => http.close(),
  };
}

interface EncodedBatch {
  readonly seqs: readonly Pick<JournalEntry, 'seq'>[];
  readonly verdict: VerdictBuilder;
  readonly metrics: MetricPiece[];
  /** Problems of alarms. */
  readonly events: EventPiece[];
  /** Log records. */
  readonly writer: BodyWriter;
}

interface Encoding {
  readonly passes: (entry: JournalEntry) => boolean;
  readonly settings: DynatraceOtlpSettings;
  readonly limits: Readonly<Record<'metrics' | 'logs', SignalLimits>>;
  readonly encodeLog: (entry: JournalEntry) => string;
  readonly nowMs: number;
}

/**
 * Points of revision 0 are gauges, later revisions, requests and changes of alarms are log records; what is too old is
 * neither. An alarm that fires is a problem, too.
 */
function encodeBatch(
  batch: readonly JournalEntry[],
  { passes, settings, limits, encodeLog, nowMs }: Encoding,
  encoded: EncodedBatch,
): void {
  const { verdict } = encoded;
  for (const entry of batch) {
    const isGauge = entry.stream === 'metrics' && entry.revision === 0;
    const { window } = isGauge ? limits.metrics : limits.logs;
    const event = passes(entry) ? eventOf(entry, settings, nowMs) : undefined;
    if (event !== undefined) encoded.events.push(event);
    if (event !== undefined && !settings.logs) continue;
    if (!passes(entry) || (isGauge ? !settings.metrics : !settings.logs)) verdict.filter(entry.seq);
    else if (!isInWindow(entry, window, nowMs, verdict)) continue;
    else if (isGauge) addGauge(entry, settings, encoded);
    else encoded.writer.add(entry.seq, entry.eventMs, encodeLog(entry));
  }
}

function eventOf(
  { seq, record }: JournalEntry,
  { problems }: DynatraceOtlpSettings,
  nowMs: number,
): EventPiece | undefined {
  return record.kind === 'alarm' && problems ? problemEvent({ seq, record }, nowMs) : undefined;
}

function logWriter(settings: DynatraceOtlpSettings, buffers: BodyBuffers): BodyWriter {
  return new BodyWriter({
    maxBytes: usualLogBytes(settings) - LOGS_HEAD_BYTES,
    maxPieces: settings.maxLogsPerBody,
    headBytes: LOGS_HEAD_BYTES,
    encoding: 'latin1',
    buffers,
  });
}

function usualLogBytes({ maxLogBodyBytes }: DynatraceOtlpSettings): number {
  return Math.min(maxLogBodyBytes, USUAL_BODY_BYTES);
}

/** Looked at again as each request goes out: what is sent late may have left its window since. */
function isInWindow(entry: JournalEntry, window: AgeWindow, nowMs: number, verdict: VerdictBuilder): boolean {
  if (!isTooOld(window, entry.eventMs, nowMs)) return true;
  verdict.expire(entry.seq, whyTooOld(window));
  return false;
}

function addGauge(entry: JournalEntry, settings: DynatraceOtlpSettings, encoded: EncodedBatch): void {
  if (entry.record.kind !== 'metric') return;
  const piece = metricPiece(entry, entry.record, settings.metricPrefix);
  if (piece.points.length > 0) encoded.metrics.push(piece);
  else encoded.verdict.reject(entry.seq, 'the point has no finite value');
}

function metricLimits(settings: DynatraceOtlpSettings): SignalLimits {
  return {
    maxBytes: settings.maxMetricBodyBytes,
    maxItems: settings.maxPointsPerBody,
    window: { maxAgeMs: settings.metricMaxAgeMs, items: 'metric points' },
  };
}

function logLimits(settings: DynatraceOtlpSettings): SignalLimits {
  return {
    maxBytes: settings.maxLogBodyBytes,
    maxItems: settings.maxLogsPerBody,
    window: { maxAgeMs: settings.logMaxAgeMs, items: 'log records' },
  };
}

function createOwnTransport(settings: DynatraceOtlpSettings): HttpTransport {
  return createHttpTransport({
    connectTimeoutMs: settings.connectTimeoutMs,
    timeoutMs: settings.timeoutMs,
    connections: settings.maxInFlight * 2,
    ...(settings.ca === undefined ? {} : { ca: settings.ca }),
  });
}

/** A token file that cannot be read leaves the old token in place: the lane stays held and says why. */
function refreshToken({ settings, logger, name }: DynatraceOtlpSinkOptions): void {
  try {
    settings.token.refresh();
  } catch (error) {
    logger.warn({ sink: name, reason: messageOf(error) }, 'token could not be read again; the old one stays');
  }
}
