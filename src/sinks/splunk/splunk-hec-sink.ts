import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import { createHttpTransport } from '../../http/http-transport.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { Sink } from '../../model/sink.ts';
import { answerWord } from '../answer-word.ts';
import { BodyBuffers, USUAL_BODY_BYTES } from '../body-buffers.ts';
import { BodyWriter, bytesOf, totalBytes } from '../body-writer.ts';
import { deliverBodies, type Reaction } from '../deliver-bodies.ts';
import { createSinkFilter, streamsOf } from '../sink-filter.ts';
import { VerdictBuilder } from '../verdict-builder.ts';
import { AckChannel, createGuid } from './ack-channel.ts';
import { createEnvelopeEncoder } from './encode-envelopes.ts';
import { type HecPiece, reactToHec } from './hec-reaction.ts';
import type { SplunkHecSettings } from './hec-settings.ts';
import { createHecHttpTransport, type HecTransport } from './hec-transport.ts';

export interface SplunkHecSinkOptions {
  /** Name of the sink in the configuration: it labels lanes, metrics and messages. */
  readonly name: string;
  readonly settings: SplunkHecSettings;
  /** Own client when absent. The sink closes it. */
  readonly transport?: HecTransport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly random: () => number;
}

/** Far more envelopes than a body of 2 MiB holds. */
const MAX_ENVELOPES = 50_000;

/** Delivers to a Splunk HTTP Event Collector. See `README.md` in this folder for what each answer leads to. */
export function createSplunkHecSink(options: SplunkHecSinkOptions): Sink {
  const { settings, name } = options;
  const delivery = new HecDelivery(options, options.transport ?? createOwnTransport(settings));
  const passes = createSinkFilter(settings.filter);
  const encode = createEnvelopeEncoder(settings);
  const has = {
    records: settings.events.access || settings.events.authentication,
    metrics: settings.events.metric,
    alarms: settings.events.alarm !== false,
  };
  return {
    name,
    streams: streamsOf(settings.filter).filter((stream) => has[stream]),
    maxBatchEntries: settings.maxBatchEntries,
    // Nothing here keeps the batch once it is encoded: it is far larger than what is sent of it.
    send: async (batch, signal) => {
      const verdict = new VerdictBuilder();
      const writer = delivery.newBodies();
      const seqs = encodeBatch(batch, passes, encode, verdict, writer);
      return delivery.deliver(writer, verdict, signal).then(() => verdict.build(seqs));
    },
    preview: (batch) => {
      const isLeftOut = (entry: JournalEntry) => !passes(entry) || encode(entry).length === 0;
      return { expired: [], filtered: batch.filter(isLeftOut).map(({ seq }) => seq) };
    },
    refreshSecrets: () => refreshToken(options),
    close: () => delivery.close(),
  };
}

/** Entries the filter leaves out, and those none of whose kinds is turned on, are `filtered`. */
function encodeBatch(
  batch: readonly JournalEntry[],
  passes: (entry: JournalEntry) => boolean,
  encode: (entry: JournalEntry) => readonly string[],
  verdict: VerdictBuilder,
  writer: BodyWriter,
): readonly Pick<JournalEntry, 'seq'>[] {
  return batch.map((entry) => {
    const { seq, eventMs } = entry;
    const envelopes = passes(entry) ? encode(entry) : [];
    if (envelopes.length === 0) verdict.filter(seq);
    for (const envelope of envelopes) writer.add(seq, eventMs, envelope);
    return { seq };
  });
}

function createOwnTransport(settings: SplunkHecSettings): HecTransport {
  const http = createHttpTransport({
    connectTimeoutMs: settings.connectTimeoutMs,
    timeoutMs: settings.timeoutMs,
    connections: settings.maxInFlight * 2,
    ...(settings.ca === undefined ? {} : { ca: settings.ca }),
  });
  return createHecHttpTransport(http, settings);
}

/** A token file that cannot be read leaves the old token in place: the lane stays held and says why. */
function refreshToken({ settings, logger, name }: SplunkHecSinkOptions): void {
  try {
    settings.token.refresh();
  } catch (error) {
    logger.warn({ sink: name, reason: messageOf(error) }, 'token could not be read again; the old one stays');
  }
}

/** The acting part: posts bodies, waits for acknowledgements, remembers whether the destination answered last time. */
class HecDelivery {
  readonly #options: SplunkHecSinkOptions;
  readonly #transport: HecTransport;
  readonly #usualBytes: number;
  readonly #buffers: BodyBuffers;
  #channel: AckChannel | undefined;
  #acknowledges: boolean;
  #suspicious = false;

  constructor(options: SplunkHecSinkOptions, transport: HecTransport) {
    this.#options = options;
    this.#transport = transport;
    this.#usualBytes = Math.min(options.settings.maxBodyBytes, USUAL_BODY_BYTES);
    this.#buffers = new BodyBuffers(this.#usualBytes);
    this.#acknowledges = options.settings.ack.enabled && transport.queryAcks !== undefined;
    if (options.settings.ack.enabled && !this.#acknowledges) {
      options.logger.warn(
        { sink: options.name },
        'this transport cannot ask for acknowledgements; going on without',
      );
    }
  }

  newBodies(): BodyWriter {
    return new BodyWriter({
      maxBytes: this.#usualBytes,
      maxPieces: MAX_ENVELOPES,
      headBytes: 0,
      encoding: 'utf8',
      buffers: this.#buffers,
    });
  }

  async deliver(writer: BodyWriter, verdict: VerdictBuilder, signal: AbortSignal): Promise<void> {
    await this.#deliver(writer.bodies, verdict, signal);
    // Uncompressed bodies are sent from these very buffers: a connection given up on may still read them.
    if (this.#options.settings.gzipLevel > 0) writer.release();
  }

  /** After a failure one body goes out alone: it probes, the others follow once it came through. */
  async #deliver(
    bodies: readonly (readonly HecPiece[])[],
    verdict: VerdictBuilder,
    signal: AbortSignal,
  ): Promise<void> {
    const { maxInFlight } = this.#options.settings;
    const probes = this.#suspicious ? 1 : 0;
    const attempt = (body: readonly HecPiece[]) => this.#attempt(body, signal);
    const rounds = [bodies.slice(0, probes), bodies.slice(probes)];
    for (const round of rounds) {
      const end = await deliverBodies({ bodies: round, attempt, maxInFlight, verdict });
      this.#suspicious = end === 'stopped';
      if (this.#suspicious) return;
    }
  }

  async close(): Promise<void> {
    await this.#channel?.close();
    await this.#transport.close();
  }

  async #attempt(pieces: readonly HecPiece[], signal: AbortSignal): Promise<Reaction<HecPiece>> {
    const { clock, settings } = this.#options;
    const channel = this.#openChannel();
    const startedMs = clock.monotonic();
    // Without the line break that ends the last one.
    const envelopes = bytesOf(pieces).subarray(0, -1);
    const outcome = await this.#transport.post(envelopes, channel?.guid, signal);
    const context = { keepPrefix: settings.keepPrefix, nowMs: clock.now() };
    const { reaction, ackId } = reactToHec(outcome, pieces, context);
    this.#measure(pieces, answerWord(outcome, reaction), clock.monotonic() - startedMs);
    if (reaction.kind === 'ack_off') return this.#goOnWithoutAck(pieces, channel, reaction.reason);
    if (reaction.kind !== 'delivered' || channel === undefined) return reaction;
    if (ackId === undefined) {
      this.#stopAcknowledging('an answer without ackId');
      return reaction;
    }
    return (await this.#awaitAck(channel, ackId, signal)) ?? reaction;
  }

  /** Nothing when indexed; a reason to send again when not. */
  async #awaitAck(
    channel: AckChannel,
    ackId: number,
    signal: AbortSignal,
  ): Promise<Reaction<HecPiece> | undefined> {
    const { indexed, problem } = await channel.settled(ackId, signal);
    if (indexed) return undefined;
    // The node may have forgotten the channel: the next body opens another.
    if (this.#channel === channel) this.#channel = undefined;
    const because = problem === undefined ? '' : ` (${problem})`;
    const { timeoutMs } = this.#options.settings.ack;
    return { kind: 'retry', reason: `not acknowledged within ${timeoutMs} ms${because}` };
  }

  #openChannel(): AckChannel | undefined {
    const query = this.#transport.queryAcks;
    if (!this.#acknowledges || query === undefined) return undefined;
    const { clock, random, settings } = this.#options;
    const { pollMs, timeoutMs } = settings.ack;
    this.#channel ??= new AckChannel({ guid: createGuid(random), query, clock, pollMs, timeoutMs });
    return this.#channel;
  }

  #goOnWithoutAck(
    pieces: readonly HecPiece[],
    channel: AckChannel | undefined,
    reason: string,
  ): Reaction<HecPiece> {
    if (channel === undefined) return { kind: 'held', reason };
    this.#stopAcknowledging(reason);
    return { kind: 'regroup', bodies: [pieces], delivered: [], rejected: [], expired: [] };
  }

  #stopAcknowledging(reason: string): void {
    if (!this.#acknowledges) return;
    this.#acknowledges = false;
    this.#options.logger.warn(
      { sink: this.#options.name, reason },
      'going on without indexer acknowledgement',
    );
  }

  #measure(pieces: readonly HecPiece[], answer: string, tookMs: number): void {
    const { meter, name } = this.#options;
    meter.count('gatewatch_sink_requests_total', 1, { sink: name, answer });
    meter.count('gatewatch_sink_body_bytes_total', totalBytes(pieces), { sink: name });
    meter.observe('gatewatch_sink_request_ms', tookMs, { sink: name });
  }
}
