import type { Clock } from '../core/clock.ts';
import type { LaneId } from '../model/journal.ts';
import type { LaneDrain } from './drain-lane.ts';
import type { RightOfWay } from './lane-gates.ts';

/** How soon a lane that gives way looks again, and how often at last, milliseconds. */
const FIRST_LOOK_MS = 50;
const SLOWEST_LOOK_MS = 1_000;

type Place = Pick<LaneId, 'sink' | 'stream'>;

/**
 * Live rows first: lanes of other classes send to a sink only while its live lanes have everything on the way and meet no
 * trouble. What a sink takes is shared by all its lanes, and a month of old rows must not delay the newest.
 */
export class LiveFirst {
  readonly #live: readonly LaneDrain[];
  readonly #clock: Clock;

  constructor(live: readonly LaneDrain[], clock: Clock) {
    this.#live = live;
    this.#clock = clock;
  }

  /** What a lane of another class there has to wait for. */
  wayOf(place: Place): RightOfWay {
    return {
      isFree: () => this.#isFree(place),
      turn: (signal) => this.#turn(place, signal),
    };
  }

  async #turn(place: Place, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (let lookMs = FIRST_LOOK_MS; !this.#isFree(place); lookMs = Math.min(lookMs * 2, SLOWEST_LOOK_MS))
      await this.#clock.sleep(lookMs, signal);
  }

  /** The live lane that is held and that such a lane waits behind until a person acts, for people. */
  heldBehind({ sink, stream }: Place): string | undefined {
    const held = this.#live.find(({ id, status }) => {
      return id.sink === sink && id.stream === stream && status.held !== undefined;
    });
    return held === undefined ? undefined : `it waits behind ${held.id.name}, held: ${held.status.held}`;
  }

  /** A held lane of another stream sends nothing: its fault need not be theirs. */
  #isFree({ sink, stream }: Place): boolean {
    return this.#live.every(
      ({ id, isAtEase, status }) =>
        id.sink !== sink || isAtEase || (id.stream !== stream && status.held !== undefined),
    );
  }
}
