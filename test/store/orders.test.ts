import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Order } from '../../src/model/order.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { commitRecords, nthRecord } from './commits.ts';
import { LEASE_MS, START_MS, TemporaryJournal } from './temporary-journal.ts';

const ORDER: Order = {
  id: 'o1',
  kind: 'backfill',
  fromMs: START_MS - 7_200_000,
  toMs: START_MS - 3_600_000,
  unit: 'logs:*',
  callsPerSecond: 0.5,
  asked: '2h..1h',
  createdMs: START_MS,
  state: 'pending',
  progress: {},
};

describe('orders', () => {
  let store: TemporaryJournal;
  beforeEach(() => {
    store = new TemporaryJournal();
  });
  afterEach(() => store.dispose());

  it('are written beside the journal’s writer, which reads them whole and goes on writing', async () => {
    const journal = await store.open();
    const desk = await openOrderDesk(store.path, store.clock);
    const { unit: _, callsPerSecond: __, ...plain } = ORDER;
    await desk.place(ORDER);
    await desk.place({ ...plain, id: 'o2', createdMs: START_MS + 1 });
    await commitRecords(journal, [nthRecord(1)]);
    expect(await journal.orders()).toEqual([ORDER, { ...plain, id: 'o2', createdMs: START_MS + 1 }]);
    await desk.close();
  });

  it('show their progress to the desk and survive the writer', async () => {
    const journal = await store.open();
    const desk = await openOrderDesk(store.path, store.clock);
    await desk.place(ORDER);
    const running: Order = {
      ...ORDER,
      state: 'running',
      progress: { 'logs:a': START_MS - 5_000_000 },
      message: 'held: denied',
    };
    expect(await journal.saveOrder(running)).toBe('saved');
    expect(await desk.orders()).toEqual([running]);
    await journal.close();
    expect(await (await store.open()).orders()).toEqual([running]);
    await desk.close();
  });

  it('keep what was asked for: only state, progress and message are saved', async () => {
    const journal = await store.open();
    const desk = await openOrderDesk(store.path, store.clock);
    await desk.place(ORDER);
    await journal.saveOrder({ ...ORDER, fromMs: 0, asked: 'other', state: 'done' });
    expect(await journal.orders()).toEqual([{ ...ORDER, state: 'done' }]);
    await desk.close();
  });

  it('are not saved by a writer that was replaced, nor when they were never placed', async () => {
    const stale = await store.open();
    const desk = await openOrderDesk(store.path, store.clock);
    await desk.place(ORDER);
    const fresh = await store.takeOver();
    expect(await stale.saveOrder({ ...ORDER, state: 'done' })).toBe('fenced');
    expect((await fresh.orders())[0]?.state).toBe('pending');
    await expect(fresh.saveOrder({ ...ORDER, id: 'other' })).rejects.toThrow('placed before, got other');
    await desk.close();
  });

  it('tell who holds the journal, until the lease runs out or is given back', async () => {
    const journal = await store.open({ owner: 'host/4711' });
    const desk = await openOrderDesk(store.path, store.clock);
    expect(await desk.holder()).toBe('host/4711');
    store.nowMs += LEASE_MS;
    expect(await desk.holder()).toBeUndefined();
    await journal.renewLease();
    expect(await desk.holder()).toBe('host/4711');
    await journal.close();
    expect(await desk.holder()).toBeUndefined();
    await desk.close();
  });

  it('need a journal, brought up to date by its worker', async () => {
    await expect(openOrderDesk(store.path, store.clock)).rejects.toMatchObject({ code: 'journal_missing' });
    await (await store.open()).close();
    asVersion1(store.path);
    await expect(openOrderDesk(store.path, store.clock)).rejects.toMatchObject({
      code: 'journal_not_migrated',
    });
  });

  it('come to a journal of the first version with everything in it kept', async () => {
    const first = await store.open();
    await commitRecords(first, [nthRecord(1), nthRecord(2)]);
    await first.close();
    asVersion1(store.path);
    const migrated = await store.open();
    expect(await migrated.lastSeq()).toBe(2);
    expect(await migrated.orders()).toEqual([]);
  });
});

function asVersion1(path: string): void {
  const db = new DatabaseSync(path);
  db.exec('DROP TABLE orders; PRAGMA user_version = 1');
  db.close();
}
