import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import { Mutex } from '../core/mutex.ts';
import type { Journal } from '../model/journal.ts';
import type { LaneVoice } from './lane-voice.ts';

export interface HeldMarkOptions {
  readonly lane: string;
  readonly journal: Pick<Journal, 'setLaneHeld'>;
  readonly voice: LaneVoice;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** How long to wait after so many failures in a row, milliseconds. */
  readonly backoffMs: (attempt: number) => number;
}

/**
 * Whether a lane is held: here at once, and in the journal for the commands that read it. A write that fails stops
 * nobody; it is made up for by `settle`, or a quiet lane would stand there as held until its next row.
 */
export class HeldMark {
  readonly #options: HeldMarkOptions;
  /** One write at a time, so that the last one says what is so. */
  readonly #writing = new Mutex();
  #reason: string | undefined;
  #sinceMs: number | undefined;
  /** What the journal says. */
  #written: string | undefined;
  #failures = 0;
  #notBeforeMs = 0;

  constructor(options: HeldMarkOptions) {
    this.#options = options;
  }

  /** Undefined while the lane is not held. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** When this worker was first told so; undefined while that is only known from the one before it. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** As the journal has it. */
  start(reason: string | undefined): void {
    [this.#reason, this.#written] = [reason, reason];
    if (reason !== undefined) this.#options.voice.heldBefore(reason);
  }

  async hold(reason: string): Promise<void> {
    this.#options.voice.held(reason);
    this.#sinceMs ??= this.#options.clock.now();
    if (this.#reason === reason) return;
    this.#reason = reason;
    await this.#write();
  }

  async release(): Promise<void> {
    if (this.#reason === undefined) return;
    [this.#reason, this.#sinceMs] = [undefined, undefined];
    this.#options.voice.resumed();
    await this.#write();
  }

  /** Tells the journal what it could not be told before, at most as often as `backoffMs` says. */
  async settle(): Promise<void> {
    if (this.#written === this.#reason || this.#options.clock.monotonic() < this.#notBeforeMs) return;
    await this.#write();
  }

  /** A last try before the lane stops, whenever the one before it was. */
  end(): Promise<void> {
    return this.#write();
  }

  /** Rejects with `FencedError` alone: any other failure is said, and left to `settle`. */
  async #write(): Promise<void> {
    const { voice, clock, backoffMs } = this.#options;
    try {
      await this.#writing.run(() => this.#writeNow());
      this.#failures = 0;
    } catch (error) {
      if (error instanceof FencedError) throw error;
      this.#failures += 1;
      this.#notBeforeMs = clock.monotonic() + backoffMs(this.#failures);
      voice.failed(messageOf(error));
    }
  }

  async #writeNow(): Promise<void> {
    const { lane, journal } = this.#options;
    const reason = this.#reason;
    if (reason === this.#written) return;
    await journal.setLaneHeld(lane, reason);
    this.#written = reason;
  }
}
