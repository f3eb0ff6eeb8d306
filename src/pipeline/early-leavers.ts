import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';

/** So long nothing must have left early before that is over, milliseconds. */
const OVER_AFTER_MS = 900_000;

/**
 * Counts lines that left before their time because more waited for a partner than memory takes, and says so once while it
 * lasts. Nothing is lost by it: what went out without a decision is revised when the partner is read.
 */
export class EarlyLeavers {
  readonly #meter: Meter;
  readonly #logger: Logger;
  /** When the last of them left; undefined while that is over. */
  #lastMs: number | undefined;

  constructor({ meter, logger }: { readonly meter: Meter; readonly logger: Logger }) {
    this.#meter = meter;
    this.#logger = logger;
  }

  /** After each commit: how many left early with it. */
  committed(lines: number, nowMs: number): void {
    if (lines > 0) this.#left(lines, nowMs);
    else if (this.#lastMs !== undefined && nowMs - this.#lastMs > OVER_AFTER_MS) {
      this.#lastMs = undefined;
      this.#logger.info({}, 'access lines wait for their authorizer as long as they should again');
    }
  }

  #left(lines: number, nowMs: number): void {
    this.#meter.count('gatewatch_lines_left_early_total', lines);
    if (this.#lastMs === undefined) this.#logger.warn({ lines }, REMARK);
    this.#lastMs = nowMs;
  }
}

const REMARK =
  'more access lines wait for their authorizer than memory takes: the oldest go out before logs.maxHold, mostly as access_only, and are revised when the authorizer is read; most likely the log group of an authorizer cannot be read or is far behind: /readyz names it';
