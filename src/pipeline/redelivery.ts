import { FencedError, messageOf } from '../core/errors.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { LaneCounts, LaneId } from '../model/journal.ts';
import { type DropOrder, hasEnded, type Order, type ReplayOrder, type RetryOrder } from '../model/order.ts';
import type { Sink } from '../model/sink.ts';
import type { LaneDeps } from './lane-set.ts';
import type { LiveFirst } from './live-first.ts';
import { RedeliveryLane, type RedeliveryLaneOptions } from './redelivery-lane.ts';
import { replayRows, retryRows } from './redelivery-rows.ts';
import { createSingleRowSink, withSmallerBatches } from './smaller-batches.ts';

type SendOrder = ReplayOrder | RetryOrder;
type RedeliveryOrder = SendOrder | DropOrder;

/** How often orders are looked for, and how often one under way writes down how far it is, milliseconds. */
const ORDERS_LOOK_MS = 2_000;
const PROGRESS_LOOK_MS = 250;

/**
 * Carries out what people ordered about rows that are stored: send a span again, try dead letters again, give some up.
 * Each order that sends has a temporary lane; one at a time for each sink, oldest first, and live rows before them. Its
 * progress is the cursor of that lane, so a restart goes on behind the last acknowledged row.
 */
export class Redelivery {
  readonly #deps: LaneDeps;
  readonly #sinks: readonly Sink[];
  readonly #liveFirst: LiveFirst;
  /** Orders under way, by the sink they send to. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #lanes = new Map<string, RedeliveryLane>();

  constructor(options: LaneDeps & { readonly sinks: readonly Sink[]; readonly liveFirst: LiveFirst }) {
    this.#deps = options;
    this.#sinks = options.sinks;
    this.#liveFirst = options.liveFirst;
  }

  /** Carries out orders as they come, until aborted. Throws `FencedError` when another worker has taken over. */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const all = AbortSignal.any([signal, failed.signal]);
    while (!all.aborted) {
      await this.#startWaiting(all, (error) => failed.abort(error));
      await this.#deps.clock.sleep(ORDERS_LOOK_MS, all).catch(() => undefined);
    }
    await Promise.all(this.#busy.values());
    if (failed.signal.aborted) throw failed.signal.reason;
  }

  /**
   * Carries out the orders that wait, in good time before the signal aborts. Returns what is left undone, in words: a
   * sink that only a person can mend is not waited for.
   */
  async finish(signal: AbortSignal): Promise<readonly string[]> {
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    const running = this.run(all);
    try {
      for (;;) {
        const open = await this.#open();
        const held = open.map((order) => this.#heldReason(order));
        const isStuck = held.every((reason) => reason !== undefined);
        if (isStuck || signal.aborted) return open.map((order, index) => undoneText(order, held[index]));
        const pause = this.#deps.clock.sleep(PROGRESS_LOOK_MS, signal).catch(() => undefined);
        await Promise.race([running, pause]);
      }
    } finally {
      stop.abort(new Error('done'));
      await running;
    }
  }

  /** Why a person must act before the order goes on: the lane under way to its sink is held, or the live one before it. */
  #heldReason(order: RedeliveryOrder): string | undefined {
    const destination = this.#destinationOf(order);
    if (destination === undefined) return undefined;
    const { sink, id } = destination;
    return heldNow(this.#lanes.get(sink.name)) ?? this.#liveFirst.heldBehind(id);
  }

  async #open(): Promise<readonly RedeliveryOrder[]> {
    return (await this.#deps.journal.orders()).filter(isRedelivery).filter((order) => !hasEnded(order));
  }

  async #startWaiting(signal: AbortSignal, fail: (error: unknown) => void): Promise<void> {
    try {
      for (const order of await this.#open()) await this.#startOne(order, signal, fail);
    } catch (error) {
      this.#failed(error, fail);
    }
  }

  async #startOne(
    order: RedeliveryOrder,
    signal: AbortSignal,
    fail: (error: unknown) => void,
  ): Promise<void> {
    if (order.kind === 'drop') return this.#drop(order);
    const destination = this.#destinationOf(order);
    if (destination === undefined)
      return this.#save({ ...order, state: 'failed', message: noSuchSink(order) });
    const { name } = destination.sink;
    if (this.#busy.has(name)) return;
    const carried = this.#send(order, destination, signal)
      .catch((error: unknown) => this.#failed(error, fail))
      .finally(() => {
        this.#busy.delete(name);
        this.#lanes.delete(name);
      });
    this.#busy.set(name, carried);
  }

  #failed(error: unknown, fail: (error: unknown) => void): void {
    if (error instanceof FencedError) fail(error);
    else this.#deps.logger.error({ reason: messageOf(error) }, 'an order failed; it is tried again');
  }

  async #drop(order: DropOrder): Promise<void> {
    const { lane, seq, reason, createdMs: untilMs } = order;
    const choice = { lane, untilMs, ...(seq !== undefined && { seq }) };
    const drop = { order: order.id, reason, nowMs: this.#deps.clock.now() };
    if ((await this.#deps.journal.dropDeadLetters(choice, drop)) === 'fenced') throw fenced(order);
    // Counted by what bears the order's name: a crash between the two steps must not make it 0.
    const dropped = (await this.#deps.journal.deadLetters(lane)).filter(
      ({ ended }) => ended?.order === order.id,
    );
    const { length } = dropped;
    await this.#save({
      ...order,
      state: 'done',
      progress: { rows: length, done: length },
      message: `${length} dropped`,
    });
  }

  async #send(order: SendOrder, { sink, id }: Destination, signal: AbortSignal): Promise<void> {
    const { journal } = this.#deps;
    const state = await journal.lane(id);
    const rows =
      order.kind === 'replay' ? replayRows(journal, order) : await retryRows(journal, order, state.cursor);
    const total = order.progress.rows ?? rows.total;
    const way = this.#liveFirst.wayOf(id);
    const lane = new RedeliveryLane({ id, state, rows, way, ...this.#paceOf(order, sink) });
    await lane.start();
    this.#lanes.set(sink.name, lane);
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    const works = [lane.run(all), this.#follow(order, total, lane, all)];
    try {
      await Promise.race(works);
    } finally {
      stop.abort(new Error('the order has ended'));
      await Promise.allSettled(works);
    }
    if (!lane.isDone) return;
    const { counts } = lane.status;
    const result = { progress: progressOf(total, counts), message: resultText(counts) };
    await this.#save({ ...order, state: 'done', ...result });
  }

  /** Writes down how far the order is, until all its rows have an end. */
  async #follow(order: SendOrder, total: number, lane: RedeliveryLane, signal: AbortSignal): Promise<void> {
    let written = '';
    while (!lane.isDone && !signal.aborted) {
      const standing = this.#standing(order, total, lane);
      const text = JSON.stringify(standing);
      if (text !== written) await this.#save(standing);
      written = text;
      await this.#deps.clock.sleep(PROGRESS_LOOK_MS, signal).catch(() => undefined);
    }
  }

  /** Rows of a retry go one by one, several at a time; those of a replay in batches, one at a time, at its rate. */
  #paceOf(order: SendOrder, sink: Sink): Pick<RedeliveryLaneOptions, 'sink' | 'deps' | 'pace'> {
    if (order.kind === 'retry') return { sink: createSingleRowSink(sink), deps: this.#deps };
    const deps = { ...this.#deps, settings: { ...this.#deps.settings, batchesInFlight: 1 } };
    const { rowsPerSecond: ratePerSecond } = order;
    if (ratePerSecond === undefined) return { sink, deps };
    const bucket = new TokenBucket({ clock: this.#deps.clock, ratePerSecond });
    const pace = async (rows: number, signal: AbortSignal) => {
      for (let row = 0; row < rows; row += 1) await bucket.take(signal);
    };
    return { sink: withSmallerBatches(sink, Math.max(1, Math.floor(ratePerSecond))), deps, pace };
  }

  #standing(order: SendOrder, total: number, { id, status }: RedeliveryLane): Order {
    const { message: _, ...rest } = order;
    const held = status.held ?? this.#liveFirst.heldBehind(id);
    const message = held === undefined ? status.trouble : `held: ${held}`;
    return {
      ...rest,
      state: 'running',
      progress: progressOf(total, status.counts),
      ...(message !== undefined && { message }),
    };
  }

  async #save(order: Order): Promise<void> {
    if ((await this.#deps.journal.saveOrder(order)) === 'fenced') throw fenced(order);
  }

  /** Undefined when the configuration has no such sink any more, or it takes no such stream. */
  #destinationOf(order: RedeliveryOrder): Destination | undefined {
    for (const sink of this.#sinks) {
      for (const stream of sink.streams) {
        const isMeant =
          order.kind === 'replay'
            ? order.sink === sink.name && order.stream === stream
            : order.lane.startsWith(`${sink.name}/${stream}/`);
        const name = `${sink.name}/${stream}/${order.kind}/${order.id}`;
        if (isMeant) return { sink, id: { sink: sink.name, stream, class: 'replay', name } };
      }
    }
    return undefined;
  }
}

interface Destination {
  readonly sink: Sink;
  readonly id: LaneId;
}

/** What the last worker was told may be mended since: only what this one was told counts. */
function heldNow(lane: RedeliveryLane | undefined): string | undefined {
  return lane?.status.heldSinceMs === undefined ? undefined : lane.status.held;
}

function isRedelivery(order: Order): order is RedeliveryOrder {
  return order.kind !== 'backfill';
}

function noSuchSink(order: SendOrder): string {
  const what =
    order.kind === 'replay' ? `${order.sink} that takes ${order.stream}` : `behind lane ${order.lane}`;
  return `the configuration has no sink ${what}`;
}

function progressOf(rows: number, counts: LaneCounts): Record<string, number> {
  const { accepted, rejected, rejectedUnknown, expired, filtered } = counts;
  const done = Math.min(rows, accepted + rejected + rejectedUnknown + expired + filtered);
  return { rows, done, accepted, rejected: rejected + rejectedUnknown, expired, filtered };
}

function resultText({ accepted, rejected, rejectedUnknown, expired, filtered }: LaneCounts): string {
  return `${accepted} delivered, ${rejected + rejectedUnknown} refused, ${expired} expired, ${filtered} filtered`;
}

function undoneText({ id, kind, message }: RedeliveryOrder, held: string | undefined): string {
  return `order ${id} (${kind}) is not done: ${held === undefined ? (message ?? 'time is up') : `held: ${held}`}`;
}

function fenced({ id }: Order): FencedError {
  return new FencedError(`Order ${id} lost the journal to another worker`);
}
