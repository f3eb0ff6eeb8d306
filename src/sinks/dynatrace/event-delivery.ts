import { isObject } from '../../core/json.ts';
import type { HttpAnswer, HttpOutcome, HttpTransport } from '../../http/http-transport.ts';
import { answerWord } from '../answer-word.ts';
import { deliverBodies, type Reaction } from '../deliver-bodies.ts';
import { foreignText } from '../foreign-text.ts';
import type { VerdictBuilder } from '../verdict-builder.ts';
import type { OtlpDeliveryOptions } from './otlp-delivery.ts';
import { reactToOtlp } from './otlp-reaction.ts';
import { eventsUrlOf } from './otlp-settings.ts';
import { type EventPiece, problemEvent } from './problem-events.ts';

const CREATED = 201;
const FORBIDDEN = 403;
const NOTHING_LEFT = { kind: 'regroup', bodies: [], delivered: [], rejected: [], expired: [] } as const;

/** Posts problem events one by one, in order: an end must not overtake its beginning. */
export class EventDelivery {
  readonly #options: OtlpDeliveryOptions;
  readonly #http: HttpTransport;
  readonly #url: URL;

  constructor(options: OtlpDeliveryOptions, http: HttpTransport) {
    this.#options = options;
    this.#http = http;
    this.#url = new URL(eventsUrlOf(options.settings));
  }

  async deliver(events: readonly EventPiece[], verdict: VerdictBuilder, signal: AbortSignal): Promise<void> {
    const attempt = (body: readonly EventPiece[]) => this.#attempt(this.#stillOf(body, verdict), signal);
    await deliverBodies({ bodies: events.map((event) => [event]), attempt, maxInFlight: 1, verdict });
  }

  /** As they are now: what was encoded long ago may begin too early by now, or may open nothing any more. */
  #stillOf(pieces: readonly EventPiece[], verdict: VerdictBuilder): readonly EventPiece[] {
    return pieces.flatMap((piece) => {
      const event = problemEvent(piece, this.#options.clock.now());
      if (event === undefined) verdict.filter(piece.seq);
      return event ?? [];
    });
  }

  async #attempt(pieces: readonly EventPiece[], signal: AbortSignal): Promise<Reaction<EventPiece>> {
    if (pieces.length === 0) return NOTHING_LEFT;
    const { clock, meter, name, settings } = this.#options;
    const startedMs = clock.monotonic();
    const body = Buffer.from(pieces.map((piece) => piece.body).join(''));
    const headers = {
      authorization: `Api-Token ${settings.token.reveal()}`,
      'content-type': 'application/json; charset=utf-8',
    };
    const outcome = await this.#http.send({ method: 'POST', url: this.#url, headers, body }, signal);
    const reaction = reactToEvents(outcome, pieces, clock.now());
    meter.count('gatewatch_sink_requests_total', 1, { sink: name, answer: answerWord(outcome, reaction) });
    meter.count('gatewatch_sink_body_bytes_total', body.length, { sink: name });
    meter.observe('gatewatch_sink_request_ms', clock.monotonic() - startedMs, { sink: name });
    return reaction;
  }
}

/** 201 with one result for each event; any other answer means what it means to OTLP, but for an acceptance of no kind. */
export function reactToEvents(
  outcome: HttpOutcome,
  pieces: readonly EventPiece[],
  nowMs: number,
): Reaction<EventPiece> {
  if (outcome.kind !== 'failure' && outcome.status >= 200 && outcome.status < 300) {
    return outcome.status === CREATED ? reactToCreated(outcome, pieces) : notOurs(outcome);
  }
  if (outcome.kind !== 'failure' && outcome.status === FORBIDDEN) {
    return { kind: 'held', reason: 'HTTP 403: the token may not open problems: it needs `events.ingest`' };
  }
  const context = { items: pieces.length, decode: () => ({ rejected: 0, message: '' }), nowMs, maxAgeMs: 0 };
  return reactToOtlp(outcome, pieces, context);
}

function notOurs({ status }: HttpAnswer): Reaction<EventPiece> {
  return { kind: 'retry', reason: `HTTP ${status}, but events are accepted with 201: check \`eventsUrl\`` };
}

/** `{"reportCount":1,"eventIngestResults":[{"correlationId":"…","status":"OK"}]}` */
function reactToCreated(answer: HttpAnswer, pieces: readonly EventPiece[]): Reaction<EventPiece> {
  const results = resultsOf(answer);
  if (results === undefined) return { kind: 'retry', reason: 'HTTP 201, but the body tells no result' };
  const refused = results.find((status) => status !== 'OK');
  if (refused === undefined) return { kind: 'delivered' };
  const reason = `the event was refused: ${foreignText(refused)}`;
  const rejected = pieces.map((piece) => ({ piece, reason }));
  return { kind: 'regroup', bodies: [], delivered: [], rejected, expired: [] };
}

function resultsOf(answer: HttpAnswer): readonly string[] | undefined {
  try {
    const body: unknown = JSON.parse(answer.body.toString('utf8'));
    const list = isObject(body) ? body.eventIngestResults : undefined;
    if (!Array.isArray(list) || list.length === 0) return undefined;
    return list.map((one: unknown) => (isObject(one) ? String(one.status) : 'no status'));
  } catch {
    // A page of a proxy, or an answer cut short: nothing is known to have arrived.
    return undefined;
  }
}
