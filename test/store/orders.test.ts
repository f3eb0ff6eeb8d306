import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackfillOrder, Order } from '../../src/model/order.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { MIGRATIONS } from '../../src/store/schema.ts';
import { known } from '../contract/journal-commits.ts';
import { commitRecords, nthRecord } from './commits.ts';
import { LEASE_MS, START_MS, TemporaryJournal } from './temporary-journal.ts';

const ORDER: BackfillOrder = {
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

const BASE = { id: 'o9', asked: 'all', createdMs: START_MS, state: 'pending', progress: {} } as const;

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
    createVersion1(store.path);
    await expect(openOrderDesk(store.path, store.clock)).rejects.toMatchObject({
      code: 'journal_not_migrated',
    });
  });

  it('come to a journal of the first version with everything in it kept', async () => {
    createVersion1(store.path);
    const migrated = await store.open();
    expect(await migrated.lastSeq()).toBe(2);
    expect(await migrated.orders()).toEqual([]);
    expect(await known(migrated.seenIn('logs:a', 0, 9), 'stream\n1', 'stream\n2', 'stream\n3')).toEqual([
      'stream\n1',
      'stream\n2',
    ]);
    expect(await migrated.lanes()).toMatchObject([{ lane: 'splunk', cursor: 1, pending: 1 }]);
    expect(await migrated.deadLetters()).toMatchObject([{ seq: 1, status: 'refused', attempts: 1 }]);
  });

  it.each<Order>([
    {
      ...BASE,
      kind: 'replay',
      by: 'ada',
      fromMs: 1,
      toMs: 2,
      sink: 'splunk',
      stream: 'metrics',
      rows: 7,
      throughSeq: 99,
      rowsPerSecond: 2.5,
    },
    { ...BASE, kind: 'retry', lane: 'splunk/records/live', seq: 3 },
    { ...BASE, kind: 'retry', lane: 'splunk/records/live' },
    { ...BASE, kind: 'drop', lane: 'splunk/records/live', reason: 'a \u2028 "test"' },
  ])('keep whole what was asked for: %o', async (order) => {
    const journal = await store.open();
    const desk = await openOrderDesk(store.path, store.clock);
    await desk.place(order);
    expect(await desk.orders()).toEqual([order]);
    expect(await journal.orders()).toEqual([order]);
    await desk.close();
  });
});

const EMPTY_SHA256 = `x'${hash('sha256', '{}', 'hex')}'`;

/** As the first release left it: two rows, a lane that has delivered one, which was refused. */
function createVersion1(path: string): void {
  const db = new DatabaseSync(path);
  db.exec(`${MIGRATIONS[0]}
    PRAGMA application_id = 0x47574a31; PRAGMA user_version = 1;
    INSERT INTO facet VALUES (1, 'records', 'request', '', '', '', '', '');
    INSERT INTO record VALUES (1, 1, 1000, 11, 1, NULL, NULL, 0, 'a', 'e1', ${EMPTY_SHA256}, '{}');
    INSERT INTO record VALUES (2, 1, 2000, 12, 1, NULL, NULL, 0, 'b', 'e2', ${EMPTY_SHA256}, '{}');
    INSERT INTO stream_run VALUES ('records', 2, 1, 1000, 2000);
    INSERT INTO seen_chunk VALUES (1, 0, 'logs:a', '["stream\\n1","stream\\n2"]');
    INSERT INTO lane (name, sink, stream, class, cursor) VALUES ('splunk', 'splunk', 'records', 'live', 1);
    INSERT INTO dead_letter VALUES ('splunk', 1, 'a', 'e1', 'bad time', 9);`);
  db.close();
}
