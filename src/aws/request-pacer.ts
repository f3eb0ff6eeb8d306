import type { Clock } from '../core/clock.ts';
import type { Urgency } from '../model/source-event.ts';

interface Waiter {
  readonly urgency: Urgency;
  readonly go: () => void;
}

const ORDER: readonly Urgency[] = ['live', 'behind', 'ordered'];

/** How long the rate takes to climb from nothing back to the allowed one, milliseconds. */
const RECOVERY_MS = 10_000;
/** Throttles closer together than this are one: the calls under way all meet the same wall. */
const ONE_THROTTLE_MS = 1_000;
/** The rate never falls below this share of the allowed one: somebody must find out that the weather is fair again. */
const LEAST_SHARE = 0.1;
/** Rounding, in tokens. */
const EPSILON = 1e-6;

/**
 * Paces the calls of one operation, account and Region. Never faster than `ratePerSecond` (our share of the quota); a
 * throttle halves the rate, and it climbs back evenly within ten seconds: other tools share the quota with us, and what
 * they leave changes. The SDK's own adaptive mode starts again from the rate it measured, which after a quiet minute is
 * near nothing, and takes minutes to climb.
 *
 * `live` calls go first. The others go only from a full bucket, so that a live call that comes next finds a token.
 */
export class RequestPacer {
  readonly #clock: Clock;
  readonly #ratePerMs: number;
  readonly #burst: number;
  readonly #waiting: Waiter[] = [];
  #tokens: number;
  #atMs: number;
  /** The rate right after the last throttle, and when that was. */
  #cutPerMs: number;
  #cutAtMs = Number.NEGATIVE_INFINITY;
  #napping: AbortController | undefined;

  constructor(settings: { readonly clock: Clock; readonly ratePerSecond: number; readonly burst: number }) {
    this.#clock = settings.clock;
    this.#ratePerMs = settings.ratePerSecond / 1_000;
    this.#burst = Math.max(1, settings.burst);
    this.#tokens = this.#burst;
    this.#atMs = settings.clock.monotonic();
    this.#cutPerMs = this.#ratePerMs;
  }

  /** Calls a second that may be made now. */
  get ratePerSecond(): number {
    return this.#rateAt(this.#clock.monotonic()) * 1_000;
  }

  /** Resolves when the call may be made. Rejects with the signal's reason when aborted. */
  take(urgency: Urgency, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const place = this.#waiting.indexOf(waiter);
        if (place >= 0) this.#waiting.splice(place, 1);
        reject(signal.reason);
      };
      const go = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const waiter: Waiter = { urgency, go };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#enqueue(waiter);
      this.#serve();
    });
  }

  /** AWS throttled a call. */
  slowDown(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#cutAtMs < ONE_THROTTLE_MS) return;
    this.#refill();
    this.#cutPerMs = Math.max(this.#ratePerMs * LEAST_SHARE, this.#rateAt(nowMs) / 2);
    this.#cutAtMs = nowMs;
    this.#tokens = 0;
  }

  /** Behind the last one that is as urgent. */
  #enqueue(waiter: Waiter): void {
    const rank = ORDER.indexOf(waiter.urgency);
    const place = this.#waiting.findIndex((other) => ORDER.indexOf(other.urgency) > rank);
    this.#waiting.splice(place < 0 ? this.#waiting.length : place, 0, waiter);
  }

  /** Lets go who may go; the rest is looked at again when the first of them may. */
  #serve(): void {
    this.#refill();
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#tokens + EPSILON < this.#neededBy(first)) break;
      this.#waiting.shift();
      this.#tokens -= 1;
      first.go();
    }
    this.#napping?.abort();
    this.#napping = undefined;
    const [first] = this.#waiting;
    if (first !== undefined) this.#serveLater(first);
  }

  #serveLater(first: Waiter): void {
    const nap = new AbortController();
    this.#napping = nap;
    const missing = this.#neededBy(first) - this.#tokens;
    const waitMs = Math.max(1, missing / this.#rateAt(this.#clock.monotonic()));
    // Only the abort of a nap that another call made pointless ends it early.
    this.#clock.sleep(waitMs, nap.signal).then(
      () => this.#serve(),
      () => undefined,
    );
  }

  #neededBy({ urgency }: Waiter): number {
    return urgency === 'live' ? 1 : this.#burst;
  }

  #refill(): void {
    const nowMs = this.#clock.monotonic();
    const spanMs = nowMs - this.#atMs;
    const meanRate = (this.#rateAt(this.#atMs) + this.#rateAt(nowMs)) / 2;
    this.#tokens = Math.min(this.#burst, this.#tokens + spanMs * meanRate);
    this.#atMs = nowMs;
  }

  #rateAt(ms: number): number {
    const climbed = ((ms - this.#cutAtMs) / RECOVERY_MS) * this.#ratePerMs;
    return Math.min(this.#ratePerMs, this.#cutPerMs + climbed);
  }
}
