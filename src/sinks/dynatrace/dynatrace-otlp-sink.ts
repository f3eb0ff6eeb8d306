import type { Clock } from '../../core/clock.ts';
import { formatDuration } from '../../core/duration.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import { compress } from '../../http/gzip.ts';
import { createHttpTransport, type HttpOutcome, type HttpTransport } from '../../http/http-transport.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { Sink } from '../../model/sink.ts';
import { deliverBodies, type Reaction } from '../deliver-bodies.ts';
import { packBodies } from '../pack-bodies.ts';
import { createSinkFilter, streamsOf } from '../sink-filter.ts';
import { VerdictBuilder } from '../verdict-builder.ts';
import { type LogPiece, logPiece } from './log-records.ts';
import { type MetricPiece, metricPiece } from './metric-points.ts';
import { type DatedPiece, reactToOtlp, splitOrReject } from './otlp-reaction.ts';
import type { DynatraceOtlpSettings } from './otlp-settings.ts';
import { LOGS_SIGNAL, METRICS_SIGNAL, type OtlpSignal } from './otlp-signal.ts';

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
  const metrics = new OtlpDelivery(options, http, METRICS_SIGNAL, metricLimits(settings));
  const logs = new OtlpDelivery(options, http, LOGS_SIGNAL, logLimits(settings));
  const passes = createSinkFilter(settings.filter);
  const has = { records: settings.logs, metrics: settings.metrics };
  return {
    name,
    streams: streamsOf(settings.filter).filter((stream) =>
      stream === 'metrics' ? has.metrics : has.records,
    ),
    maxBatchEntries: settings.maxBatchEntries,
    async send(batch, signal) {
      const verdict = new VerdictBuilder();
      const encoded = encodeBatch(batch, passes, settings, clock.now(), verdict);
      await metrics.deliver(encoded.metrics, verdict, signal);
      await logs.deliver(encoded.logs, verdict, signal);
      return verdict.build(batch);
    },
    refreshSecrets: () => refreshToken(options),
    close: () => http.close(),
  };
}

interface EncodedBatch {
  readonly metrics: MetricPiece[];
  readonly logs: LogPiece[];
}

/** Points of revision 0 are gauges, later revisions and requests are log records; what is too old is neither. */
function encodeBatch(
  batch: readonly JournalEntry[],
  passes: (entry: JournalEntry) => boolean,
  settings: DynatraceOtlpSettings,
  nowMs: number,
  verdict: VerdictBuilder,
): EncodedBatch {
  const encoded: EncodedBatch = { metrics: [], logs: [] };
  for (const entry of batch) {
    const isGauge = entry.record.kind === 'metric' && entry.revision === 0;
    if (!passes(entry) || (isGauge ? !settings.metrics : !settings.logs)) verdict.filter(entry.seq);
    else if (!isInWindow(entry, isGauge, settings, nowMs, verdict)) continue;
    else if (isGauge) addGauge(entry, settings, encoded, verdict);
    else encoded.logs.push(logPiece(entry, settings.maxAttributeBytes));
  }
  return encoded;
}

function isInWindow(
  entry: JournalEntry,
  isGauge: boolean,
  settings: DynatraceOtlpSettings,
  nowMs: number,
  verdict: VerdictBuilder,
): boolean {
  const maxAgeMs = isGauge ? settings.metricMaxAgeMs : settings.logMaxAgeMs;
  if (entry.eventMs >= nowMs - maxAgeMs) return true;
  const what = isGauge ? 'metric points' : 'log records';
  verdict.expire(entry.seq, `older than the ${formatDuration(maxAgeMs)} that Dynatrace takes ${what} for`);
  return false;
}

function addGauge(
  entry: JournalEntry,
  settings: DynatraceOtlpSettings,
  encoded: EncodedBatch,
  verdict: VerdictBuilder,
): void {
  if (entry.record.kind !== 'metric') return;
  const piece = metricPiece(entry, entry.record, settings.metricPrefix);
  if (piece.points.length > 0) encoded.metrics.push(piece);
  else verdict.reject(entry.seq, 'the point has no finite value');
}

interface SignalLimits {
  readonly maxBytes: number;
  readonly maxItems: number;
  readonly maxAgeMs: number;
}

function metricLimits(settings: DynatraceOtlpSettings): SignalLimits {
  return {
    maxBytes: settings.maxMetricBodyBytes,
    maxItems: settings.maxPointsPerBody,
    maxAgeMs: settings.metricMaxAgeMs,
  };
}

function logLimits(settings: DynatraceOtlpSettings): SignalLimits {
  return {
    maxBytes: settings.maxLogBodyBytes,
    maxItems: settings.maxLogsPerBody,
    maxAgeMs: settings.logMaxAgeMs,
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

/** The acting part for one signal: encodes, posts, and probes with one body after a failure. */
class OtlpDelivery<P extends DatedPiece> {
  readonly #options: DynatraceOtlpSinkOptions;
  readonly #http: HttpTransport;
  readonly #signal: OtlpSignal<P>;
  readonly #limits: SignalLimits;
  readonly #url: URL;
  #suspicious = false;

  constructor(
    options: DynatraceOtlpSinkOptions,
    http: HttpTransport,
    signal: OtlpSignal<P>,
    limits: SignalLimits,
  ) {
    this.#options = options;
    this.#http = http;
    this.#signal = signal;
    this.#limits = limits;
    this.#url = new URL(options.settings.url.replace(/\/+$/, '') + signal.path);
  }

  async deliver(pieces: readonly P[], verdict: VerdictBuilder, signal: AbortSignal): Promise<void> {
    const bodies = packBodies(pieces, { maxBytes: this.#limits.maxBytes, maxPieces: this.#limits.maxItems });
    const { maxInFlight } = this.#options.settings;
    const probes = this.#suspicious ? 1 : 0;
    const attempt = (body: readonly P[]) => this.#attempt(body, signal);
    for (const round of [bodies.slice(0, probes), bodies.slice(probes)]) {
      const end = await deliverBodies({ bodies: round, attempt, maxInFlight, verdict });
      this.#suspicious = end === 'stopped';
      if (this.#suspicious) return;
    }
  }

  async #attempt(pieces: readonly P[], signal: AbortSignal): Promise<Reaction<P>> {
    const items = pieces.reduce((total, piece) => total + this.#signal.itemsOf(piece), 0);
    const encoded = this.#signal.encode(pieces);
    // Beyond these the service drops the whole request, so what was estimated too low is halved here.
    if (encoded.length > this.#limits.maxBytes || items > this.#limits.maxItems) {
      return splitOrReject(
        pieces,
        `${items} items in ${encoded.length} bytes are beyond what Dynatrace takes`,
      );
    }
    const { clock } = this.#options;
    const startedMs = clock.monotonic();
    const outcome = await this.#post(encoded, signal);
    const context = {
      items,
      decode: this.#signal.decode,
      nowMs: clock.now(),
      maxAgeMs: this.#limits.maxAgeMs,
    };
    const reaction = reactToOtlp(outcome, pieces, context);
    this.#measure(encoded.length, reaction.kind, clock.monotonic() - startedMs);
    return reaction;
  }

  async #post(encoded: Uint8Array, signal: AbortSignal): Promise<HttpOutcome> {
    const { settings } = this.#options;
    const zipped = settings.gzipLevel > 0;
    const body = zipped ? await compress(encoded, settings.gzipLevel) : encoded;
    const headers = {
      authorization: `Api-Token ${settings.token.reveal()}`,
      'content-type': 'application/x-protobuf',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    };
    return this.#http.send({ method: 'POST', url: this.#url, headers, body }, signal);
  }

  #measure(bytes: number, answer: string, tookMs: number): void {
    const { meter, name } = this.#options;
    meter.count('gatewatch_sink_requests_total', 1, { sink: name, answer });
    meter.count('gatewatch_sink_body_bytes_total', bytes, { sink: name });
    meter.observe('gatewatch_sink_request_ms', tookMs, { sink: name });
  }
}
