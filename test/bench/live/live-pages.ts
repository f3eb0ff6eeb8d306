import { ROUND_MS } from '../bench-traffic.ts';
import type { FilterRequest } from '../log-pages.ts';
import { LIVE_APIS, liveRound, ratesOf } from './live-traffic.ts';
import type { Phase } from './messages.ts';
import { RoundBytes } from './round-bytes.ts';

/** FilterLogEvents pages end at 10,000 events or 1 MB. */
const PAGE_EVENTS = 10_000;
const PAGE_BYTES = 1_048_576;

const NOTHING = Buffer.from('{"events":[],"searchedLogStreams":[]}');

/** Log groups whose events come and become readable as time passes. A token is a round and an event's place in it. */
export class LivePages {
  readonly #rates: readonly number[];
  readonly #share: number;
  /** By group, then by rate. */
  readonly #rounds = new Map<string, Map<number, RoundBytes>>();
  startMs = Number.POSITIVE_INFINITY;

  /** `share`: of the real size of a page, for a model on a smaller scale. */
  constructor(phases: readonly Phase[], share = 1) {
    this.#share = share;
    this.#rates = ratesOf(phases);
    for (const rate of new Set(this.#rates)) {
      for (const api of LIVE_APIS) {
        const { access, authorizer } = liveRound(api, rate);
        this.#keep(api.accessGroup, rate, new RoundBytes(access));
        this.#keep(api.authorizer.logGroup, rate, new RoundBytes(authorizer));
      }
    }
  }

  get endMs(): number {
    return this.startMs + this.#rates.length * ROUND_MS;
  }

  answer({ logGroupName, startTime, endTime, nextToken }: FilterRequest, nowMs: number): Buffer {
    const rounds = this.#rounds.get(logGroupName);
    const fromMs = Math.max(startTime, this.startMs);
    const toMs = Math.min(endTime, this.endMs, nowMs);
    if (rounds === undefined || fromMs >= toMs) return NOTHING;
    const [firstRound = 0, firstEvent = 0] = nextToken?.split('.').map(Number) ?? [
      fromMs - (fromMs % ROUND_MS),
      0,
    ];
    const page = new Page({ fromMs, toMs, nowMs, share: this.#share });
    for (let roundMs = firstRound; roundMs < toMs; roundMs += ROUND_MS) {
      const round = rounds.get(this.#rates[(roundMs - this.startMs) / ROUND_MS] ?? 0);
      const stoppedAt = round && page.take(round, roundMs, roundMs === firstRound ? firstEvent : 0);
      if (stoppedAt !== undefined) return page.bytes(`${roundMs}.${stoppedAt}`);
    }
    return page.bytes();
  }

  #keep(group: string, rate: number, round: RoundBytes): void {
    const rounds = this.#rounds.get(group) ?? new Map<number, RoundBytes>();
    rounds.set(rate, round);
    this.#rounds.set(group, rounds);
  }
}

class Page {
  readonly #fromMs: number;
  readonly #toMs: number;
  readonly #nowMs: number;
  readonly #mostEvents: number;
  readonly #mostBytes: number;
  readonly #pieces: Buffer[] = [Buffer.from('{"events":[')];
  #events = 0;
  #bytes = 0;

  constructor(options: { fromMs: number; toMs: number; nowMs: number; share: number }) {
    this.#fromMs = options.fromMs;
    this.#toMs = options.toMs;
    this.#nowMs = options.nowMs;
    this.#mostEvents = PAGE_EVENTS * options.share;
    this.#mostBytes = PAGE_BYTES * options.share;
  }

  /** Takes the round's events from `first` on. Returns where the page was full; undefined when all of them fit. */
  take(round: RoundBytes, roundMs: number, first: number): number | undefined {
    let begun = -1;
    let index = first;
    let isFull = false;
    for (; index < round.count; index += 1) {
      const atMs = roundMs + (round.atMs[index] ?? 0);
      if (atMs >= this.#toMs) break;
      const isIn = atMs >= this.#fromMs && roundMs + (round.readableMs[index] ?? 0) <= this.#nowMs;
      if (isIn) {
        const size = round.sizes[index] ?? 0;
        isFull = this.#events >= this.#mostEvents || this.#bytes + size > this.#mostBytes;
        if (isFull) break;
        this.#events += 1;
        this.#bytes += size;
        if (begun < 0) begun = index;
      } else if (begun >= 0) {
        this.#pieces.push(round.copy(begun, index, roundMs));
        begun = -1;
      }
    }
    if (begun >= 0) this.#pieces.push(round.copy(begun, index, roundMs));
    return isFull ? index : undefined;
  }

  bytes(nextToken?: string): Buffer {
    const last = this.#pieces.at(-1);
    // The comma behind the last event.
    if (last !== undefined && this.#events > 0) this.#pieces[this.#pieces.length - 1] = last.subarray(0, -1);
    const token = nextToken === undefined ? '' : `,"nextToken":"${nextToken}"`;
    return Buffer.concat([...this.#pieces, Buffer.from(`],"searchedLogStreams":[]${token}}`)]);
  }
}
