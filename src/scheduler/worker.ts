import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { runLimited } from '../core/run-limited.ts';
import type { Tracer } from '../core/tracer.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Journal } from '../model/journal.ts';
import type { Backfill, TurnResult } from '../pipeline/backfill.ts';
import type { LaneDrain, LaneStatus } from '../pipeline/drain-lane.ts';
import type { Ingest } from '../pipeline/ingest.ts';
import type { LaneSet } from '../pipeline/lane-set.ts';
import type { LogUnit } from '../pipeline/log-unit.ts';
import type { Redelivery } from '../pipeline/redelivery.ts';
import { BackfillTurns } from './backfill-turns.ts';
import type { ScheduleConfig } from './config.ts';
import { pruneRegularly, renewLease, whileRenewingLease } from './keep-journal.ts';
import { LaneBacklog } from './lane-backlog.ts';
import { listAgain, tellListing } from './listings.ts';
import { LivePolls } from './live-polls.ts';
import { type CronTask, createCron, type StartCron } from './start-cron.ts';
import { TaskRuns } from './task-runs.ts';
import { UnitHealth, type UnitState } from './unit-health.ts';
import type { Chore, PolledUnit, Units } from './units.ts';

export interface WorkerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer?: Tracer;
  readonly journal: Journal;
  readonly ingest: Ingest;
  readonly lanes: LaneSet;
  readonly schedule: Omit<ScheduleConfig, 'alarms'> & Partial<ScheduleConfig>;
  readonly chores?: readonly Chore[];
  /** Keeps the schedules; absent: by `clock`. */
  readonly startCron?: StartCron;
  /** Lists APIs and stages again and returns what to go on with. */
  readonly discover: (signal: AbortSignal) => Promise<Inventory>;
  /** Units for an inventory; a unit that stays keeps its object. */
  readonly unitsOf: (inventory: Inventory) => Units;
  /** Called every few seconds while running: reads secret files again, so that a rotated token takes effect. */
  readonly heartbeat?: () => void;
  /** How long seen keys and settled state are kept, milliseconds. */
  readonly seenForMs: number;
  /** Why nothing new may be read now; what is stored is delivered all the same. */
  readonly intakeStop?: () => { readonly reason: string } | undefined;
  /** Runs beside everything else; when it throws, the worker ends with that. */
  readonly companion?: { run(signal: AbortSignal): Promise<void> };
  /** These two carry out what commands beside this worker have ordered. */
  readonly backfill: Backfill;
  readonly redelivery: Redelivery;
}

export interface UnitStatus extends UnitState {
  readonly readThroughMs: number | undefined;
  /** Since when the log group has not existed. */
  readonly missingSinceMs?: number | undefined;
  /** What has outgrown its setting, in words. */
  readonly remark?: string | undefined;
}

export interface WorkerStatus {
  readonly inventory: Inventory | undefined;
  readonly units: readonly UnitStatus[];
  readonly lanes: readonly LaneStatus[];
  /** Lanes of what backfills bring: they promise no time. */
  readonly backfillLanes: readonly LaneStatus[];
  readonly skippedRuns: number;
}

/** How many groups are read at the same time. The quota is shared; but a busy group must not keep its partner waiting. */
const UNITS_AT_ONCE = 12;
const BEHIND_PAUSE_MS = 2_000;
const BEHIND = ['pollSettled', 'pollBehind'] as const;
type Behind = (typeof BEHIND)[number];
const ORDER_PAUSE_MS = 2_000;
/** An order waits this long for live reading to finish its turn, and this often looks. */
const LIVE_FIRST_MS = 10_000;
const LIVE_LOOK_MS = 100;

/**
 * Runs everything: sources by their schedules, catching up beside them, one drain per lane. A run that is still busy is
 * not started again. Losing the journal to another worker ends it.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #health: UnitHealth;
  readonly #lanes: readonly LaneDrain[];
  readonly #backlog: LaneBacklog;
  readonly #backfills: BackfillTurns;
  readonly #tasks: TaskRuns;
  readonly #live: LivePolls<LogUnit>;
  readonly #livePolled: LivePolls<PolledUnit>;
  #inventory: Inventory | undefined;
  #units: Units = { logs: [], metrics: [] };

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#health = new UnitHealth(options);
    this.#lanes = [...options.lanes.live, ...options.lanes.backfill];
    this.#backlog = new LaneBacklog(options);
    this.#backfills = new BackfillTurns({
      ...options,
      units: () => ({ ...this.#units, complete: this.#inventory?.complete === true }),
      beforeRead: (signal) => this.#liveFirst(signal),
    });
    this.#tasks = new TaskRuns(options);
    const polls = (task: string) => ({
      limit: UNITS_AT_ONCE,
      onSkipped: (unit: string) => this.#tasks.countSkipped({ task, unit }),
    });
    this.#live = new LivePolls(polls('logs'));
    this.#livePolled = new LivePolls(polls('metrics'));
  }

  status(): WorkerStatus {
    const remarks = new Map(
      this.#units.logs.map(({ unit, missingSinceMs, remark }) => [unit, { missingSinceMs, remark }]),
    );
    const units = this.#allUnits().map(({ unit }) => ({
      ...this.#health.stateOf(unit),
      readThroughMs: this.#options.ingest.readWholeThrough(unit),
      ...remarks.get(unit),
    }));
    const lanes = this.#options.lanes.live.map((lane) => lane.status);
    const backfillLanes = this.#options.lanes.backfill.map((lane) => lane.status);
    return { inventory: this.#inventory, units, lanes, backfillLanes, skippedRuns: this.#tasks.skipped };
  }

  /** Works until the signal aborts, then returns once every task has ended. Throws `FencedError` when it lost the journal. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    const fail = (error: unknown) => stop.abort(error);
    if (!(await this.#begins(all))) return;
    const background = this.#background(all, fail);
    const tasks = this.#schedule(all, fail);
    await this.#liveTurn(all).catch(fail);
    await Promise.all([this.#polledTurn('metrics', all), this.#polledTurn('alarms', all)]).catch(fail);
    await aborted(all);
    for (const task of tasks) await task.destroy();
    await Promise.allSettled([...background, this.#tasks.ended()]);
    if (stop.signal.aborted && !signal.aborted) throw stop.signal.reason;
  }

  /**
   * Reads everything up to now, carries out the orders that wait, and delivers. Returns what is left undone, in words;
   * empty when all is done. Ends at the signal at the latest.
   */
  async once(signal: AbortSignal): Promise<readonly string[]> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    await this.#start(all);
    const background = this.#beside(all, (error) => stop.abort(error));
    try {
      await this.#readAll(all);
      const unread = await this.#backfills.finish(all);
      await this.#backlog.drain(all);
      const unsent = await this.#options.redelivery.finish(all);
      stop.signal.throwIfAborted();
      return [...(await this.#leftUndone()), ...unread, ...unsent];
    } finally {
      stop.abort(new Error('done'));
      await Promise.allSettled(background);
    }
  }

  /**
   * Carries out one order and delivers what came of it; no live reading. Returns what is left undone, in words. Ends at
   * the signal at the latest; what the order has reached by then is kept.
   */
  async carryOut(
    orderId: string,
    signal: AbortSignal,
    onTurn: (turn: TurnResult) => void,
  ): Promise<readonly string[]> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    await this.#start(all);
    const background = this.#beside(all, (error) => stop.abort(error));
    try {
      const left = await this.#backfills.carryOut(orderId, all, onTurn);
      await this.#backlog.drain(all);
      return [...left, ...(await this.#backlog.undelivered())];
    } finally {
      stop.abort(new Error('done'));
      await Promise.allSettled(background);
    }
  }

  /** False when it was told to stop before it had begun: that is an end like any other. */
  async #begins(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#start(signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }

  async #start(signal: AbortSignal): Promise<void> {
    await this.#options.ingest.start();
    await this.#options.backfill.resume();
    for (const lane of this.#lanes) await lane.start();
    await whileRenewingLease(this.#options, signal, () => this.#refreshInventory(signal));
  }

  async #refreshInventory(signal: AbortSignal): Promise<void> {
    const inventory = await this.#options.discover(signal);
    this.#inventory = inventory;
    this.#units = this.#options.unitsOf(inventory);
    tellListing(inventory, this.#options);
  }

  #schedule(signal: AbortSignal, fail: (error: unknown) => void): CronTask[] {
    const { schedule, clock, startCron = createCron(clock), chores = [] } = this.#options;
    const { alarms = '*/30 * * * * *' } = schedule;
    const at = (name: string, when: string, run: () => Promise<void>) =>
      startCron(name, when, () => run().catch(fail));
    const task = (name: 'logs' | 'metrics' | 'inventory', run: () => Promise<void>) =>
      at(name, schedule[name], run);
    return [
      task('logs', async () => {
        await Promise.all([this.#liveTurn(signal), this.#firstMetrics(signal)]);
      }),
      task('metrics', () => this.#polledTurn('metrics', signal)),
      task('inventory', this.#listing(signal).list),
      ...(this.#units.alarms ? [at('alarms', alarms, () => this.#polledTurn('alarms', signal))] : []),
      ...chores.map(({ name, schedule: when, run }) =>
        at(name, when, () => this.#tasks.single(name, () => run(signal))),
      ),
    ];
  }

  /** A turn does not wait for the one before: only a group that is still being read is left out of it. */
  #liveTurn(signal: AbortSignal): Promise<void> {
    return this.#tasks.run('logs', () => this.#logsTick(signal));
  }

  #polledTurn(kind: 'metrics' | 'alarms', signal: AbortSignal): Promise<void> {
    return this.#tasks.run(kind, () => this.#polledTick(kind, signal));
  }

  /** A Region that was just found, or whose first read has failed, does not wait for the next turn of the metrics. */
  async #firstMetrics(signal: AbortSignal): Promise<void> {
    const { ingest } = this.#options;
    const unread = this.#units.metrics.filter(
      ({ unit }) => ingest.readWholeThrough(unit) === undefined && !this.#livePolled.isAsked(unit),
    );
    if (unread.length > 0) await this.#tasks.run('metrics', () => this.#poll('metrics', unread, signal));
  }

  async #logsTick(signal: AbortSignal): Promise<void> {
    if (!this.#mayRead(signal)) return;
    await this.#live.turn(this.#units.logs, async (unit) => {
      if (this.#mayRead(signal))
        await this.#health.attempt(unit.unit, 'live', signal, () => unit.pollLive(signal));
    });
    await this.#settle(signal);
  }

  #polledTick(kind: 'metrics' | 'alarms', signal: AbortSignal): Promise<void> {
    return this.#poll(kind, this.#units[kind] ?? [], signal);
  }

  async #poll(kind: string, units: readonly PolledUnit[], signal: AbortSignal): Promise<void> {
    await this.#livePolled.turn(units, async (unit) => {
      if (this.#mayRead(signal)) await this.#health.attempt(unit.unit, kind, signal, () => unit.poll(signal));
    });
  }

  #allUnits(): readonly { readonly unit: string }[] {
    return [...this.#units.logs, ...this.#units.metrics, ...(this.#units.alarms ?? [])];
  }

  /** Watermarks moved: lets go of what waited for them, whichever group it came from. */
  async #settle(signal: AbortSignal): Promise<void> {
    const first = this.#units.logs[0];
    if (first !== undefined) await this.#options.ingest.settle(first.unit, () => this.#mayRead(signal));
  }

  #mayRead(signal: AbortSignal): boolean {
    return !signal.aborted && this.#options.intakeStop?.() === undefined;
  }

  #background(signal: AbortSignal, fail: (error: unknown) => void): Promise<void>[] {
    return [
      ...this.#beside(signal, fail),
      this.#behindLoop('pollBehind', signal).catch(fail),
      // Apart from the other: a long piece of one group must not keep what others settle waiting.
      this.#behindLoop('pollSettled', signal).catch(fail),
      listAgain(this.#listing(signal), signal).catch(fail),
      this.#backfills.run(signal).catch(fail),
      this.#options.redelivery.run(signal).catch(fail),
      pruneRegularly(this.#options, signal).catch(fail),
    ];
  }

  #listing(signal: AbortSignal) {
    return {
      clock: this.#options.clock,
      isWhole: () => this.#inventory?.complete === true,
      list: () => this.#tasks.single('inventory', () => this.#refreshInventory(signal)),
    };
  }

  /** What runs beside any reading. */
  #beside(signal: AbortSignal, fail: (error: unknown) => void): Promise<void>[] {
    const { companion } = this.#options;
    return [
      ...this.#lanes.map((lane) => lane.run(signal).catch(fail)),
      renewLease(this.#options, signal).catch(fail),
      ...(companion === undefined ? [] : [companion.run(signal).catch(fail)]),
    ];
  }

  /** Catches up and reads again, one piece per group and turn, so that live reading is never far from its turn. */
  async #behindLoop(how: Behind, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const worked = await this.#behindTurn(how, signal);
      if (!worked) await this.#options.clock.sleep(BEHIND_PAUSE_MS, signal).catch(() => undefined);
    }
  }

  async #behindTurn(how: Behind, signal: AbortSignal): Promise<boolean> {
    let worked = false;
    await runLimited(this.#units.logs, UNITS_AT_ONCE, async (unit) => {
      if (!this.#mayRead(signal)) return;
      const did = await this.#health.attempt(unit.unit, how, signal, () => unit[how](signal));
      worked ||= did === true;
    });
    if (worked) await this.#settle(signal);
    return worked;
  }

  /** Waits while live reading is at work, not for ever: an overloaded group must not starve an order. */
  async #liveFirst(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!this.#mayRead(signal) && !signal.aborted) {
      await clock.sleep(ORDER_PAUSE_MS, signal).catch(() => undefined);
    }
    const untilMs = clock.monotonic() + LIVE_FIRST_MS;
    while (this.#live.busy && clock.monotonic() < untilMs && !signal.aborted) {
      await clock.sleep(LIVE_LOOK_MS, signal).catch(() => undefined);
    }
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn += 1) {
      await Promise.all([this.#logsTick(signal), this.#polledTick('metrics', signal)]);
      // Afterwards: what an alarm fired for is among the requests just read.
      await this.#polledTick('alarms', signal);
      for (const how of BEHIND) while (!signal.aborted && (await this.#behindTurn(how, signal)));
      if (this.#unread().length === 0) return;
      await this.#options.clock.sleep(Math.min(5_000, 200 * 2 ** turn), signal).catch(() => undefined);
    }
  }

  /** Units whose last attempt did not go through. */
  #unread(): string[] {
    const stop = this.#options.intakeStop?.();
    if (stop !== undefined) return [`reading is stopped: ${stop.reason}`];
    return this.#allUnits().flatMap(({ unit }) => {
      const { held, lastError } = this.#health.stateOf(unit);
      if (held !== undefined) return [];
      return lastError === undefined ? [] : [`${unit} was not read whole: ${lastError}`];
    });
  }

  async #leftUndone(): Promise<string[]> {
    const left = this.#unread();
    for (const { unit } of this.#allUnits()) {
      const { held } = this.#health.stateOf(unit);
      if (held !== undefined) left.push(`${unit} is held: ${held.reason}`);
    }
    if (this.#inventory?.complete === false) left.push('the inventory could not be listed whole');
    return [...left, ...(await this.#backlog.undelivered())];
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
