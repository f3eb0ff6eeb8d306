import type { Clock } from '../core/clock.ts';
import { Mutex } from '../core/mutex.ts';
import type { Journal } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Source } from '../model/source-event.ts';
import type { Ingest } from './ingest.ts';
import { LagMeter } from './lag-meter.ts';
import { type LogPlanSettings, planBehind, planLive } from './log-plan.ts';
import { readLogUnit } from './read-log-unit.ts';

/** All times in milliseconds. */
export interface LogUnitSettings extends LogPlanSettings {
  /** Least span that a poll reaches back behind `readThrough`. */
  readonly lagAllowanceMs: number;
  /** Most it reaches back, however late lines come; what is later still is for the re-reads. */
  readonly maxOverlapMs: number;
  /** First-time events per commit. */
  readonly batchEvents: number;
}

/** Events that a slice should bring: their keys are held until it has been read whole. */
const SLICE_EVENTS = 20_000;
const SHORTEST_SLICE_MS = 60_000;
const LONGEST_SLICE_MS = 21_600_000;

/** One log group: polls it live, catches up what lies behind, and reads closed windows again. */
export class LogUnit {
  #source: Source<LogPart>;
  /** What a read leaves behind is planned from where the unit stood: two at once would undo each other's position. */
  readonly #turns = new Mutex();
  readonly lag: LagMeter;
  readonly #ingest: Ingest;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #settings: LogUnitSettings;
  #sliceMs: number;

  constructor(options: {
    readonly source: Source<LogPart>;
    readonly lag: LagMeter;
    readonly ingest: Ingest;
    readonly journal: Journal;
    readonly clock: Clock;
    readonly settings: LogUnitSettings;
  }) {
    this.#source = options.source;
    this.lag = options.lag;
    this.#ingest = options.ingest;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#settings = options.settings;
    this.#sliceMs = options.settings.sliceMs;
  }

  get unit(): string {
    return this.#source.unit;
  }

  get source(): Source<LogPart> {
    return this.#source;
  }

  /** The same group, read as a newer inventory says, from the next read on. */
  replaceSource(source: Source<LogPart>): void {
    this.#source = source;
  }

  /** Reads from where live reading stands up to now. Returns first-time events. */
  pollLive(signal: AbortSignal): Promise<number> {
    return this.#turns.run(() => this.#pollLive(signal));
  }

  async #pollLive(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const nowMs = this.#clock.now();
    const checkpoint = this.#ingest.checkpointOf(this.unit);
    const sliceMs = Math.min(this.#sliceMs, this.#settings.sliceMs);
    const task = planLive(checkpoint, nowMs, this.lag.allowanceMs, this.#settings, sliceMs);
    return task === undefined ? 0 : this.#read(task, signal);
  }

  /** Does one piece of catching up or reading again. Returns false when there is none to do. */
  pollBehind(signal: AbortSignal): Promise<boolean> {
    return this.#turns.run(() => this.#pollBehind(signal));
  }

  async #pollBehind(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const checkpoint = this.#ingest.checkpointOf(this.unit);
    if (checkpoint === undefined) return false;
    const settings = { ...this.#settings, sliceMs: this.#sliceMs };
    const task = planBehind(checkpoint, this.#clock.now(), settings);
    if (task === undefined) return false;
    const events = await this.#read(task, signal);
    if (task.kind === 'catch_up') this.#adaptSlice(events);
    return true;
  }

  /** A call costs the same quota however little it brings: quiet groups are caught up in longer slices. */
  #adaptSlice(events: number): void {
    if (events < SLICE_EVENTS / 8) this.#sliceMs = Math.min(this.#sliceMs * 8, LONGEST_SLICE_MS);
    else if (events < SLICE_EVENTS / 2) this.#sliceMs = Math.min(this.#sliceMs * 2, LONGEST_SLICE_MS);
    else if (events > SLICE_EVENTS * 2) this.#sliceMs = Math.max(this.#sliceMs / 2, SHORTEST_SLICE_MS);
  }

  #read(task: Parameters<typeof readLogUnit>[0]['task'], signal: AbortSignal): Promise<number> {
    return readLogUnit({
      source: this.#source,
      task,
      ingest: this.#ingest,
      seenIn: (unit, fromMs, toMs) => this.#journal.seenIn(unit, fromMs, toMs),
      lag: this.lag,
      batchEvents: this.#settings.batchEvents,
      signal,
    });
  }
}

export function createLagMeter(settings: LogUnitSettings): LagMeter {
  return new LagMeter(settings.lagAllowanceMs, settings.maxOverlapMs);
}
