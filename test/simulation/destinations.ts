import type { HttpOutcome, HttpRequest, HttpTransport } from '../../src/http/http-transport.ts';
import { decodeLogs, decodeMetrics, encodeResponse } from '../../src/sandbox/otlp-messages.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';
import type { Weather } from './weather.ts';

export const SINK_FAULTS = [
  'busy_503',
  'throttled_429_seconds',
  'throttled_429_date',
  'unauthorized',
  'forbidden',
  'never_answers',
  'garbage',
  'response_lost',
  'connection_refused',
  'partial_success',
  'server_error_500',
] as const;
export type SinkFault = (typeof SINK_FAULTS)[number];

/** What Dynatrace takes, by the time of the event. */
const MAX_AGE_MS = { record: 86_400_000, point: 3_600_000 } as const;

/** What a destination took in, in the order it came. */
export interface Accepted {
  /** Splunk: sourcetype and event id; Dynatrace: event id, or the identity of a metric point. */
  readonly key: string;
  readonly eventId: string | undefined;
  readonly content: string;
  readonly eventMs: number;
  readonly atMs: number;
}

export interface DestinationOptions {
  readonly name: string;
  readonly weather: Weather<SinkFault>;
  readonly random: Random;
  readonly tally: Tally;
  /** Larger bodies are answered with 413, bytes. */
  readonly bodyLimit: number;
  /** How long a request takes, milliseconds; 0 for none. */
  readonly latencyMs: number;
  readonly timeoutMs: number;
}

interface Item {
  readonly key: string;
  readonly eventId: string | undefined;
  readonly content: string;
  readonly eventMs: number;
}

/** A destination without a network. What it has accepted outlives every worker. */
export abstract class Destination {
  readonly accepted: Accepted[] = [];
  readonly keys = new Set<string>();
  /** Event ids that were counted as refused without being named. */
  readonly refusedUnnamed = new Set<string>();
  /** Everything that was ever sent here, for secrets to be looked for in. */
  readonly bodies: string[] = [];
  /** Times of requests, for how hard a destination that is down is knocked at. */
  readonly askedMs: number[] = [];
  protected readonly options: DestinationOptions;
  inFlight = 0;
  mostInFlight = 0;

  constructor(options: DestinationOptions) {
    this.options = options;
  }

  transport(process: SimProcess): HttpTransport {
    return {
      send: (request, signal) => this.#send(process, request, signal),
      close: async () => undefined,
    };
  }

  protected abstract itemsOf(body: Buffer, request: HttpRequest): Item[];
  protected abstract judge(items: readonly Item[], body: Buffer, nowMs: number, sentMs: number): HttpOutcome;
  protected abstract fail(kind: SinkFault, nowMs: number): HttpOutcome | undefined;

  async #send(process: SimProcess, request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> {
    signal.throwIfAborted();
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      return await this.#exchange(process, request, signal);
    } finally {
      this.inFlight -= 1;
    }
  }

  async #exchange(process: SimProcess, request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome> {
    const { weather, tally, name, latencyMs, timeoutMs } = this.options;
    // Whoever is frozen from here on sends later than it could know.
    const sentMs = process.clock.now();
    await process.pass('before http');
    this.askedMs.push(process.clock.now());
    if (latencyMs > 0) await process.clock.sleep(latencyMs, signal);
    const kind = weather.at(process.clock.now());
    if (kind !== undefined) tally.add(`${name}_${kind}`);
    if (kind === 'never_answers') {
      await process.clock.sleep(timeoutMs, signal);
      return { kind: 'failure', failure: 'timeout', reason: `no complete answer within ${timeoutMs} ms` };
    }
    if (kind === 'connection_refused') {
      return { kind: 'failure', failure: 'connect', reason: 'connect ECONNREFUSED' };
    }
    const body = Buffer.from(request.body ?? '');
    this.bodies.push(body.toString('latin1'));
    const outcome =
      (kind && this.fail(kind, process.clock.now())) ?? this.#answer(body, request, process, sentMs);
    await process.pass('after http');
    if (kind !== 'response_lost') return outcome;
    return { kind: 'failure', failure: 'broken', reason: 'other side closed' };
  }

  #answer(body: Buffer, request: HttpRequest, process: SimProcess, sentMs: number): HttpOutcome {
    if (body.length > this.options.bodyLimit) {
      this.options.tally.add(`${this.options.name}_413`);
      return answer(413, { text: 'too large' });
    }
    return this.judge(this.itemsOf(body, request), body, process.clock.now(), sentMs);
  }

  protected accept(items: readonly Item[], nowMs: number): void {
    for (const item of items) {
      if (this.keys.has(item.key)) this.options.tally.add(`${this.options.name}_repeat`);
      this.keys.add(item.key);
      this.accepted.push({ ...item, atMs: nowMs });
    }
  }

  protected retryLater(kind: SinkFault, nowMs: number): Readonly<Record<string, string>> {
    const { random } = this.options;
    const seconds = random.int(1, 40);
    if (kind === 'throttled_429_seconds') return { 'retry-after': String(seconds) };
    return { 'retry-after': new Date(nowMs + seconds * 1_000).toUTCString() };
  }
}

function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpOutcome {
  const text = Buffer.from(JSON.stringify(body));
  const type = { 'content-type': 'application/json' };
  return { kind: 'answer', status, headers: { ...type, ...headers }, body: text, truncated: false };
}

function page(status: number): HttpOutcome {
  const body = Buffer.from('<html><body>It works!</body></html>');
  return { kind: 'answer', status, headers: { 'content-type': 'text/html' }, body, truncated: false };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** An HTTP Event Collector. `keepsPrefix`: it indexes the events before the one it refuses. */
export class Splunk extends Destination {
  readonly #keepsPrefix: boolean;
  readonly events = new Map<string, Readonly<Record<string, unknown>>>();

  constructor(options: DestinationOptions, keepsPrefix: boolean) {
    super(options);
    this.#keepsPrefix = keepsPrefix;
  }

  protected itemsOf(body: Buffer): Item[] {
    return body
      .toString('utf8')
      .split('\n')
      .map((content) => {
        const envelope: unknown = JSON.parse(content);
        if (!isObject(envelope) || !isObject(envelope.fields))
          throw new Error(`Expected an envelope, got ${content}`);
        const eventId = String(envelope.fields.event_id);
        const key = `${String(envelope.sourcetype)} ${eventId}`;
        if (isObject(envelope.event)) this.events.set(key, envelope.event);
        return { key, eventId, content, eventMs: Number(envelope.time) * 1_000 };
      });
  }

  protected judge(items: readonly Item[], _body: Buffer, nowMs: number): HttpOutcome {
    const bad = items.findIndex(({ content }) => content.includes('/poison'));
    if (bad >= 0) {
      this.options.tally.add('splunk_code_6');
      if (this.#keepsPrefix) this.accept(items.slice(0, bad), nowMs);
      return answer(400, { text: 'Invalid data format', code: 6, 'invalid-event-number': bad });
    }
    this.accept(items, nowMs);
    if (this.options.random.chance(0.02)) {
      this.options.tally.add('splunk_code_24');
      return answer(200, { text: 'Success', code: 24 });
    }
    return answer(200, { text: 'Success', code: 0 });
  }

  protected fail(kind: SinkFault, nowMs: number): HttpOutcome | undefined {
    switch (kind) {
      case 'busy_503':
        return answer(503, { text: 'Server is busy', code: 9 });
      case 'throttled_429_seconds':
      case 'throttled_429_date':
        return answer(429, { text: 'too many' }, this.retryLater(kind, nowMs));
      case 'unauthorized':
        return answer(401, { text: 'Invalid authorization', code: 3 });
      case 'forbidden':
        return answer(403, { text: 'Invalid token', code: 4 });
      case 'garbage':
        return page(this.options.random.pick([200, 502]));
      case 'server_error_500':
        return answer(500, { text: 'Internal server error', code: 8 });
      default:
        return undefined;
    }
  }
}

/** An OTLP endpoint for logs and metrics. */
export class Dynatrace extends Destination {
  /** Log records and points that were older when they were sent than what the service takes. */
  tooOld = 0;

  protected itemsOf(body: Buffer, request: HttpRequest): Item[] {
    if (request.url.pathname.endsWith('/v1/metrics')) return this.#points(body);
    return [...decodeLogs(body)].map((record) => {
      const eventId = String(record.attributes.get('event_id'));
      return { key: eventId, eventId, content: String(record.body), eventMs: record.timeMs };
    });
  }

  #points(body: Buffer): Item[] {
    return [...decodeMetrics(body)].map((point) => {
      const dimensions = [...point.attributes].map(([name, value]) => `${name}=${String(value)}`).sort();
      const key = `${point.metric.name} ${dimensions.join(',')} ${point.timeMs}`;
      return { key, eventId: undefined, content: JSON.stringify(point.value), eventMs: point.timeMs };
    });
  }

  protected judge(items: readonly Item[], body: Buffer, nowMs: number, sentMs: number): HttpOutcome {
    const { tally, weather } = this.options;
    if (body.includes('/poison')) {
      tally.add('dynatrace_400');
      return answer(400, { error: { code: 400, message: 'an attribute is refused' } });
    }
    for (const { eventId, eventMs } of items) {
      const maxAgeMs = eventId === undefined ? MAX_AGE_MS.point : MAX_AGE_MS.record;
      if (eventMs < sentMs - maxAgeMs) this.tooOld += 1;
    }
    const isPartial =
      weather.at(nowMs) === 'partial_success' && items.length > 1 && items[0]?.eventId !== undefined;
    const refused = isPartial ? items.slice(-1) : [];
    for (const { eventId } of refused)
      if (eventId !== undefined && !this.keys.has(eventId)) this.refusedUnnamed.add(eventId);
    this.accept(items.slice(0, items.length - refused.length), nowMs);
    const partial = isPartial ? { rejected: refused.length, message: 'some were refused' } : undefined;
    const headers = { 'content-type': 'application/x-protobuf' };
    return { kind: 'answer', status: 200, headers, body: encodeResponse(partial), truncated: false };
  }

  protected fail(kind: SinkFault, nowMs: number): HttpOutcome | undefined {
    switch (kind) {
      case 'busy_503':
        return answer(503, { error: { code: 503, message: 'unavailable' } });
      case 'throttled_429_seconds':
      case 'throttled_429_date':
        return answer(429, { error: { code: 429, message: 'slow down' } }, this.retryLater(kind, nowMs));
      case 'unauthorized':
        return answer(401, { error: { code: 401, message: 'Token Authentication failed' } });
      case 'forbidden':
        return answer(403, { error: { code: 403, message: 'Token is missing required scope' } });
      case 'garbage':
        return page(this.options.random.pick([200, 502]));
      case 'server_error_500':
        return answer(500, { error: { code: 500, message: 'internal' } });
      default:
        return undefined;
    }
  }
}
