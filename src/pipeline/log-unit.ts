import type { Clock } from '../core/clock.ts';
import { HeldError } from '../core/errors.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import { type Meter, silentMeter } from '../core/meter.ts';
import { Mutex } from '../core/mutex.ts';
import type { LogGroupFacts } from '../model/inventory.ts';
import type { Checkpoint, Journal } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Source, Window } from '../model/source-event.ts';
import type { Ingest } from './ingest.ts';
import { LagMeter } from './lag-meter.ts';
import { LagWatch } from './lag-watch.ts';
import {
  type LogPlanSettings,
  type LogTask,
  type Position,
  planBehind,
  planLive,
  planSettle,
} from './log-plan.ts';
import { floorOf, LostSpans } from './lost-spans.ts';
import { ReachBack } from './reach-back.ts';
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

export interface LogUnitOptions {
  readonly source: Source<LogPart>;
  readonly lag: LagMeter;
  readonly ingest: Ingest;
  readonly journal: Pick<Journal, 'seenIn' | 'ledger'>;
  readonly clock: Clock;
  readonly settings: LogUnitSettings;
  /** What the place says of the group, as it was last listed. */
  readonly facts?: () => LogGroupFacts;
  readonly logger?: Logger;
  readonly meter?: Meter;
}

/** Events that a slice should bring: their keys are held until it has been read whole. */
const SLICE_EVENTS = 20_000;
const SHORTEST_SLICE_MS = 60_000;
const LONGEST_SLICE_MS = 21_600_000;

/**
 * One log group: polls it live, catches up what lies behind, and reads closed windows again. Both go on at the same
 * time, because a long re-read must not keep what is new waiting; they read apart from each other, and what each leaves
 * behind is worked out when it ends.
 */
export class LogUnit {
  #source: Source<LogPart>;
  readonly #live = new Mutex();
  readonly #behind = new Mutex();
  readonly #settle = new Mutex();
  readonly #positions = new Mutex();
  readonly lag: LagMeter;
  readonly #watch: LagWatch;
  readonly #reach: ReachBack;
  readonly #ingest: Ingest;
  readonly #journal: Pick<Journal, 'seenIn' | 'ledger'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #settings: LogUnitSettings;
  #sliceMs: number;
  readonly #facts: () => LogGroupFacts;
  readonly #lost: LostSpans;
  /** Where live reading stands after the clock went back behind what was read: the position waits for it. */
  #standsAtMs: number | undefined;

  constructor(options: LogUnitOptions) {
    this.#source = options.source;
    this.lag = options.lag;
    this.#ingest = options.ingest;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#settings = options.settings;
    this.#logger = options.logger ?? silentLogger;
    this.#meter = options.meter ?? silentMeter;
    this.#facts = options.facts ?? (() => ({}));
    this.#sliceMs = options.settings.sliceMs;
    const { settings } = options;
    this.#lost = new LostSpans({
      unit: this.unit,
      ingest: this.#ingest,
      clock: this.#clock,
      logger: this.#logger,
      meter: this.#meter,
      positions: this.#positions,
      facts: this.#facts,
      firstReadMs: settings.firstReadMs,
      allowanceMs: () => this.lag.allowanceMs,
    });
    this.#reach = new ReachBack({ ...options, allowanceMs: settings.lagAllowanceMs });
    this.#watch = new LagWatch({ unit: this.unit, logger: this.#logger, meter: this.#meter, settings });
  }

  get unit(): string {
    return this.#source.unit;
  }

  get source(): Source<LogPart> {
    return this.#source;
  }

  /** Since when the group has not existed; undefined while it does. */
  get missingSinceMs(): number | undefined {
    return this.#lost.missingSinceMs;
  }

  /** What has outgrown its setting, in words; undefined while nothing has. */
  get remark(): string | undefined {
    return this.#watch.remark;
  }

  /** The same group, read as a newer inventory says, from the next read on. */
  replaceSource(source: Source<LogPart>): void {
    this.#source = source;
  }

  /** Says what of a span of the past, which is going to be read on order, has expired and was never read. */
  async recordExpired(span: Window): Promise<void> {
    const entries = await this.#journal.ledger(span.fromMs, span.toMs);
    const known = entries.filter(({ unit }) => unit === this.unit).map(({ window }) => window);
    await this.#lost.recordExpired(span, known);
  }

  /** Reads from where live reading stands up to now. Returns first-time events. */
  pollLive(signal: AbortSignal): Promise<number> {
    return this.#live.run(() => this.#pollLive(signal));
  }

  async #pollLive(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    await this.#lost.recordGone();
    const task = this.#planLive();
    if (task === undefined) return 0;
    try {
      const events = await this.#reach.timed(() => this.#read(task, signal));
      this.#lost.exists();
      this.#watch.measured(this.lag);
      return events;
    } catch (error) {
      if (!isMissing(error)) throw error;
      await this.#lost.missing(error, task.window.toMs);
      return 0;
    }
  }

  #planLive(): LogTask | undefined {
    const nowMs = this.#clock.now();
    const checkpoint = this.#ingest.checkpointOf(this.unit);
    const sliceMs = Math.min(this.#sliceMs, this.#settings.sliceMs);
    const floor = floorOf(this.#facts(), nowMs);
    const firstReadMs = Math.min(this.#settings.firstReadMs, nowMs - (floor?.fromMs ?? 0));
    const task = planLive(checkpoint, nowMs, this.#reach.next(), { ...this.#settings, firstReadMs }, sliceMs);
    if (task !== undefined || checkpoint === undefined) {
      this.#standsAtMs = undefined;
      return task;
    }
    return this.#planBeforePosition(checkpoint, nowMs, sliceMs);
  }

  /**
   * The clock says a time that was read through already: it went back. What is new is read all the same, from poll to
   * poll; the position stays, and nothing is read twice as often as before.
   */
  #planBeforePosition(checkpoint: Checkpoint, nowMs: number, sliceMs: number): LogTask | undefined {
    if (nowMs === checkpoint.readThroughMs) return undefined;
    const stands = this.#standsAtMs;
    this.#standsAtMs = nowMs;
    if (stands === undefined) {
      const backMs = checkpoint.readThroughMs - nowMs;
      this.#logger.warn(
        { unit: this.unit, backMs },
        'the clock went back: reading goes on from where it is now',
      );
    }
    const fromMs = Math.max(Math.min(stands ?? nowMs, nowMs), nowMs - sliceMs) - this.lag.allowanceMs;
    const keep = ({ readThroughMs, rereads }: Checkpoint): Position => ({ readThroughMs, rereads });
    return { kind: 'live', window: { fromMs, toMs: nowMs }, after: (current) => keep(current ?? checkpoint) };
  }

  /** Reads one span once more that live polls read with a short reach. Returns false when there is none to read. */
  pollSettled(signal: AbortSignal): Promise<boolean> {
    return this.#settle.run(() => this.#pollSettled(signal));
  }

  async #pollSettled(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const checkpoint = this.#ingest.checkpointOf(this.unit);
    if (checkpoint === undefined || this.missingSinceMs !== undefined) return false;
    const task = planSettle(checkpoint, this.#clock.now());
    if (task === undefined) return false;
    const read = () => this.#reach.settle(task.window, () => this.#readBehind(task, signal));
    try {
      const through = Math.min(checkpoint.readThroughMs, this.#standsAtMs ?? Number.POSITIVE_INFINITY);
      await (this.#reach.reaches(task.window, through) ? this.#live.run(read) : read());
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    return true;
  }

  /** Does one piece of catching up or reading again. Returns false when there is none to do. */
  pollBehind(signal: AbortSignal): Promise<boolean> {
    return this.#behind.run(() => this.#pollBehind(signal));
  }

  async #pollBehind(signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (this.missingSinceMs !== undefined) return false;
    await this.#lost.recordGone();
    const task = this.#planBehind();
    if (task === undefined) return false;
    try {
      await (this.#touchesLive(task.window)
        ? this.#live.run(() => this.#readBehind(task, signal))
        : this.#readBehind(task, signal));
    } catch (error) {
      // The next live poll finds it missing as well, and says what that means.
      if (isMissing(error)) return false;
      throw error;
    }
    return true;
  }

  #planBehind(): LogTask | undefined {
    const checkpoint = this.#ingest.checkpointOf(this.unit);
    if (checkpoint === undefined) return undefined;
    return planBehind(checkpoint, this.#clock.now(), { ...this.#settings, sliceMs: this.#sliceMs });
  }

  /** Two reads of one span at the same time would make sense of the same late lines twice: there they go one after the other. */
  #touchesLive({ toMs }: Window): boolean {
    const checkpoint = this.#ingest.checkpointOf(this.unit);
    const stands = this.#standsAtMs ?? Number.POSITIVE_INFINITY;
    const through = Math.min(checkpoint?.readThroughMs ?? 0, stands);
    return toMs > through - this.#settings.maxOverlapMs;
  }

  async #readBehind(task: LogTask, signal: AbortSignal): Promise<void> {
    const found = { count: 0, longestMs: 0 };
    const events = await this.#read(task, signal, (lagMs) => {
      found.count += 1;
      found.longestMs = Math.max(found.longestMs, lagMs);
    });
    if (task.kind === 'catch_up') this.#adaptSlice(events);
    if (task.pass !== undefined) this.#watch.found({ pass: task.pass, ...found });
  }

  /** A call costs the same quota however little it brings: quiet groups are caught up in longer slices. */
  #adaptSlice(events: number): void {
    if (events < SLICE_EVENTS / 8) this.#sliceMs = Math.min(this.#sliceMs * 8, LONGEST_SLICE_MS);
    else if (events < SLICE_EVENTS / 2) this.#sliceMs = Math.min(this.#sliceMs * 2, LONGEST_SLICE_MS);
    else if (events > SLICE_EVENTS * 2) this.#sliceMs = Math.max(this.#sliceMs / 2, SHORTEST_SLICE_MS);
  }

  /** What catching up brings is of old weather and says nothing of the lag now. */
  #read(task: LogTask, signal: AbortSignal, onFresh?: (lagMs: number) => void): Promise<number> {
    const onLag = (lagMs: number) => {
      if (task.kind !== 'catch_up') this.lag.observe(lagMs);
      onFresh?.(lagMs);
    };
    return readLogUnit({
      source: this.#source,
      task,
      ingest: this.#ingest,
      seenIn: (unit, fromMs, toMs) => this.#journal.seenIn(unit, fromMs, toMs),
      onLag,
      batchEvents: this.#settings.batchEvents,
      positions: this.#positions,
      signal,
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof HeldError && error.code === 'aws_not_found';
}

export function createLagMeter(settings: LogUnitSettings): LagMeter {
  return new LagMeter(settings.lagAllowanceMs, settings.maxOverlapMs);
}
