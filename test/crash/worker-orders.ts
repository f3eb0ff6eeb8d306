/** What the test tells the process it starts. */
export interface WorkerOrders {
  /** Path of `gatewatch.yaml`. */
  readonly config: string;
  /** `once`: everything up to now, then end. `run`: until SIGTERM. */
  readonly mode: 'once' | 'run';
  /** The time it takes for now; it stands still. */
  readonly nowMs: number;
  readonly batchEvents: number;
  /** Where, and at which passing, it kills itself. */
  readonly failpoint?: { readonly name: string; readonly hits: number };
}
