/**
 * Values on a grid of times, absent where nothing was published. Two weeks of minutes are 160 kB: thousands of series
 * are held at the same time.
 */
export class PointGrid {
  /** Time of the first place. */
  readonly fromMs: number;
  readonly stepMs: number;
  readonly #values: Float64Array;

  /** Places from `fromMs` up to `toMs`, that itself left out. */
  constructor(span: { readonly fromMs: number; readonly toMs: number }, stepMs: number) {
    this.fromMs = span.fromMs;
    this.stepMs = stepMs;
    const places = Math.max(0, Math.ceil((span.toMs - span.fromMs) / stepMs));
    this.#values = new Float64Array(places).fill(Number.NaN);
  }

  get places(): number {
    return this.#values.length;
  }

  get isEmpty(): boolean {
    return this.#values.every(Number.isNaN);
  }

  at(atMs: number): number | undefined {
    const value = this.#values[(atMs - this.fromMs) / this.stepMs];
    return value === undefined || Number.isNaN(value) ? undefined : value;
  }

  /** A time outside of the grid or between its places is left out. */
  set(atMs: number, value: number): void {
    const place = (atMs - this.fromMs) / this.stepMs;
    if (Number.isInteger(place) && place >= 0 && place < this.#values.length) this.#values[place] = value;
  }

  /** Times and values that are there, oldest first. */
  *points(): Iterable<readonly [number, number]> {
    for (const [place, value] of this.#values.entries()) {
      if (!Number.isNaN(value)) yield [this.fromMs + place * this.stepMs, value];
    }
  }
}
