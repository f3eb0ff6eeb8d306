import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Journal } from '../model/journal.ts';
import { type BackfillOrder, hasEnded } from '../model/order.ts';
import type { Backfill, BackfillUnits, TurnResult } from '../pipeline/backfill.ts';

const PAUSE_MS = 2_000;
/** Slowest rhythm of an order that is blocked. */
const BLOCKED_PAUSE_MS = 60_000;
/** Turns without any progress after which one order is given up for now; it stays. */
const MOST_BLOCKED_TURNS = 5;

/** Gives backfill orders their turns beside live reading. */
export class BackfillTurns {
  readonly #backfill: Backfill;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #units: () => BackfillUnits;
  readonly #beforeRead: (signal: AbortSignal) => Promise<void>;

  constructor(options: {
    readonly backfill: Backfill;
    readonly journal: Journal;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly units: () => BackfillUnits;
    /** Awaited before each window: lets live reading go first. */
    readonly beforeRead: (signal: AbortSignal) => Promise<void>;
  }) {
    this.#backfill = options.backfill;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#units = options.units;
    this.#beforeRead = options.beforeRead;
  }

  /** Carries out orders one slice at a time, giving way to live reading before each window. */
  async run(signal: AbortSignal): Promise<void> {
    let blocked = 0;
    while (!signal.aborted) {
      const kind = await this.#turn(signal).then((turn) => turn.kind, this.#failed(signal));
      blocked = kind === 'blocked' ? blocked + 1 : 0;
      const pauseMs = Math.min(BLOCKED_PAUSE_MS, PAUSE_MS * 2 ** blocked);
      if (kind === 'idle' || kind === 'blocked')
        await this.#clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Carries one order out. Returns what is left undone, in words. */
  async carryOut(
    orderId: string,
    signal: AbortSignal,
    onTurn: (turn: TurnResult) => void,
  ): Promise<readonly string[]> {
    for (let blocked = 0; blocked < MOST_BLOCKED_TURNS; ) {
      const turn = await this.#turn(signal, orderId);
      onTurn(turn);
      if (turn.kind === 'idle' || turn.kind === 'done') return [];
      if (turn.kind === 'failed') return [turn.order.message ?? 'the order failed'];
      blocked = turn.kind === 'blocked' ? blocked + 1 : 0;
      if (blocked > 0) await this.#clock.sleep(Math.min(5_000, 200 * 2 ** blocked), signal);
    }
    const order = (await this.#journal.orders()).find(({ id }) => id === orderId);
    return [order?.message ?? 'the order made no progress'];
  }

  /** Carries out every order that waits, as far as the signal lets it. Returns what is left undone, in words. */
  async finish(signal: AbortSignal): Promise<readonly string[]> {
    for (const { id } of await this.#open()) {
      try {
        if (!signal.aborted) await this.carryOut(id, signal, () => undefined);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
    const left = await this.#open();
    return left.map(({ id, message }) => `order ${id} (backfill) is not done: ${message ?? 'time is up'}`);
  }

  async #open(): Promise<readonly BackfillOrder[]> {
    const orders = await this.#journal.orders();
    return orders.filter((order) => order.kind === 'backfill').filter((order) => !hasEnded(order));
  }

  #failed(signal: AbortSignal): (error: unknown) => 'blocked' {
    return (error) => {
      if (error instanceof FencedError) throw error;
      if (!signal.aborted)
        this.#logger.error({ reason: messageOf(error) }, 'an order failed; it is tried again');
      return 'blocked';
    };
  }

  #turn(signal: AbortSignal, only?: string): Promise<TurnResult> {
    const beforeRead = () => this.#beforeRead(signal);
    return this.#backfill.turn({
      units: this.#units(),
      signal,
      beforeRead,
      ...(only !== undefined && { only }),
    });
  }
}
