import type { Window } from './source-event.ts';

/** `running` also stands for an order whose worker went away: the next worker goes on with it. */
export type OrderState = 'pending' | 'running' | 'done' | 'failed';

/** What a command asks of the worker that holds the journal: read a span of the past. */
export interface Order extends Window {
  readonly id: string;
  readonly kind: 'backfill';
  /** Pattern over unit ids (`logs:…`, `metrics:…`); absent: all. */
  readonly unit?: string;
  /** Most AWS calls per second it may make; absent: what the quota share leaves. */
  readonly callsPerSecond?: number;
  /** The span as it was asked for, so that the same command finds its order again also when it said `24h`. */
  readonly asked: string;
  readonly createdMs: number;
  readonly state: OrderState;
  /** Unit → event time through which it was read. May lag what is stored: what is read again is not stored again. */
  readonly progress: Readonly<Record<string, number>>;
  /** Why it failed or what keeps it from going on, in words. */
  readonly message?: string;
}

/** Writes orders beside a running worker and watches what becomes of them. */
export interface OrderDesk {
  orders(): Promise<readonly Order[]>;
  place(order: Order): Promise<void>;
  /** Who holds the journal, for people; undefined when nobody does. */
  holder(): Promise<string | undefined>;
  close(): Promise<void>;
}
