import type { Clock } from '../core/clock.ts';
import type { Journal } from '../model/journal.ts';
import type { LaneDrain } from '../pipeline/drain-lane.ts';
import type { LaneSet } from '../pipeline/lane-set.ts';

const LOOK_MS = 20;

/** What is stored and not delivered yet, over all standing lanes: for runs that end once everything is delivered. */
export class LaneBacklog {
  readonly #lanes: readonly LaneDrain[];
  readonly #liveFirst: LaneSet['liveFirst'];
  readonly #journal: Journal;
  readonly #clock: Clock;

  constructor(options: { readonly lanes: LaneSet; readonly journal: Journal; readonly clock: Clock }) {
    this.#lanes = [...options.lanes.live, ...options.lanes.backfill];
    this.#liveFirst = options.lanes.liveFirst;
    this.#journal = options.journal;
    this.#clock = options.clock;
  }

  /** Waits until each lane, which has to be running, is empty or waits for a person; at most until the signal aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    for (const lane of this.#lanes) {
      while (!signal.aborted && this.#heldReason(lane) === undefined && (await this.#isPending(lane))) {
        lane.wake();
        await this.#clock.sleep(LOOK_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Lanes that are held or still have something to deliver, each with the reason in words. */
  async undelivered(): Promise<string[]> {
    const left: string[] = [];
    for (const lane of this.#lanes) {
      const { held, trouble } = lane.status;
      if (held !== undefined) left.push(`lane ${lane.id.name} is held: ${held}`);
      else if (await this.#isPending(lane))
        left.push(
          `lane ${lane.id.name} is not drained: ${this.#heldReason(lane) ?? trouble ?? 'time is up'}`,
        );
    }
    return left;
  }

  async #isPending(lane: LaneDrain): Promise<boolean> {
    return (await this.#journal.readLane(lane.id, lane.status.cursor, 1)).length > 0;
  }

  /**
   * Why a lane waits for a person: its own fault, or that of the live lane it gives way to. What the last worker was told
   * may be mended since: only what this one was told counts.
   */
  #heldReason({ id, status: { held, heldSinceMs } }: LaneDrain): string | undefined {
    if (held !== undefined) return heldSinceMs === undefined ? undefined : held;
    return id.class === 'live' ? undefined : this.#liveFirst.heldBehind(id);
  }
}
