/** All times in milliseconds. */
export interface CorrelateSettings {
  /** Longest a line waits, from when it was read. */
  readonly maxHoldMs: number;
  /** How long a record may still be revised by a partner that comes late. */
  readonly latenessMs: number;
  /** How far two hosts' clocks may differ. */
  readonly skewMs: number;
  /** Longest a request takes: bounds how much later than its authorizer a line can be. */
  readonly longestRequestMs: number;
  /** How long a WebSocket connection can live (API Gateway: two hours). */
  readonly longestConnectionMs: number;
  /** Lines that wait for a partner, those that left without it included: the journal alone has what is above. */
  readonly linesInMemory: number;
  /** So many lines a batch takes back, lets go, parks or revises beside its own, of each: those to come carry on. */
  readonly linesPerStep: number;
  readonly bodiesInMemory: number;
  readonly invocationsInMemory: number;
  readonly connectionsInMemory: number;
}

export const defaultCorrelateSettings: CorrelateSettings = {
  maxHoldMs: 300_000,
  latenessMs: 86_400_000,
  skewMs: 50,
  longestRequestMs: 30_000,
  longestConnectionMs: 7_200_000,
  linesInMemory: 30_000,
  linesPerStep: 2_000,
  bodiesInMemory: 5_000,
  invocationsInMemory: 10_000,
  connectionsInMemory: 20_000,
};

const HORIZON_HOLDS = 3;

/** How long a line that left on thin evidence (a client-settable id, a silent invocation) stays open to more of it. */
export function openForMs({ maxHoldMs }: CorrelateSettings): number {
  return HORIZON_HOLDS * maxHoldMs;
}
