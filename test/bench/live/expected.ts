import { BASE_MS, ROUND_MS, type RoundRequest } from '../bench-traffic.ts';
import { idOfRound, LIVE_APIS, liveRound, ratesOf } from './live-traffic.ts';
import type { Phase } from './messages.ts';

/** The requests of one round of one API, by their number. */
export interface ExpectedRound {
  readonly roundMs: number;
  readonly requests: readonly RoundRequest[];
}

/** What a stand-in writes from `startMs` on: it is the same whenever it is asked. */
export class Expected {
  readonly lines: number;
  readonly requests: number;
  /** By the first nine characters of the extended request id: the round's eight, and the API's. */
  readonly rounds: ReadonlyMap<string, ExpectedRound>;

  constructor(phases: readonly Phase[], startMs: number) {
    const rates = ratesOf(phases);
    const byRate = new Map(
      [...new Set(rates)].map((rate) => [rate, LIVE_APIS.map((api) => liveRound(api, rate))]),
    );
    const rounds = new Map<string, ExpectedRound>();
    let lines = 0;
    let requests = 0;
    for (const [index, rate] of rates.entries()) {
      const roundMs = startMs + index * ROUND_MS;
      for (const [api, events] of byRate.get(rate)?.entries() ?? []) {
        rounds.set(`${idOfRound(roundMs)}${api}`, { roundMs, requests: events.requests });
        lines += events.access.length + events.authorizer.length;
        requests += events.requests.length;
      }
    }
    this.lines = lines;
    this.requests = requests;
    this.rounds = rounds;
  }
}

/** When every line of a request can be read, in its round. */
export function readableAt({ roundMs }: ExpectedRound, { readableMs }: RoundRequest): number {
  return roundMs + readableMs - BASE_MS;
}
