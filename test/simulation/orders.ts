import type { BackfillOrder, Order, ReplayOrder } from '../../src/model/order.ts';
import type { Window } from '../../src/model/source-event.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import type { Accepted } from './destinations.ts';
import { type JournalWatch, splunkKeysOf } from './journal-watch.ts';
import type { Tally } from './tally.ts';
import type { SimEvent } from './traffic-lines.ts';
import { ProcessClock, type VirtualTime } from './virtual-time.ts';

/** What people order of the worker while it works, and whether they got it. */
export class Orders {
  readonly placed: (BackfillOrder | ReplayOrder)[] = [];
  readonly #time: VirtualTime;
  readonly #watch: JournalWatch;
  readonly #tally: Tally;

  constructor(time: VirtualTime, watch: JournalWatch, tally: Tally) {
    this.#time = time;
    this.#watch = watch;
    this.#tally = tally;
  }

  /** Reads a span again, whatever of it is stored. */
  async backfill(path: string, span: Window): Promise<void> {
    await this.#place(path, { ...this.#newOrder(), kind: 'backfill', ...span });
  }

  /** Sends what is stored of a span again. */
  async replay(path: string, sink: 'splunk' | 'dynatrace', span: Window): Promise<void> {
    const rows = this.#rowsOf(span);
    const throughSeq = rows.at(-1)?.seq ?? 0;
    const order = { ...this.#newOrder(), kind: 'replay', sink, stream: 'records', ...span } as const;
    await this.#place(path, { ...order, rows: rows.length, throughSeq });
  }

  /** True when an order read the span of the event after it could be read. */
  hasReadBack({ atMs, visibleMs }: SimEvent): boolean {
    return this.placed.some(
      ({ kind, fromMs, toMs, createdMs }) =>
        kind === 'backfill' && fromMs <= atMs && atMs < toMs && visibleMs <= createdMs,
    );
  }

  /** What is wrong with how the orders ended. `accepted`: what Splunk took in. */
  check(
    ended: readonly Order[],
    accepted: readonly Accepted[],
    isToBlame: (body: string) => boolean,
  ): string[] {
    return this.placed.flatMap((placed) => {
      const order = ended.find(({ id }) => id === placed.id);
      if (order?.state !== 'done')
        return [
          `I7: order ${placed.asked} is ${order?.state ?? 'lost'}: ${order?.message ?? 'no reason given'}`,
        ];
      this.#tally.add(`${placed.kind}_done`);
      return placed.kind === 'replay' ? this.#checkReplay(placed, order, accepted, isToBlame) : [];
    });
  }

  #checkReplay(
    placed: ReplayOrder,
    { progress }: Order,
    accepted: readonly Accepted[],
    isToBlame: (body: string) => boolean,
  ): string[] {
    const { rows, fromMs, toMs, throughSeq, createdMs, sink } = placed;
    const told = (progress.accepted ?? 0) + (progress.rejected ?? 0) + (progress.expired ?? 0);
    const wrong = told === rows ? [] : [`P2: replay ${placed.id} of ${rows} rows told the end of ${told}`];
    if (sink !== 'splunk') return wrong;
    const again = new Set(accepted.flatMap(({ key, atMs }) => (atMs >= createdMs ? [key] : [])));
    for (const row of this.#rowsOf({ fromMs, toMs })) {
      if (row.seq > throughSeq || isToBlame(row.body)) continue;
      if (!splunkKeysOf(row).every((key) => again.has(key)))
        wrong.push(`P2: replay ${placed.id} did not send row ${row.seq} again`);
    }
    if (rows > 0) this.#tally.add('replayed_rows', rows);
    return wrong;
  }

  #rowsOf({ fromMs, toMs }: Window) {
    return [...this.#watch.rows.values()].filter(
      ({ stream, eventMs }) => stream === 'records' && fromMs <= eventMs && eventMs < toMs,
    );
  }

  #newOrder() {
    const id = `order-${this.placed.length + 1}`;
    const createdMs = Math.floor(this.#time.nowMs);
    return { id, asked: id, createdMs, by: 'simulation', state: 'pending', progress: {} } as const;
  }

  async #place(path: string, order: BackfillOrder | ReplayOrder): Promise<void> {
    const desk = await openOrderDesk(path, new ProcessClock(this.#time));
    await desk.place(order);
    await desk.close();
    this.placed.push(order);
    this.#tally.add(`${order.kind}_placed`);
  }
}
