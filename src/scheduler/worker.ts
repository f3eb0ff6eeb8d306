import cron, { type ScheduledTask } from 'node-cron';
import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { runLimited } from '../core/run-limited.ts';
import type { Tracer } from '../core/tracer.ts';
import type { Inventory } from '../model/inventory.ts';
import type { Journal, StreamName } from '../model/journal.ts';
import type { Backfill, TurnResult } from '../pipeline/backfill.ts';
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
  readonly tracer?: Tracer;
  readonly journal: Journal;
  readonly ingest: Ingest;
  readonly lanes: readonly LaneDrain[];
  readonly schedule: ScheduleConfig;
  /** Lists APIs and stages again and returns what to go on with. */
  readonly discover: (signal: AbortSignal) => Promise<Inventory>;
  /** Units for an inventory; a unit that stays keeps its object. */
  readonly unitsOf: (inventory: Inventory) => Units;
  /** Called every few seconds while running: reads secret files again, so that a rotated token takes effect. */
  readonly heartbeat?: () => void;
  /** How long seen keys and settled state are kept, milliseconds. */
  readonly seenForMs: number;
  /** Carries out what commands beside this worker have ordered. */
  readonly backfill: Backfill;
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
const ORDER_PAUSE_MS = 2_000;
/** Slowest rhythm of an order that is blocked. */
const BLOCKED_PAUSE_MS = 60_000;
/** An order waits this long for live reading to finish its turn, and this often looks. */
const LIVE_FIRST_MS = 10_000;
const LIVE_LOOK_MS = 100;
/** Turns without any progress after which a command that carries out one order gives up; the order stays. */
const MOST_BLOCKED_TURNS = 5;

/**
 * Runs everything: sources by their schedules, catching up beside them, one drain per lane. A run that is still busy is
 * not started again. Losing the journal to another worker ends it.
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #health: UnitHealth;
  /** Tasks under way, by name. */
  readonly #busy = new Map<string, Promise<void>>();
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
    await this.#single('logs', () => this.#logsTick(all)).catch(fail);
    await this.#single('metrics', () => this.#metricsTick(all)).catch(fail);
    await aborted(all);
    for (const task of tasks) await task.destroy();
    await Promise.allSettled([...background, ...this.#busy.values()]);
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
    const background = [...this.#drains(all, (error) => stop.abort(error)), this.#renewLease(all)];
    try {
      const left = await this.#turnsOf(orderId, all, onTurn);
      await this.#drainAll(all);
      return [...left, ...(await this.#undeliveredLanes())];
    } finally {
      stop.abort(new Error('done'));
      await Promise.allSettled(background);
    }
  }

  async #turnsOf(
    orderId: string,
    signal: AbortSignal,
    onTurn: (turn: TurnResult) => void,
  ): Promise<readonly string[]> {
    for (let blocked = 0; blocked < MOST_BLOCKED_TURNS; ) {
      const turn = await this.#orderTurn(signal, orderId);
      onTurn(turn);
      if (turn.kind === 'idle' || turn.kind === 'done') return [];
      if (turn.kind === 'failed') return [turn.order.message ?? 'the order failed'];
      blocked = turn.kind === 'blocked' ? blocked + 1 : 0;
      if (blocked > 0) await this.#options.clock.sleep(Math.min(5_000, 200 * 2 ** blocked), signal);
    }
    const order = (await this.#options.journal.orders()).find(({ id }) => id === orderId);
    return [order?.message ?? 'the order made no progress'];
  }

  async #start(signal: AbortSignal): Promise<void> {
    await this.#options.ingest.start();
    await this.#options.backfill.resume();
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
    const running = this.#timed(name, work).finally(() => this.#busy.delete(name));
    this.#busy.set(name, running);
    await running;
  }

  async #timed(name: string, work: () => Promise<void>): Promise<void> {
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
      this.#ordersLoop(signal).catch(fail),
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

  /** Carries out orders one slice at a time, giving way to live reading before each window. */
  async #ordersLoop(signal: AbortSignal): Promise<void> {
    let blocked = 0;
    while (!signal.aborted) {
      const kind = await this.#orderTurn(signal).then((turn) => turn.kind, this.#orderFailed(signal));
      blocked = kind === 'blocked' ? blocked + 1 : 0;
      const pauseMs = Math.min(BLOCKED_PAUSE_MS, ORDER_PAUSE_MS * 2 ** blocked);
      if (kind === 'idle' || kind === 'blocked')
        await this.#options.clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  #orderFailed(signal: AbortSignal): (error: unknown) => 'blocked' {
    return (error) => {
      if (error instanceof FencedError) throw error;
      if (!signal.aborted)
        this.#options.logger.error({ reason: messageOf(error) }, 'an order failed; it is tried again');
      return 'blocked';
    };
  }

  #orderTurn(signal: AbortSignal, only?: string): Promise<TurnResult> {
    const units = { ...this.#units, complete: this.#inventory?.complete === true };
    const beforeRead = () => this.#liveFirst(signal);
    return this.#options.backfill.turn({ units, signal, beforeRead, ...(only !== undefined && { only }) });
  }

  /** Waits while live reading is at work, not for ever: an overloaded group must not starve an order. */
  async #liveFirst(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonic() + LIVE_FIRST_MS;
    while (this.#busy.has('logs') && clock.monotonic() < untilMs && !signal.aborted) {
      await clock.sleep(LIVE_LOOK_MS, signal).catch(() => undefined);
    }
  }

  async #renewLease(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(LEASE_RENEWAL_MS, signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#options.heartbeat?.();
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
    return [...left, ...(await this.#undeliveredLanes())];
  }

  async #undeliveredLanes(): Promise<string[]> {
    const left: string[] = [];
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
