import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Expected, type ExpectedRound, readableAt } from './expected.ts';
import { type AcceptedRecord, acceptedRecords, SINK_NAMES, type SinkName } from './kept-bodies.ts';

/** Milliseconds, and of how many requests. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Readable → accepted, at one destination. */
export interface SinkAcceptance {
  readonly sink: SinkName;
  /** Requests all of whose lines became readable. */
  readonly whole: Spread;
  /** Requests whose decision's lines never came. */
  readonly waiting: Spread;
  /** `whole`, by the round in which the requests came. */
  readonly rounds: readonly Spread[];
  /** Requests of which nothing arrived. */
  readonly missing: number;
  /** Requests that never arrived joined as they should be. */
  readonly unjoined: number;
  /** Records that arrived a second time, under the same id. */
  readonly repeated: number;
  /** Records that said something new of a request that had arrived before. */
  readonly revised: number;
}

export interface Stored {
  /** Log events, by the ledger. */
  readonly seen: number;
  readonly stored: number;
  readonly unparsed: number;
  /** Requests that have a record. */
  readonly requests: number;
}

const OUTCOMES = { hit: 'cached_decision', miss: 'matched', waits: 'access_only' } as const;

export function acceptanceOf(folder: string, expected: Expected): readonly SinkAcceptance[] {
  return SINK_NAMES.map((sink) => {
    const arrivals = new Arrivals(expected);
    for (const record of acceptedRecords(join(folder, `${sink}.bodies`), sink)) arrivals.add(record);
    return { sink, ...arrivals.result() };
  });
}

/** What the journal holds, once its worker has ended. */
export function storedIn(journalPath: string): Stored {
  const db = new DatabaseSync(journalPath, { readOnly: true });
  try {
    const ledger = db
      .prepare('SELECT sum(seen) seen, sum(stored) stored, sum(unparsed) unparsed FROM ledger')
      .get();
    const records = db
      .prepare(
        `SELECT count(*) n FROM record JOIN facet ON facet.id = facet WHERE kind = 'request' AND revision = 0`,
      )
      .get();
    const numberOf = (value: unknown) => Number(value ?? 0);
    return {
      seen: numberOf(ledger?.seen),
      stored: numberOf(ledger?.stored),
      unparsed: numberOf(ledger?.unparsed),
      requests: numberOf(records?.n),
    };
  } finally {
    db.close();
  }
}

/** When each request was accepted: as it should be, and at all. */
export class Arrivals {
  readonly #expected: Expected;
  readonly #joinedMs = new Map<string, Float64Array>();
  readonly #anyMs = new Map<string, Float64Array>();
  readonly #eventIds = new Set<number>();
  #records = 0;
  #repeated = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
    for (const [key, { requests }] of expected.rounds) {
      this.#joinedMs.set(key, new Float64Array(requests.length));
      this.#anyMs.set(key, new Float64Array(requests.length));
    }
  }

  add({ extendedRequestId, eventId, outcome, acceptedMs }: AcceptedRecord): void {
    const key = extendedRequestId.slice(0, 9);
    const number = Number(extendedRequestId.slice(9, -1));
    const request = this.#expected.rounds.get(key)?.requests[number];
    if (request === undefined) throw new Error(`Expected a request that was made, got ${extendedRequestId}`);
    // Six bytes tell a million ids apart.
    const short = Buffer.from(eventId, 'base64url').readUIntBE(0, 6);
    if (this.#eventIds.has(short)) this.#repeated += 1;
    else this.#records += 1;
    this.#eventIds.add(short);
    earliest(this.#anyMs.get(key), number, acceptedMs);
    if (outcome === OUTCOMES[request.kind]) earliest(this.#joinedMs.get(key), number, acceptedMs);
  }

  result(): Omit<SinkAcceptance, 'sink'> {
    const byRound = new Map<number, number[]>();
    const whole: number[] = [];
    const waiting: number[] = [];
    let missing = 0;
    let unjoined = 0;
    for (const [key, round] of this.#expected.rounds) {
      const inRound = byRound.get(round.roundMs) ?? [];
      byRound.set(round.roundMs, inRound);
      for (const [number, request] of round.requests.entries()) {
        if (this.#anyMs.get(key)?.[number] === 0) missing += 1;
        const tookMs = this.#tookMs(key, round, number);
        if (tookMs === undefined) unjoined += 1;
        else if (request.kind === 'waits') waiting.push(tookMs);
        else {
          whole.push(tookMs);
          inRound.push(tookMs);
        }
      }
    }
    const arrived = this.#expected.requests - missing;
    return {
      whole: spreadOf(whole),
      waiting: spreadOf(waiting),
      rounds: [...byRound.values()].map(spreadOf),
      missing,
      unjoined,
      repeated: this.#repeated,
      revised: this.#records - arrived,
    };
  }

  /** A record may go before the last of its lines can be read, and be revised: that is no time at all. */
  #tookMs(key: string, round: ExpectedRound, number: number): number | undefined {
    const request = round.requests[number];
    const joinedMs = this.#joinedMs.get(key)?.[number] ?? 0;
    if (request === undefined || joinedMs === 0) return undefined;
    return Math.max(0, joinedMs - readableAt(round, request));
  }
}

function earliest(times: Float64Array | undefined, at: number, ms: number): void {
  if (times !== undefined && times[at] === 0) times[at] = ms;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 };
}
