import type { Random } from './random.ts';
import type { Tally } from './tally.ts';
import { never, ProcessClock, type VirtualTime } from './virtual-time.ts';

/** Failpoints that are worth aiming at: around everything that outlives the process. */
export const FAILPOINTS = [
  'before commitWindow',
  'after commitWindow',
  'before ackLane',
  'after ackLane',
  'before aws',
  'after aws',
  'before http',
  'after http',
  'before setLaneHeld',
  'after setLaneHeld',
  'after seenIn',
  'before renewLease',
  'after renewLease',
  'after prune',
] as const;

/**
 * One run of the worker: what can be taken from it at any await. A process that crashes never goes on; one that is
 * frozen (as by SIGSTOP) goes on where it stood once it is thawed.
 */
export class SimProcess {
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly #tally: Tally;
  #hitsLeft = Number.POSITIVE_INFINITY;
  #doomedAt: string | undefined;
  #onCrash: () => void = () => undefined;
  #thawed: Promise<void> | undefined;
  #thaw: () => void = () => undefined;
  crashedAt: string | undefined;

  constructor(time: VirtualTime, random: Random, tally: Tally) {
    this.clock = new ProcessClock(time);
    this.random = random;
    this.#tally = tally;
  }

  get isDead(): boolean {
    return this.clock.isDead;
  }

  /** Crashes at the failpoint that is passed as the `hits`-th from now on, counting only those of one name if one is given. */
  crashAfter(hits: number, onCrash: () => void, point?: string): void {
    this.#hitsLeft = hits;
    this.#doomedAt = point;
    this.#onCrash = onCrash;
  }

  kill(at: string): void {
    if (this.isDead) return;
    this.crashedAt = at;
    this.clock.kill();
    this.#onCrash();
  }

  freeze(): void {
    this.clock.isFrozen = true;
    this.#thawed = new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.clock.isFrozen = false;
    this.#thawed = undefined;
    this.#thaw();
  }

  /** A failpoint. Returns when the process may go on, which a dead one never may. */
  async pass(point: string): Promise<void> {
    if (this.#thawed !== undefined) await this.#thawed;
    if (!this.isDead && (this.#doomedAt === undefined || this.#doomedAt === point)) {
      this.#hitsLeft -= 1;
      if (this.#hitsLeft <= 0) {
        this.#tally.add(`crash ${point}`);
        this.kill(point);
      }
    }
    if (this.isDead) await never();
  }
}
