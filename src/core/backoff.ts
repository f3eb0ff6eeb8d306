/** Exponential back-off with full jitter. All values in milliseconds. */
export interface BackoffSettings {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Returns a number in [0, 1). Handed in, so that a test or a seeded run decides. */
  readonly random: () => number;
}

/** Delay before attempt `attempt` (1 = first retry): between half and the whole of `first · 2^(attempt-1)`, capped. */
export function backoffDelayMs(attempt: number, settings: BackoffSettings): number {
  const ceiling = Math.min(settings.maxMs, settings.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(ceiling * (0.5 + settings.random() / 2));
}
