/** What the processes of the benchmark tell each other. */
export interface ServerOrder {
  readonly nowMs: number;
  /** At least so many events are served. */
  readonly events: number;
  /** Which events `events` counts. */
  readonly count: 'all' | 'access';
  /** `denied`: the authorizers' log groups cannot be read, so that every access line waits. */
  readonly authorizers: 'readable' | 'denied';
}

export interface ServerReady {
  readonly url: string;
  readonly fromMs: number;
  readonly events: number;
  readonly accessEvents: number;
  readonly groups: readonly string[];
}

/** What a measured process is to do. */
export interface Task {
  readonly server: ServerReady;
  readonly nowMs: number;
}

/** Destinations that never answer, and that take everything. */
export interface UndeliveredTask {
  readonly rows: number;
  readonly silentUrl: string;
  readonly takingUrl: string;
}

export interface Measured {
  readonly events: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakRssMb: number;
  /** Records, bodies, bytes: whatever shows that the work was done. */
  readonly notes: Readonly<Record<string, number>>;
  /** Why the result does not count; empty when it does. */
  readonly faults: readonly string[];
}
