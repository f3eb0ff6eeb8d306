import type { Clock } from '../core/clock.ts';
import { FencedError, HeldError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { runLimited } from '../core/run-limited.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { Journal } from '../model/journal.ts';
import type { MetricRecord } from '../model/metric-record.ts';
import { type BackfillOrder, hasEnded } from '../model/order.ts';
import type { LogPart } from '../model/part.ts';
import type { Source, Window } from '../model/source-event.ts';
import { floorTo } from '../sources/metrics/metric-windows.ts';
import { UnionSet } from '../store/union-set.ts';
import {
  begun,
  type ChosenUnits,
  chooseUnits,
  isBehind,
  LONGEST_SLICE_MS,
  METRIC_SPAN_MS,
  planRound,
  throughOf,
  UNITS_AT_ONCE,
  type UnitWindow,
} from './backfill-plan.ts';
import type { Ingest } from './ingest.ts';
import type { MetricReads } from './metric-reads.ts';
import { PAST_TAIL_MS } from './past-reading.ts';
import { createRateLimitedSource } from './rate-limited-source.ts';
import { readLogUnit } from './read-log-unit.ts';
import { type StoredKeys, storedKeys } from './stored-keys.ts';
import { RetriedLines } from './unread-lines.ts';

/** One log group. `recordExpired`: says what of a window is past its retention and was never read. */
export interface PastLogUnit {
  readonly unit: string;
  readonly source: Source<LogPart>;
  recordExpired?(window: Window): Promise<void>;
}

/** What there is to read. `complete`: the inventory behind it was listed whole. */
export interface BackfillUnits {
  readonly logs: readonly PastLogUnit[];
  readonly metrics: readonly { readonly unit: string; readonly source: Source<MetricRecord> }[];
  readonly complete: boolean;
}

/** All times in milliseconds. */
export interface BackfillSettings {
  /** Span of the first slice; later ones grow and shrink with what they bring. */
  readonly sliceMs: number;
  readonly batchEvents: number;
  readonly metricPeriodMs: number;
  /** Age at which a metric point is believed. */
  readonly metricSettleMs: number;
}

export interface BackfillTurn {
  readonly units: BackfillUnits;
  readonly signal: AbortSignal;
  /** Awaited before each window: lets live reading go first. */
  readonly beforeRead: () => Promise<void>;
  /** Only this order, by id; absent: the oldest that can be gone on with. */
  readonly only?: string;
}

/** `blocked`: some unit failed and no other moved; its order says why. Try again later. */
export type TurnResult =
  | { readonly kind: 'idle' }
  | { readonly kind: 'moved' | 'blocked' | 'done' | 'failed'; readonly order: BackfillOrder };

/** Events that a slice should bring over all units together; memory and the lag of live commits hang on it. */
const SLICE_EVENTS = 50_000;
const SHORTEST_SLICE_MS = 60_000;
/** What happened this shortly before an order was placed is delivered as live rows are, milliseconds. */
const LIVE_SHARE_MS = 900_000;
/** How long a unit that a person must mend is left alone between two attempts. */
const HELD_PROBE_MS = 60_000;

/**
 * Carries out backfill orders slice by slice. What a slice brings is committed like live reading, without moving any
 * unit's position; the order's own progress is on disk after each step. A crash between the two reads a step again, and
 * what is stored by then is dropped by its key.
 *
 *   pending ──first turn──► running ──all units at the end──► done
 *                              └──no unit matches──► failed
 */
export class Backfill {
  readonly #journal: Journal;
  readonly #ingest: Ingest;
  readonly #metricReads: MetricReads;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #settings: BackfillSettings;
  readonly #isAuthorizer: (unit: string) => boolean;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #held = new Map<string, { readonly sinceMs: number; readonly reason: string }>();
  #sliceMs: number;

  constructor(options: {
    readonly journal: Journal;
    readonly ingest: Ingest;
    readonly metricReads: MetricReads;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly settings: BackfillSettings;
    /** True for a group of authorizer lines: read before the access lines that name them. */
    readonly isAuthorizer: (unit: string) => boolean;
  }) {
    this.#journal = options.journal;
    this.#ingest = options.ingest;
    this.#metricReads = options.metricReads;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#settings = options.settings;
    this.#isAuthorizer = options.isAuthorizer;
    this.#sliceMs = options.settings.sliceMs;
  }

  /** Call once, after `Ingest.start` and before anything is read: what an interrupted order left waiting goes on waiting. */
  async resume(): Promise<void> {
    for (const order of await this.#journal.orders()) {
      if (order.kind === 'backfill' && order.state === 'running')
        this.#openPast(new OrderPiece(order, this.#journal));
    }
  }

  /** Does the next slice of the oldest order that can be gone on with. Throws `FencedError` and the signal's reason. */
  async turn(turn: BackfillTurn): Promise<TurnResult> {
    let result: TurnResult = { kind: 'idle' };
    for (const order of await this.#journal.orders()) {
      if (order.kind !== 'backfill' || hasEnded(order)) continue;
      if (turn.only !== undefined && order.id !== turn.only) continue;
      result = await this.#advance(order, turn);
      if (result.kind !== 'blocked') return result;
    }
    return result;
  }

  async #advance(order: BackfillOrder, turn: BackfillTurn): Promise<TurnResult> {
    const names = {
      logs: turn.units.logs.map(({ unit }) => unit),
      metrics: turn.units.metrics.map(({ unit }) => unit),
    };
    const chosen = chooseUnits(order, names, this.#isAuthorizer);
    const meant = [...chosen.authorizers, ...chosen.accesses, ...chosen.metrics];
    if (meant.length === 0) return this.#nothingMatches(order, turn.units.complete);
    const piece = new OrderPiece(begun(order, chosen), this.#journal);
    this.#openPast(piece);
    if (order.state === 'pending') await piece.save();
    await this.#readLogs(piece, chosen, turn);
    await this.#readMetrics(piece, chosen.metrics, turn);
    return this.#conclude(piece, meant, turn);
  }

  async #nothingMatches(order: BackfillOrder, complete: boolean): Promise<TurnResult> {
    const what =
      order.unit === undefined ? 'no log group and no metric' : `no unit that matches ${order.unit}`;
    const piece = new OrderPiece(order, this.#journal);
    if (!complete) {
      await piece.save({ message: `the inventory, listed only in part, holds ${what}` });
      return { kind: 'blocked', order: piece.order };
    }
    await piece.save({ state: 'failed', message: `the inventory holds ${what}` });
    return { kind: 'failed', order: piece.order };
  }

  #openPast(piece: OrderPiece): void {
    const { id, fromMs, toMs } = piece.order;
    const liveFromMs = liveFrom(piece.order);
    this.#ingest.openPast(id, { fromMs, toMs, liveFromMs, throughOf: (unit) => piece.order.progress[unit] });
  }

  async #readLogs(piece: OrderPiece, chosen: ChosenUnits, turn: BackfillTurn): Promise<void> {
    const ready = (units: readonly string[]) => units.filter((unit) => !this.#isHeld(unit));
    const units = { authorizers: ready(chosen.authorizers), accesses: ready(chosen.accesses) };
    const round = planRound(piece.order, units, this.#sliceMs);
    if (round === undefined) return;
    const stored = await storedKeys(
      this.#journal,
      spanOf([...round.authorizers, ...round.accesses]),
      turn.signal,
    );
    let events = await this.#readStage(piece, round.authorizers, stored, turn);
    // Access lines without the decisions behind them would go out unjoined: they wait for the next turn.
    if (piece.broken.length === 0) events += await this.#readStage(piece, round.accesses, stored, turn);
    for (const keys of stored.known.values()) events += keys.size;
    this.#adaptSlice(events);
  }

  /** Reads side by side what does not depend on each other, and notes how far each came. */
  async #readStage(
    piece: OrderPiece,
    windows: readonly UnitWindow[],
    stored: StoredKeys,
    turn: BackfillTurn,
  ): Promise<number> {
    if (windows.length === 0) return 0;
    let events = 0;
    await runLimited(windows, UNITS_AT_ONCE, ({ unit, window }) =>
      this.#attempt(piece, unit, turn, async () => {
        events += await this.#readLogWindow(piece.order, unit, window, stored, turn);
        return window.toMs;
      }),
    );
    await piece.save();
    const [first] = windows;
    if (first !== undefined) await this.#ingest.settle(first.unit, () => !turn.signal.aborted);
    return events;
  }

  async #readLogWindow(
    order: BackfillOrder,
    unit: string,
    window: Window,
    stored: StoredKeys,
    { units, signal }: BackfillTurn,
  ): Promise<number> {
    const group = units.logs.find((one) => one.unit === unit);
    if (group === undefined) return 0;
    const { source } = group;
    await group.recordExpired?.(window);
    const known = stored.known.get(unit) ?? new Set();
    const unread = new RetriedLines(stored.unread.get(unit) ?? new Set(), known);
    const events = await readLogUnit({
      source: this.#limited(order, source),
      task: { kind: 'backfill', window },
      ingest: this.#ingest,
      seenIn: async (name, fromMs, toMs) =>
        new UnionSet([await this.#journal.seenIn(name, fromMs, toMs), known, unread.keys]),
      unread,
      batchEvents: this.#settings.batchEvents,
      signal,
    });
    const revisions = await unread.revisions(this.#journal, (id) => this.#ingest.isRefused(id));
    if (revisions.length > 0) await this.#ingest.commitRevisions(unit, revisions);
    return events;
  }

  /** A day of points for each account and Region that is behind. */
  async #readMetrics(piece: OrderPiece, units: readonly string[], turn: BackfillTurn): Promise<void> {
    const { metricPeriodMs, metricSettleMs } = this.#settings;
    const endMs = Math.min(piece.order.toMs, floorTo(this.#clock.now() - metricSettleMs, metricPeriodMs));
    const open = units.filter((unit) => isBehind(piece.order, unit) && !this.#isHeld(unit));
    if (open.length === 0) return;
    await runLimited(open, UNITS_AT_ONCE, (unit) =>
      this.#attempt(piece, unit, turn, async () => {
        const fromMs = floorTo(throughOf(piece.order, unit), metricPeriodMs);
        const toMs = Math.min(fromMs + METRIC_SPAN_MS, endMs);
        if (fromMs < toMs) await this.#readMetricWindow(piece.order, unit, { fromMs, toMs }, turn);
        // Points younger than `settle` are live reading's.
        return toMs >= endMs ? piece.order.toMs : toMs;
      }),
    );
    await piece.save();
  }

  async #readMetricWindow(
    order: BackfillOrder,
    unit: string,
    window: Window,
    turn: BackfillTurn,
  ): Promise<void> {
    const source = turn.units.metrics.find((one) => one.unit === unit)?.source;
    if (source === undefined) return;
    await this.#metricReads.read({
      source: this.#limited(order, source),
      window,
      urgency: 'ordered',
      signal: turn.signal,
    });
  }

  /** Moves the unit's progress to what `read` returns; a failure leaves it, with the reason in the order. */
  async #attempt(
    piece: OrderPiece,
    unit: string,
    turn: BackfillTurn,
    read: () => Promise<number>,
  ): Promise<void> {
    try {
      await turn.beforeRead();
      turn.signal.throwIfAborted();
      piece.reached(unit, await read());
      this.#held.delete(unit);
    } catch (error) {
      if (turn.signal.aborted) throw turn.signal.reason;
      if (error instanceof FencedError) throw error;
      const reason = `${unit}: ${messageOf(error)}`;
      if (error instanceof HeldError) this.#held.set(unit, { sinceMs: this.#clock.monotonic(), reason });
      else piece.broken.push(reason);
      this.#logger.warn({ order: piece.order.id, reason }, 'backfill could not read on');
    }
  }

  async #conclude(piece: OrderPiece, meant: readonly string[], turn: BackfillTurn): Promise<TurnResult> {
    const behind = meant.filter((unit) => isBehind(piece.order, unit));
    if (behind.length > 0) {
      const held = meant.flatMap((unit) => this.#held.get(unit)?.reason ?? []);
      const problems = [...held, ...piece.broken];
      if (problems.length > 0) await piece.save({ message: problems.join('; ') });
      return { kind: piece.moved ? 'moved' : 'blocked', order: piece.order };
    }
    await this.#letGo(piece.order, meant, turn);
    const message = turn.units.complete
      ? {}
      : { message: 'the inventory was listed only in part: what it lacks was not read' };
    await piece.save({ state: 'done', ...message });
    this.#ingest.closePast(piece.order.id);
    this.#buckets.delete(piece.order.id);
    return { kind: 'done', order: piece.order };
  }

  /** Everything was read: nothing of the span waits for a partner any more. Before `done`, so that a crash repeats it. */
  async #letGo(order: BackfillOrder, meant: readonly string[], { signal }: BackfillTurn): Promise<void> {
    const { id, fromMs, toMs } = order;
    const read = new Set(meant);
    const isRead = (unit: string) => read.has(unit) || this.#ingest.watermarkOf(unit) === undefined;
    this.#ingest.openPast(id, {
      fromMs,
      toMs,
      liveFromMs: liveFrom(order),
      throughOf: (unit) => (isRead(unit) ? toMs + PAST_TAIL_MS : undefined),
    });
    const [first] = meant;
    if (first !== undefined) await this.#ingest.settle(first, () => !signal.aborted);
    signal.throwIfAborted();
  }

  #limited<R>(order: BackfillOrder, source: Source<R>): Source<R> {
    const { id, callsPerSecond } = order;
    if (callsPerSecond === undefined) return source;
    const bucket =
      this.#buckets.get(id) ??
      new TokenBucket({ clock: this.#clock, ratePerSecond: callsPerSecond, burst: 1 });
    this.#buckets.set(id, bucket);
    return createRateLimitedSource(source, bucket);
  }

  #isHeld(unit: string): boolean {
    const held = this.#held.get(unit);
    return held !== undefined && this.#clock.monotonic() - held.sinceMs < HELD_PROBE_MS;
  }

  #adaptSlice(events: number): void {
    if (events < SLICE_EVENTS / 2) this.#sliceMs = Math.min(this.#sliceMs * 2, LONGEST_SLICE_MS);
    else if (events > SLICE_EVENTS) this.#sliceMs = Math.max(this.#sliceMs / 2, SHORTEST_SLICE_MS);
  }
}

/** One turn of an order: its progress as it grows, and what went wrong. */
class OrderPiece {
  readonly #journal: Journal;
  /** What broke off and is tried again at the next turn, each with its reason. */
  readonly broken: string[] = [];
  order: BackfillOrder;
  moved = false;

  constructor(order: BackfillOrder, journal: Journal) {
    const { message: _, ...rest } = order;
    this.order = rest;
    this.#journal = journal;
  }

  reached(unit: string, throughMs: number): void {
    this.moved = true;
    this.order = { ...this.order, progress: { ...this.order.progress, [unit]: throughMs } };
  }

  async save(change: Partial<Pick<BackfillOrder, 'state' | 'message'>> = {}): Promise<void> {
    this.order = { ...this.order, ...change };
    if ((await this.#journal.saveOrder(this.order)) === 'fenced') {
      throw new FencedError(`Order ${this.order.id} lost the journal to another worker`);
    }
  }
}

function liveFrom({ createdMs }: BackfillOrder): number {
  return createdMs - LIVE_SHARE_MS;
}

function spanOf(windows: readonly UnitWindow[]): Window {
  return {
    fromMs: Math.min(...windows.map(({ window }) => window.fromMs)),
    toMs: Math.max(...windows.map(({ window }) => window.toMs)),
  };
}
