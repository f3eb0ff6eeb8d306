import type { Clock } from '../core/clock.ts';
import type { Window } from '../model/source-event.ts';
import type { LagMeter } from './lag-meter.ts';
import type { LiveReach } from './log-plan.ts';

/** A poll that takes longer than this keeps what is new waiting for what is read again. */
const LONG_POLL_MS = 4_000;
/** A poll with a short reach that takes no longer than this would not be long with a whole one either. */
const SHORT_POLL_MS = 1_000;

/**
 * How far the live polls of one group reach back. All lines that come within the allowance are found by reaching back
 * that far in each poll; but with much traffic that is three quarters of all reading, in front of what is new, and more
 * calls than the quota has. There, polls reach back only as far as nearly all lines need, and each span is read once
 * more, behind everything new, when it is as old as the allowance.
 */
export class ReachBack {
  readonly #clock: Clock;
  readonly #lag: LagMeter;
  /** Longest short reach, milliseconds: beyond it live reading and the settling of a span never meet. */
  readonly #longestShortMs: number;
  #isShort = false;
  #settling: Window | undefined;

  constructor(options: { readonly clock: Clock; readonly lag: LagMeter; readonly allowanceMs: number }) {
    this.#clock = options.clock;
    this.#lag = options.lag;
    this.#longestShortMs = options.allowanceMs / 2;
  }

  /** What the next poll does. A span that is settling at this moment must not be read by the poll as well. */
  next(): LiveReach {
    const { allowanceMs, shortReachMs } = this.#lag;
    if (!this.#isShort && this.#settling === undefined) return { overlapMs: allowanceMs };
    return { overlapMs: Math.min(shortReachMs, this.#longestShortMs), settleMs: allowanceMs };
  }

  /** Times a poll, and decides by it about the next ones. */
  async timed<T>(poll: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonic();
    const result = await poll();
    const tookMs = this.#clock.monotonic() - startedMs;
    this.#isShort = tookMs > (this.#isShort ? SHORT_POLL_MS : LONG_POLL_MS);
    return result;
  }

  /** True for a span that the live polls, as they are now, reach back to from `readThroughMs`. */
  reaches({ toMs }: Window, readThroughMs: number): boolean {
    return toMs > readThroughMs - (this.#isShort ? this.#longestShortMs : this.#lag.allowanceMs);
  }

  async settle(span: Window, read: () => Promise<void>): Promise<void> {
    this.#settling = span;
    try {
      await read();
    } finally {
      this.#settling = undefined;
    }
  }
}
