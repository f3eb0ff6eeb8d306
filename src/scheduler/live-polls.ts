/** Something that is polled, by name. */
interface Polled {
  readonly unit: string;
}

/**
 * Polls units side by side, at most `limit` at a time, in the order they were asked for. A unit whose last poll is still
 * under way is left out of the next turn, alone: one slow log group keeps nobody else waiting.
 */
export class LivePolls<U extends Polled> {
  readonly #limit: number;
  readonly #onSkipped: (unit: string) => void;
  /** Waiting or under way. */
  readonly #asked = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: { readonly limit: number; readonly onSkipped: (unit: string) => void }) {
    this.#limit = options.limit;
    this.#onSkipped = options.onSkipped;
  }

  get busy(): boolean {
    return this.#asked.size > 0;
  }

  /** True while a poll of the unit waits or is under way. */
  isAsked(unit: string): boolean {
    return this.#asked.has(unit);
  }

  /** Polls every unit that is not being polled. Resolves when these polls have ended, or throws the first failure then. */
  async turn(units: readonly U[], poll: (unit: U) => Promise<unknown>): Promise<void> {
    const ready = units.filter(({ unit }) => !this.#asked.has(unit));
    for (const { unit } of units) if (this.#asked.has(unit)) this.#onSkipped(unit);
    const ends = await Promise.allSettled(ready.map((unit) => this.#one(unit, poll)));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async #one(unit: U, poll: (unit: U) => Promise<unknown>): Promise<void> {
    this.#asked.add(unit.unit);
    if (this.#running >= this.#limit) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running += 1;
    try {
      await poll(unit);
    } finally {
      this.#asked.delete(unit.unit);
      const next = this.#waiting.shift();
      // Who goes next takes over the place.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
