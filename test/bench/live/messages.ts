/** What a live run and its stand-in tell each other. All times in milliseconds since the epoch. */

/** So much traffic for so long, in whole rounds. */
export interface Phase {
  readonly requestsPerSecond: number;
  readonly rounds: number;
}

export interface LiveOrder {
  readonly phases: readonly Phase[];
  /** FilterLogEvents calls a second that the account has in the Region. */
  readonly quotaPerSecond: number;
  /** What one FilterLogEvents call takes, milliseconds. */
  readonly callMs: number;
  /** Where the bodies that were accepted are kept, one file a sink. */
  readonly folder: string;
}

export type ServerWord = 'begin' | 'tell';

export interface ServerTold {
  readonly url: string;
  /** First round, once it was told to begin. */
  readonly startMs?: number;
  /** FilterLogEvents answered with a page, and throttled. */
  readonly pages: number;
  readonly pageBytes: number;
  readonly throttled: number;
  readonly bodies: number;
  readonly lastBodyMs: number;
  /** Processor time of the stand-in itself, seconds. */
  readonly cpuSeconds: number;
}
