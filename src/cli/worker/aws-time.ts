import type { Clock } from '../../core/clock.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';

/** Less than this is the way of an answer, or of a clock that is kept, milliseconds. */
const TOLERANCE_MS = 30_000;
/** An answer tells the time to the second, and was under way for a while: what is said is not more exact than that. */
const SAID_TO_MS = 10_000;

/**
 * The host's clock, corrected by what AWS's answers say of the time. Windows are cut by it: on a host that is ten minutes
 * fast, "up to now" would otherwise mean minutes that CloudWatch has yet to see, and they would count as read.
 */
export class AwsTime implements Clock {
  readonly #host: Clock;
  readonly #aheadMs: () => number;
  readonly #logger: Logger;
  readonly #meter: Meter;
  #remark: string | undefined;

  constructor(options: {
    readonly host: Clock;
    /** How far AWS's clock is ahead of the host's, milliseconds. */
    readonly aheadMs: () => number;
    readonly logger: Logger;
    readonly meter: Meter;
  }) {
    this.#host = options.host;
    this.#aheadMs = options.aheadMs;
    this.#logger = options.logger;
    this.#meter = options.meter;
  }

  /** What is wrong with the host's clock, in words; undefined while it agrees with AWS. */
  get remark(): string | undefined {
    return this.#remark;
  }

  now(): number {
    const aheadMs = this.#aheadMs();
    const isOff = Math.abs(aheadMs) > TOLERANCE_MS;
    if (isOff !== (this.#remark !== undefined)) this.#say(isOff, aheadMs);
    return this.#host.now() + (isOff ? aheadMs : 0);
  }

  monotonic(): number {
    return this.#host.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#host.sleep(ms, signal);
  }

  #say(isOff: boolean, aheadMs: number): void {
    this.#meter.gauge('gatewatch_clock_ahead_ms', isOff ? -aheadMs : 0);
    if (!isOff) {
      this.#remark = undefined;
      this.#logger.info({}, "the host's clock agrees with AWS again");
      return;
    }
    const by = formatDuration(Math.round(Math.abs(aheadMs) / SAID_TO_MS) * SAID_TO_MS);
    const side = aheadMs > 0 ? 'behind' : 'ahead of';
    this.#remark = `the host's clock is ${by} ${side} AWS: reading goes by AWS's time meanwhile; set the clock (NTP)`;
    this.#logger.warn({ aheadOfAwsMs: -aheadMs }, this.#remark);
  }
}
