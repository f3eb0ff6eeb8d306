import type { Clock } from '../core/clock.ts';
import type { Journal, LedgerEntry } from '../model/journal.ts';
import type { MetricRecord } from '../model/metric-record.ts';
import type { Source, Window } from '../model/source-event.ts';
import { floorTo, planMetricWindows } from '../sources/metrics/metric-windows.ts';
import type { Ingest } from './ingest.ts';

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
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #settings: MetricUnitSettings;

  constructor(options: {
    readonly source: Source<MetricRecord>;
    readonly ingest: Ingest;
    readonly journal: Journal;
    readonly clock: Clock;
    readonly settings: MetricUnitSettings;
  }) {
    this.source = options.source;
    this.#ingest = options.ingest;
    this.#journal = options.journal;
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
      changed += await this.#readWindow(window, Math.max(checkpointMs, window.toMs), signal);
    }
    return changed;
  }

  async #readWindow(window: Window, throughMs: number, signal: AbortSignal): Promise<number> {
    let changed = 0;
    // Points that were read and are in no commit yet.
    let read = 0;
    for await (const page of this.source.read(window, signal)) {
      const fresh = await this.#unknown(page.items);
      read += page.read;
      for (const { fromMs, toMs, reason } of page.gone ?? []) {
        const recordedMs = this.#clock.now();
        await this.#ingest.commitGap({ unit: this.unit, fromMs, toMs, reason, recordedMs });
      }
      if (fresh.length === 0) continue;
      const ledger = this.#ledger(window, read, fresh.length);
      const entries = await this.#ingest.commitRecords(this.unit, fresh, ledger, undefined);
      read = 0;
      changed += entries.length;
    }
    const ledger = this.#ledger(window, read, 0);
    await this.#ingest.commitRecords(this.unit, [], ledger, { readThroughMs: throughMs, rereads: [] });
    return changed;
  }

  /** Points that say something new: never seen, or with other values than the newest revision. */
  async #unknown(points: readonly MetricRecord[]): Promise<MetricRecord[]> {
    const oldestMs = Math.min(...points.map((point) => point.eventMs));
    const stored = await this.#journal.latest(
      points.map((point) => point.recordId),
      oldestMs,
    );
    return points.filter((point) => stored.get(point.recordId)?.eventId !== point.eventId);
  }

  #ledger(window: Window, read: number, seen: number): LedgerEntry {
    return { unit: this.unit, window, read, seen, stored: seen, quarantined: 0, filtered: 0, unparsed: 0 };
  }
}
