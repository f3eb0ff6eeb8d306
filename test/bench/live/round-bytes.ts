import type { WorldEvent } from '../../../src/sandbox/world.ts';
import { BASE_ID, BASE_MS, ROUND_MS } from '../bench-traffic.ts';
import { idOfRound } from './live-traffic.ts';

/** What FilterLogEvents counts for an event beside its message. */
const EVENT_OVERHEAD = 26;
/** Rounds after its own in which a line of a round may become readable. */
const LATEST_ROUND = 7;

/**
 * The events of one group and round as the bytes they are sent in, and where times and ids stand in them: another round
 * is a copy with those written over. Nothing is serialised while it is served.
 */
export class RoundBytes {
  readonly count: number;
  /** From the round's beginning, in order. */
  readonly atMs: Float64Array;
  readonly readableMs: Float64Array;
  /** As CloudWatch counts them. */
  readonly sizes: Uint32Array;
  readonly #bytes: Buffer;
  /** Where each event begins; each ends with a comma. */
  readonly #starts: Uint32Array;
  readonly #places: readonly Place[];

  constructor(events: readonly WorldEvent[]) {
    this.count = events.length;
    this.atMs = Float64Array.from(events, ({ timestampMs }) => timestampMs - BASE_MS);
    this.readableMs = Float64Array.from(events, ({ ingestionMs }) => ingestionMs - BASE_MS);
    this.sizes = Uint32Array.from(events, ({ message }) => Buffer.byteLength(message) + EVENT_OVERHEAD);
    const texts = events.map((event) => Buffer.from(`${wireEvent(event)},`));
    this.#bytes = Buffer.concat(texts);
    this.#starts = new Uint32Array(events.length + 1);
    let at = 0;
    for (const [index, text] of texts.entries()) {
      at += text.length;
      this.#starts[index + 1] = at;
    }
    this.#places = placesIn(this.#bytes);
  }

  /** Events `[first, end)` as they stand in a round, each with a comma behind it. */
  copy(first: number, end: number, roundMs: number): Buffer {
    const from = this.#starts[first] ?? 0;
    const to = this.#starts[end] ?? this.#bytes.length;
    const copied = Buffer.from(this.#bytes.subarray(from, to));
    const texts = slotsOf(roundMs);
    for (let n = firstFrom(this.#places, from); n < this.#places.length; n += 1) {
      const place = this.#places[n];
      if (place === undefined || place.at >= to) break;
      copied.set(texts[place.slot] ?? EMPTY, place.at - from);
    }
    return copied;
  }
}

interface Place {
  readonly at: number;
  readonly slot: number;
}

const EMPTY = Buffer.alloc(0);

function wireEvent(event: WorldEvent): string {
  return JSON.stringify({
    logStreamName: event.logStream,
    timestamp: event.timestampMs,
    message: event.message,
    ingestionTime: event.ingestionMs,
    eventId: event.eventId,
  });
}

/** What of times and ids changes from round to round; of one length in all of them. */
function slotsOf(roundMs: number): readonly Buffer[] {
  const digits = String(ROUND_MS).length - 1;
  const later = Array.from({ length: LATEST_ROUND + 1 }, (_, n) => String(roundMs + n * ROUND_MS));
  return [
    Buffer.from(roundMs === BASE_MS ? BASE_ID : idOfRound(roundMs)),
    Buffer.from(new Date(roundMs).toISOString().slice(0, '2025-10-09T08:55:2'.length)),
    ...later.map((time) => Buffer.from(time.slice(0, -digits))),
  ];
}

function placesIn(bytes: Buffer): readonly Place[] {
  const places: Place[] = [];
  for (const [slot, text] of slotsOf(BASE_MS).entries()) {
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length))
      places.push({ at, slot });
  }
  return places.sort((a, b) => a.at - b.at);
}

function firstFrom(places: readonly Place[], at: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle]?.at ?? at) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
