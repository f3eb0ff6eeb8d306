import type { Window } from './source-event.ts';
import type { StreamName } from './stream-name.ts';

/** `running` also stands for an order whose worker went away: the next worker goes on with it. */
export type OrderState = 'pending' | 'running' | 'done' | 'failed';

interface OrderBase {
  readonly id: string;
  /** What was asked for, as it was asked, so that the same command finds its order again also when it said `24h`. */
  readonly asked: string;
  readonly createdMs: number;
  /** Operating-system name of the person who placed it. */
  readonly by?: string;
  readonly state: OrderState;
  /** How far it is, in numbers that its kind gives a meaning. */
  readonly progress: Readonly<Record<string, number>>;
  /** Why it failed, what keeps it from going on, or what came of it, in words. */
  readonly message?: string;
}

/**
 * Read a span of the past. `progress`: unit → event time through which it was read. May lag what is stored: what is read
 * again is not stored again.
 */
export interface BackfillOrder extends OrderBase, Window {
  readonly kind: 'backfill';
  /** Pattern over unit ids (`logs:…`, `metrics:…`); absent: all. */
  readonly unit?: string;
  /** Most AWS calls per second it may make; absent: what the quota share leaves. */
  readonly callsPerSecond?: number;
}

/** Send what is stored of a span to one sink again, under the same event ids. */
export interface ReplayOrder extends OrderBase, Window {
  readonly kind: 'replay';
  readonly sink: string;
  readonly stream: StreamName;
  /** Rows of the span that were stored when the order was placed, and where the last of them stands. */
  readonly rows: number;
  readonly throughSeq: number;
  /** Absent: as fast as the sink takes them, live rows first. */
  readonly rowsPerSecond?: number;
}

/** Send dead letters of one lane again. Those that are refused again stay, with the new reason. */
export interface RetryOrder extends OrderBase {
  readonly kind: 'retry';
  readonly lane: string;
  /** Absent: all that were refused before the order was placed. */
  readonly seq?: number;
}

/** Give dead letters of one lane up for good; they are kept with the reason. */
export interface DropOrder extends OrderBase {
  readonly kind: 'drop';
  readonly lane: string;
  readonly seq?: number;
  readonly reason: string;
}

/** What a command asks of the worker that holds the journal. */
export type Order = BackfillOrder | ReplayOrder | RetryOrder | DropOrder;

/** Writes orders beside a running worker and watches what becomes of them. */
export interface OrderDesk {
  orders(): Promise<readonly Order[]>;
  place(order: Order): Promise<void>;
  /** Who holds the journal, for people; undefined when nobody does. */
  holder(): Promise<string | undefined>;
  close(): Promise<void>;
}

export function hasEnded({ state }: Order): boolean {
  return state === 'done' || state === 'failed';
}
