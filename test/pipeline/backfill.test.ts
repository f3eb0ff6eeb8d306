import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../src/cli/worker/runtime.ts';
import type { Journal } from '../../src/model/journal.ts';
import type { Order } from '../../src/model/order.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { RehearsedFleet, revisionsOf, rowsOf, standingContent } from './rehearsed-runtime.ts';

const HISTORY_TO_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const DAY_MS = 86_400_000;

describe('a backfill over a rehearsed history', () => {
  let fleet: RehearsedFleet;
  let live: { readonly records: [string, string][]; readonly metrics: [string, string][] };

  beforeAll(async () => {
    fleet = await RehearsedFleet.start({ minutes: 6, ratePerSecond: 3, historyToMs: HISTORY_TO_MS });
    live = await contentOf((await fleet.readLive('live.db')).journal);
  });
  afterAll(() => fleet.dispose());

  async function place(journal: string, order: Order): Promise<void> {
    const desk = await openOrderDesk(join(fleet.folder, journal), fleet.clock);
    await desk.place(order);
    await desk.close();
  }

  function carryOut(runtime: Runtime, id = 'order-1', signal = AbortSignal.timeout(30_000)) {
    return runtime.worker.carryOut(id, signal, () => undefined);
  }

  it('stores what live reading stores, each record in one revision, and delivers it', async () => {
    const runtime = await fleet.runtime('whole.db');
    await place('whole.db', fleet.order());
    expect(await carryOut(runtime)).toEqual([]);
    expect(await contentOf(runtime.journal)).toEqual(live);
    expect(revisionsOf(await rowsOf(runtime.journal, 'records'))).toEqual([0]);
    expect((await runtime.journal.orders())[0]).toMatchObject({ state: 'done' });
    for (const lane of await runtime.journal.lanes()) expect(lane.pending).toBe(0);
    expect(await runtime.journal.checkpoints()).toEqual([]);
  });

  it('FT-34 goes on where it was cut off, at whatever commit, and stores nothing twice', async () => {
    let cuts = 0;
    for (const writes of [1, 2, 4, 9, 17, 30, 5, 50]) {
      const stop = new AbortController();
      const runtime = await fleet.runtime('cut.db', {
        wrapJournal: (journal) => cutAfter(journal, writes, () => stop.abort(new Error('cut off'))),
      });
      if (cuts === 0) await place('cut.db', fleet.order());
      const ended = await carryOut(runtime, 'order-1', stop.signal).then(
        () => 'done',
        () => 'cut',
      );
      await runtime.close();
      if (ended === 'done') break;
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(3);
    const last = await fleet.runtime('cut.db');
    expect(await carryOut(last)).toEqual([]);
    expect(await contentOf(last.journal)).toEqual(live);
    const ledger = await last.journal.ledger(0, Number.MAX_SAFE_INTEGER);
    for (const { seen, stored, quarantined, filtered } of ledger)
      expect(seen).toBe(stored + quarantined + filtered);
  });

  it('adds nothing to a span that is stored, long after its seen keys and joins were forgotten', async () => {
    const first = await fleet.runtime('old.db');
    await place('old.db', fleet.order());
    await carryOut(first);
    const rows = await first.journal.lastSeq();
    const forgottenMs = fleet.nowMs + 30 * DAY_MS;
    await first.journal.prune(forgottenMs, forgottenMs);
    await first.close();
    const again = await fleet.runtime('old.db');
    await place('old.db', fleet.order({ id: 'accesses', unit: 'logs:*:/apigw/*' }));
    await place('old.db', fleet.order({ id: 'all-again' }));
    expect(await carryOut(again, 'accesses')).toEqual([]);
    expect(await carryOut(again, 'all-again')).toEqual([]);
    expect(await again.journal.lastSeq()).toBe(rows);
  });

  it('joins lines that went out alone once their authorizer can be read', async () => {
    const runtime = await fleet.runtime('late.db');
    await place('late.db', fleet.order({ id: 'accesses', unit: 'logs:*:/apigw/*' }));
    await place('late.db', fleet.order({ id: 'all' }));
    await carryOut(runtime, 'accesses');
    const forgottenMs = fleet.nowMs + 30 * DAY_MS;
    await runtime.journal.prune(forgottenMs, forgottenMs);
    await runtime.close();
    const later = await fleet.runtime('late.db');
    await carryOut(later, 'all');
    expect((await contentOf(later.journal)).records).toEqual(live.records);
  });

  it('is carried out by a running worker beside live reading', async () => {
    const runtime = await fleet.runtime('beside.db');
    await place('beside.db', fleet.order());
    const stop = new AbortController();
    const running = runtime.worker.run(stop.signal);
    await expect
      .poll(async () => (await runtime.journal.orders())[0]?.state, { timeout: 20_000, interval: 100 })
      .toBe('done');
    stop.abort();
    await running;
    const { records } = await contentOf(runtime.journal);
    const stored = new Map(records);
    expect(live.records.filter(([id]) => !stored.has(id))).toEqual([]);
  });

  it('fails with the reason when nothing matches', async () => {
    const runtime = await fleet.runtime('nothing.db');
    await place('nothing.db', fleet.order({ unit: 'logs:*:/no/such/*' }));
    expect(await carryOut(runtime)).toEqual(['the inventory holds no unit that matches logs:*:/no/such/*']);
    expect((await runtime.journal.orders())[0]?.state).toBe('failed');
  });
});

async function contentOf(journal: Journal) {
  return {
    records: standingContent(await rowsOf(journal, 'records')),
    metrics: standingContent(await rowsOf(journal, 'metrics')),
  };
}

/** Calls `cut` when the order has been written to that often, the last write being on disk already or not, in turn. */
function cutAfter(journal: Journal, writes: number, cut: () => void): Journal {
  let left = writes;
  const counting = async <T>(write: () => Promise<T>): Promise<T> => {
    left -= 1;
    if (left > 0) return write();
    if (writes % 2 === 0) await write();
    cut();
    throw new Error('cut off');
  };
  return new Proxy(journal, {
    get(target, property) {
      if (property === 'commitWindow')
        return (commit: Parameters<Journal['commitWindow']>[0]) =>
          counting(() => target.commitWindow(commit));
      if (property === 'saveOrder') return (order: Order) => counting(() => target.saveOrder(order));
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
