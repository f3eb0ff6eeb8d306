import type { CommitSite } from './commit-points/commit-sites.ts';

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
  /** The same behind a step on the disk, by the name of its site. */
  readonly kill?: { readonly site: string; readonly nth: number; readonly sites: readonly CommitSite[] };
}
