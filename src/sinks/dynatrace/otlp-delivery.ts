import type { Clock } from '../../core/clock.ts';
import type { Meter } from '../../core/meter.ts';
import { compress } from '../../http/gzip.ts';
import type { HttpOutcome, HttpTransport } from '../../http/http-transport.ts';
import { answerWord } from '../answer-word.ts';
import { deliverBodies, type Reaction } from '../deliver-bodies.ts';
import type { VerdictBuilder } from '../verdict-builder.ts';
import { type AgeWindow, leaveOutTooOld } from './age-window.ts';
import { type DatedPiece, reactToOtlp, splitOrReject } from './otlp-reaction.ts';
import type { DynatraceOtlpSettings } from './otlp-settings.ts';
import type { OtlpSignal } from './otlp-signal.ts';

export interface OtlpDeliveryOptions {
  readonly name: string;
  readonly settings: DynatraceOtlpSettings;
  readonly clock: Clock;
  readonly meter: Meter;
}

/** What the service takes in one request of one signal. */
export interface SignalLimits {
  readonly maxBytes: number;
  readonly maxItems: number;
  readonly window: AgeWindow;
}

/** The acting part for one signal: encodes, posts, and probes with one body after a failure. */
export class OtlpDelivery<P extends DatedPiece> {
  readonly #options: OtlpDeliveryOptions;
  readonly #http: HttpTransport;
  readonly #signal: OtlpSignal<P>;
  readonly #limits: SignalLimits;
  readonly #url: URL;
  #suspicious = false;

  constructor(
    options: OtlpDeliveryOptions,
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

  async deliver(
    bodies: readonly (readonly P[])[],
    verdict: VerdictBuilder,
    signal: AbortSignal,
  ): Promise<'finished' | 'stopped'> {
    const { maxInFlight } = this.#options.settings;
    const probes = this.#suspicious ? 1 : 0;
    const attempt = (body: readonly P[]) => this.#attempt(body, signal);
    for (const round of [bodies.slice(0, probes), bodies.slice(probes)]) {
      const end = await deliverBodies({ bodies: round, attempt, maxInFlight, verdict });
      this.#suspicious = end === 'stopped';
      if (this.#suspicious) return 'stopped';
    }
    return 'finished';
  }

  async #attempt(pieces: readonly P[], signal: AbortSignal): Promise<Reaction<P>> {
    const { clock } = this.#options;
    const withoutOld = leaveOutTooOld(this.#limits.window, pieces, clock.now());
    if (withoutOld !== undefined) return withoutOld;
    const items = pieces.reduce((total, piece) => total + this.#signal.itemsOf(piece), 0);
    const encoded = this.#signal.encode(pieces);
    // Beyond these the service drops the whole request, so what was estimated too low is halved here.
    if (encoded.length > this.#limits.maxBytes || items > this.#limits.maxItems) {
      return splitOrReject(
        pieces,
        `${items} items in ${encoded.length} bytes are beyond what Dynatrace takes`,
      );
    }
    const startedMs = clock.monotonic();
    const outcome = await this.#post(encoded, signal);
    const context = {
      items,
      decode: this.#signal.decode,
      nowMs: clock.now(),
      maxAgeMs: this.#limits.window.maxAgeMs,
    };
    const reaction = reactToOtlp(outcome, pieces, context);
    this.#measure(encoded.length, answerWord(outcome, reaction), clock.monotonic() - startedMs);
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
