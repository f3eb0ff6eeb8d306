/** Remembers how long events took to become readable, and says how far a poll must reach back for the late ones. */
export class LagMeter {
  readonly #floorMs: number;
  readonly #ceilingMs: number;
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  /** The answer stays within `floorMs` (the configured allowance) and `ceilingMs`. */
  constructor(floorMs: number, ceilingMs: number) {
    this.#floorMs = floorMs;
    this.#ceilingMs = Math.max(floorMs, ceilingMs);
  }

  observe(lagMs: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(lagMs / BUCKET_MS)));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    if (this.#total >= WINDOW) this.#halve();
  }

  /** How many events the answers rest on; old ones count less and less. */
  get events(): number {
    return this.#total;
  }

  /** Lag below which `share` of the recent events stayed, in milliseconds; 0 without events. */
  quantileMs(share: number): number {
    if (this.#total === 0) return 0;
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      below += this.#counts[bucket] ?? 0;
      if (below >= share * this.#total) return (bucket + 1) * BUCKET_MS;
    }
    return BUCKETS * BUCKET_MS;
  }

  /** How far behind `readThrough` the next poll starts: the p99 lag within its bounds. */
  get allowanceMs(): number {
    return Math.min(this.#ceilingMs, Math.max(this.#floorMs, this.quantileMs(0.99)));
  }

  /** With this reach back a read misses two lines of a thousand: few enough for them to come later, milliseconds. */
  get shortReachMs(): number {
    return Math.max(LEAST_REACH_MS, this.quantileMs(SOON_SHARE));
  }

  /** Old weather fades: counts are halved, so that the last tens of thousands of events weigh most. */
  #halve(): void {
    this.#total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const half = (this.#counts[bucket] ?? 0) / 2;
      this.#counts[bucket] = half;
      this.#total += half;
    }
  }
}

const BUCKET_MS = 1_000;
const LEAST_REACH_MS = 5_000;
const SOON_SHARE = 0.998;
const BUCKETS = 3_600;
const WINDOW = 50_000;
