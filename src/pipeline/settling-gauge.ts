import type { Meter } from '../core/meter.ts';

/** Tells how many lines of each unit wait for their partner, and of a unit that has none any more that it has none. */
export class SettlingGauge {
  readonly #meter: Meter;
  #told: ReadonlySet<string> = new Set();

  constructor({ meter }: { readonly meter: Meter }) {
    this.#meter = meter;
  }

  tell(settling: ReadonlyMap<string, number>): void {
    for (const unit of this.#told) if (!settling.has(unit)) this.#gauge(unit, 0);
    for (const [unit, lines] of settling) this.#gauge(unit, lines);
    this.#told = new Set(settling.keys());
  }

  #gauge(unit: string, lines: number): void {
    this.#meter.gauge('gatewatch_lines_settling', lines, { unit });
  }
}
