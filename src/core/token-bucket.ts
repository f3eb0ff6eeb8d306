import type { Clock } from './clock.ts';

/**
 * Limits calls to `ratePerSecond` with bursts up to `burst`. One bucket per operation, account and Region keeps
 * Gatewatch below the quota it shares with people in the console. Waiters are served in the order they came.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #ratePerMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;
  #tail: Promise<void> = Promise.resolve();

  constructor(settings: { clock: Clock; ratePerSecond: number; burst?: number }) {
    this.#clock = settings.clock;
    this.#ratePerMs = settings.ratePerSecond / 1_000;
    this.#burst = settings.burst ?? Math.max(1, settings.ratePerSecond);
    this.#tokens = this.#burst;
    this.#atMs = settings.clock.monotonic();
  }

  /** Takes one token, waiting for it if need be. Rejects with the signal's reason when aborted. */
  take(signal?: AbortSignal): Promise<void> {
    const turn = this.#tail.then(() => this.#takeNow(signal));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #takeNow(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#refill();
    if (this.#tokens < 1) {
      await this.#clock.sleep((1 - this.#tokens) / this.#ratePerMs, signal);
      this.#refill();
    }
    this.#tokens -= 1;
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#atMs) * this.#ratePerMs);
    this.#atMs = now;
  }
}
