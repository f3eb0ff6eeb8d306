import type { Clock } from '../core/clock.ts';
import type { MetricRecord } from '../model/metric-record.ts';
import type { Source } from '../model/source-event.ts';
import { floorTo, planMetricWindows } from '../sources/metrics/metric-windows.ts';
import type { Ingest } from './ingest.ts';
import type { MetricReads } from './metric-reads.ts';

/** All in milliseconds. */
export interface MetricUnitSettings {
  readonly periodMs: number;
  readonly settleMs: number;
  readonly revisitMs: number;
  readonly firstReadMs: number;
  /** Longest window read in one go. */
  readonly maxSpanMs: number;
}

/** The metrics of one account and Region: reads settled points, and the last ones again for corrections. */
export class MetricUnit {
  readonly source: Source<MetricRecord>;
  readonly #ingest: Ingest;
  readonly #reads: MetricReads;
  readonly #clock: Clock;
  readonly #settings: MetricUnitSettings;

  constructor(options: {
    readonly source: Source<MetricRecord>;
    readonly ingest: Ingest;
    readonly reads: MetricReads;
    readonly clock: Clock;
    readonly settings: MetricUnitSettings;
  }) {
    this.source = options.source;
    this.#ingest = options.ingest;
    this.#reads = options.reads;
    this.#clock = options.clock;
    this.#settings = options.settings;
  }

  get unit(): string {
    return this.source.unit;
  }

  /** Reads what has settled since the last time, oldest first. Returns the points that were new or corrected. */
  async poll(signal: AbortSignal): Promise<number> {
    const nowMs = this.#clock.now();
    const { periodMs, firstReadMs } = this.#settings;
    const known = this.#ingest.checkpointOf(this.unit)?.readThroughMs;
    const checkpointMs = known ?? floorTo(nowMs - firstReadMs, periodMs);
    const plan = planMetricWindows({ ...this.#settings, checkpointMs, nowMs });
    if (plan.fresh.length === 0) return 0;
    // The first read of all has nothing behind it to correct.
    const windows = known === undefined ? plan.fresh : plan.together;
    let changed = 0;
    for (const window of windows) {
      signal.throwIfAborted();
      const next = { readThroughMs: Math.max(checkpointMs, window.toMs), rereads: [] };
      changed += await this.#reads.read({ source: this.source, window, urgency: 'live', signal, next });
    }
    return changed;
  }
}
