import cron, { type ScheduledTask } from 'node-cron';
import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { runLimited } from '../core/run-limited.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Journal, StreamName } from '../model/journal.ts';
import type { LaneDrain, LaneStatus } from '../pipeline/drain-lane.ts';
import type { Ingest } from '../pipeline/ingest.ts';
import type { LogUnit } from '../pipeline/log-unit.ts';
import type { MetricUnit } from '../pipeline/metric-unit.ts';
import type { ScheduleConfig } from './config.ts';
import { UnitHealth, type UnitState } from './unit-health.ts';

export interface Units {
  readonly logs: readonly LogUnit[];
  readonly metrics: readonly MetricUnit[];
}

export interface WorkerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly journal: Journal;
  readonly ingest: Ingest;
  readonly lanes: readonly LaneDrain[];
  readonly schedule: ScheduleConfig;
  /** Lists APIs and stages again and returns what to go on with. */
  readonly discover: (signal: AbortSignal) => Promise<Inventory>;
  /** Units for an inventory; a unit that stays keeps its object. */
  readonly unitsOf: (inventory: Inventory) => Units;
  /** How long seen keys and settled state are kept, milliseconds. */
  readonly seenForMs: number;
}

export interface WorkerStatus {
  readonly inventory: Inventory | undefined;
  readonly units: readonly (UnitState & { readonly readThroughMs: number | undefined })[];
  readonly lanes: readonly LaneStatus[];
  readonly skippedRuns: number;
}

/** How many groups are read at the same time: the quota is shared, so more would only wait longer each. */
const UNITS_AT_ONCE = 6;
const LEASE_RENEWAL_MS = 5_000;
const PRUNE_MS = 600_000;
const BEHIND_PAUSE_MS = 2_000;

/**
 * Runs everything: sources by their schedules, catching up beside them, one drain per lane. A run that is still busy is
 * not started again. Losing the journal to another worker ends it.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #health: UnitHealth;
  readonly #busy = new Set<string>();
  #inventory: Inventory | undefined;
  #units: Units = { logs: [], metrics: [] };
  #skippedRuns = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#health = new UnitHealth(options);
  }

  status(): WorkerStatus {
    const units = [...this.#units.logs, ...this.#units.metrics].map(({ unit }) => ({
      ...this.#health.stateOf(unit),
      readThroughMs: this.#options.ingest.readWholeThrough(unit),
    }));
    const lanes = this.#options.lanes.map((lane) => lane.status);
    return { inventory: this.#inventory, units, lanes, skippedRuns: this.#skippedRuns };
  }

  /** Works until the signal aborts, then returns once every task has ended. Throws `FencedError` when it lost the journal. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    const fail = (error: unknown) => stop.abort(error);
    await this.#start(all);
    const background = this.#background(all, fail);
    const tasks = this.#schedule(all, fail);
    await this.#logsTick(all).catch(fail);
    await this.#single('metrics', () => this.#metricsTick(all)).catch(fail);
    await aborted(all);
    for (const task of tasks) await task.destroy();
    await Promise.allSettled(background);
    if (stop.signal.aborted && !signal.aborted) throw stop.signal.reason;
  }

  /**
   * Reads everything up to now and delivers it. Returns what is left undone, in words; empty when all is done. Ends at
   * the signal at the latest.
   */
  async once(signal: AbortSignal): Promise<readonly string[]> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    await this.#start(all);
    const background = [...this.#drains(all, (error) => stop.abort(error)), this.#renewLease(all)];
    try {
      await this.#readAll(all);
      await this.#drainAll(all);
      return await this.#leftUndone();
    } finally {
      stop.abort(new Error('done'));
      await Promise.allSettled(background);
    }
  }

  async #start(signal: AbortSignal): Promise<void> {
    await this.#options.ingest.start();
    for (const lane of this.#options.lanes) await lane.start();
    await this.#refreshInventory(signal);
  }

  async #refreshInventory(signal: AbortSignal): Promise<void> {
    const inventory = await this.#options.discover(signal);
    this.#inventory = inventory;
    this.#units = this.#options.unitsOf(inventory);
    this.#options.meter.gauge('gatewatch_inventory_stages', inventory.stages.length);
    this.#options.meter.gauge('gatewatch_inventory_complete', inventory.complete ? 1 : 0);
    for (const problem of inventory.problems) this.#options.logger.warn({ ...problem }, 'inventory');
  }

  #schedule(signal: AbortSignal, fail: (error: unknown) => void): ScheduledTask[] {
    const { schedule } = this.#options;
    const task = (name: string, expression: string, work: () => Promise<void>) =>
      cron.schedule(expression, () => this.#single(name, work).catch(fail), { timezone: 'UTC', name });
    return [
      task('logs', schedule.logs, () => this.#logsTick(signal)),
      task('metrics', schedule.metrics, () => this.#metricsTick(signal)),
      task('inventory', schedule.inventory, () => this.#refreshInventory(signal)),
    ];
  }

  /** Starts a task unless its last run is still busy; that is counted, not queued. */
  async #single(name: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(name)) {
      this.#skippedRuns += 1;
      this.#options.meter.count('gatewatch_schedule_skipped_total', 1, { task: name });
      return;
    }
    this.#busy.add(name);
    const startedMs = this.#options.clock.monotonic();
    try {
      await work();
    } catch (error) {
      if (error instanceof FencedError) throw error;
      this.#options.logger.error(
        { task: name, reason: messageOf(error) },
        'task failed; it runs again on schedule',
      );
    } finally {
      this.#busy.delete(name);
      const tookMs = this.#options.clock.monotonic() - startedMs;
      this.#options.meter.observe('gatewatch_schedule_run_ms', tookMs, { task: name });
    }
  }

  async #logsTick(signal: AbortSignal): Promise<void> {
    await runLimited(this.#units.logs, UNITS_AT_ONCE, async (unit) => {
      if (!signal.aborted) await this.#health.attempt(unit.unit, 'live', signal, () => unit.pollLive(signal));
    });
    await this.#settle();
  }

  async #metricsTick(signal: AbortSignal): Promise<void> {
    await runLimited(this.#units.metrics, UNITS_AT_ONCE, async (unit) => {
      if (!signal.aborted) await this.#health.attempt(unit.unit, 'metrics', signal, () => unit.poll(signal));
    });
  }

  /** Watermarks moved: lets go of what waited for them, whichever group it came from. */
  async #settle(): Promise<void> {
    const first = this.#units.logs[0];
    if (first !== undefined) await this.#options.ingest.settle(first.unit);
  }

  #background(signal: AbortSignal, fail: (error: unknown) => void): Promise<void>[] {
    return [
      ...this.#drains(signal, fail),
      this.#behindLoop(signal).catch(fail),
      this.#renewLease(signal).catch(fail),
      this.#pruneLoop(signal).catch(fail),
    ];
  }

  #drains(signal: AbortSignal, fail: (error: unknown) => void): Promise<void>[] {
    return this.#options.lanes.map((lane) => lane.run(signal).catch(fail));
  }

  /** Catches up and reads again, one piece per group and turn, so that live reading is never far from its turn. */
  async #behindLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const worked = await this.#behindTurn(signal);
      if (!worked) await this.#options.clock.sleep(BEHIND_PAUSE_MS, signal).catch(() => undefined);
    }
  }

  async #behindTurn(signal: AbortSignal): Promise<boolean> {
    let worked = false;
    await runLimited(this.#units.logs, UNITS_AT_ONCE, async (unit) => {
      if (signal.aborted) return;
      const did = await this.#health.attempt(unit.unit, 'behind', signal, () => unit.pollBehind(signal));
      worked ||= did === true;
    });
    if (worked) await this.#settle();
    return worked;
  }

  async #renewLease(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(LEASE_RENEWAL_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      if ((await this.#options.journal.renewLease()) === 'fenced') {
        throw new FencedError('This worker lost the journal to another one and stops');
      }
    }
  }

  async #pruneLoop(signal: AbortSignal): Promise<void> {
    const { clock, journal, seenForMs } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(PRUNE_MS, signal).catch(() => undefined);
      if (!signal.aborted) await journal.prune(clock.now(), clock.now() - seenForMs);
    }
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn += 1) {
      await Promise.all([this.#logsTick(signal), this.#metricsTick(signal)]);
      while (!signal.aborted && (await this.#behindTurn(signal)));
      if (this.#unread().length === 0) return;
      await this.#options.clock.sleep(Math.min(5_000, 200 * 2 ** turn), signal).catch(() => undefined);
    }
  }

  /** Units whose last attempt did not go through. */
  #unread(): string[] {
    return [...this.#units.logs, ...this.#units.metrics].flatMap(({ unit }) => {
      const { held, lastError } = this.#health.stateOf(unit);
      if (held !== undefined) return [];
      return lastError === undefined ? [] : [`${unit} was not read whole: ${lastError}`];
    });
  }

  async #drainAll(signal: AbortSignal): Promise<void> {
    for (const lane of this.#options.lanes) {
      while (!signal.aborted && lane.status.held === undefined && (await this.#isPending(lane))) {
        lane.wake();
        await this.#options.clock.sleep(20, signal).catch(() => undefined);
      }
    }
  }

  async #isPending(lane: LaneDrain): Promise<boolean> {
    return (await this.#pendingOf(lane.id.stream, lane.status.cursor)) > 0;
  }

  async #pendingOf(stream: StreamName, cursor: number): Promise<number> {
    return (await this.#options.journal.readStream(stream, cursor, 1)).length;
  }

  async #leftUndone(): Promise<string[]> {
    const left = this.#unread();
    for (const { unit } of [...this.#units.logs, ...this.#units.metrics]) {
      const { held } = this.#health.stateOf(unit);
      if (held !== undefined) left.push(`${unit} is held: ${held.reason}`);
    }
    if (this.#inventory?.complete === false) left.push('the inventory could not be listed whole');
    for (const lane of this.#options.lanes) {
      const { held, trouble } = lane.status;
      if (held !== undefined) left.push(`lane ${lane.id.name} is held: ${held}`);
      else if (await this.#isPending(lane))
        left.push(`lane ${lane.id.name} is not drained: ${trouble ?? 'time is up'}`);
    }
    return left;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
