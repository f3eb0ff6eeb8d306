import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireSafeVersion } from '../../src/store/connection.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { verifyTrail } from '../../src/store/verify-trail.ts';
import { lane } from '../contract/journal-records.ts';
import { commitRecords, nthRecord, recordsOnly, series } from './commits.ts';
import { LEASE_MS, TemporaryJournal } from './temporary-journal.ts';

let store: TemporaryJournal;
beforeEach(() => {
  store = new TemporaryJournal();
});
afterEach(() => store.dispose());

describe('who may write', () => {
  it('refuses a second writer while the first holds a fresh lease, naming it and since when', async () => {
    await store.open({ owner: 'web-1:42' });
    await expect(store.open()).rejects.toMatchObject({
      code: 'journal_in_use',
      message: expect.stringMatching(/web-1:42 since 2026-11-22T10:00:00.000Z: stop/),
    });
  });

  it('keeps others out as long as the lease is renewed, by commits too', async () => {
    const journal = await store.open();
    store.nowMs += LEASE_MS - 1;
    expect(await journal.renewLease()).toBe('renewed');
    store.nowMs += LEASE_MS - 1;
    await commitRecords(journal, [nthRecord(1)]);
    store.nowMs += LEASE_MS - 1;
    await expect(store.open()).rejects.toMatchObject({ code: 'journal_in_use' });
  });

  it('lets another in at once after a clean close', async () => {
    await (await store.open()).close();
    expect((await store.open()).epoch).toBe(2);
  });

  it('fences a writer that slept past its lease and wakes up', async () => {
    const asleep = await store.open();
    const awake = await store.takeOver();
    expect(await asleep.commitWindow(recordsOnly(asleep.epoch, [nthRecord(1)]))).toMatchObject({
      kind: 'fenced',
    });
    await commitRecords(awake, [nthRecord(2)]);
    expect(await awake.lastSeq()).toBe(1);
  });

  it('does not give the lease of its successor back when a fenced writer closes', async () => {
    const asleep = await store.open();
    await store.takeOver();
    await asleep.close();
    await expect(store.open()).resolves.toMatchObject({ epoch: 3 });
  });
});

describe('a file that is not what it should be', () => {
  it('moves a file that is no database aside, with a message, and starts fresh', async () => {
    writeFileSync(store.path, Buffer.alloc(20_000, 'not a database '));
    const said: string[] = [];
    const logger = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (_: unknown, text: string) => said.push(text),
    };
    const journal = await store.open({ logger });
    expect(journal.recoveredFrom).toBe(`${store.path}.corrupt-2026-11-22T100000.000Z`);
    expect(readFileSync(journal.recoveredFrom ?? '', 'utf8')).toMatch(/^not a database/);
    expect(said).toHaveLength(1);
    await commitRecords(journal, [nthRecord(1)]);
    await journal.close();
    expect((await store.open()).recoveredFrom).toBeUndefined();
  });

  it.each([
    ['its header overwritten', 0, 2_000],
    ['its last pages overwritten', -40_000, 40_000],
  ])('moves a journal with %s aside', async (_what, from, length) => {
    const journal = await store.open();
    await commitRecords(journal, series(0, 500));
    await journal.close();
    const bytes = readFileSync(store.path);
    const start = from < 0 ? bytes.length + from : from;
    bytes.fill(0xa5, start, start + length);
    writeFileSync(store.path, bytes);
    const rebuilt = await store.open();
    expect(rebuilt.recoveredFrom).toBeDefined();
    expect(await rebuilt.readStream('records', 0, 10)).toEqual([]);
  });

  it('keeps a journal whose newest row no longer matches its hash, and puts that row on record', async () => {
    const journal = await store.open();
    await commitRecords(journal, series(0, 5));
    await journal.close();
    const db = new DatabaseSync(store.path);
    db.exec(`UPDATE record SET body = replace(body, 'allow', 'deny') WHERE seq = 5`);
    db.close();
    const reopened = await store.open();
    expect(reopened.recoveredFrom).toBeUndefined();
    const noted = new DatabaseSync(store.path, { readOnly: true });
    expect(noted.prepare('SELECT seq, problem FROM damage').all()).toMatchObject([
      { seq: 5, problem: 'does not match its hash' },
    ]);
    noted.close();
  });

  it('opens after a torn write-ahead log with everything before the tear', async () => {
    const journal = await store.open();
    await commitRecords(journal, series(0, 100));
    const copy = new TemporaryJournal();
    writeFileSync(copy.path, readFileSync(store.path));
    const intact = readFileSync(`${store.path}-wal`);
    await commitRecords(journal, series(100, 200));
    const longer = readFileSync(`${store.path}-wal`);
    expect(longer.length).toBeGreaterThan(intact.length);
    writeFileSync(`${copy.path}-wal`, longer);
    truncateSync(`${copy.path}-wal`, longer.length - 5_000);
    const reopened = await copy.takeOver();
    expect(reopened.recoveredFrom).toBeUndefined();
    expect(await reopened.lastSeq()).toBe(100);
    await copy.dispose();
  });

  it("refuses another application's database and leaves it alone", async () => {
    const db = new DatabaseSync(store.path);
    db.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)');
    db.close();
    const before = readdirSync(store.folder).filter((name) => !name.includes('.lock'));
    await expect(store.open()).rejects.toMatchObject({ code: 'not_a_journal' });
    expect(readdirSync(store.folder).filter((name) => !name.includes('.lock'))).toEqual(before);
  });

  it('refuses a journal of a newer release, for writing and for reading', async () => {
    await (await store.open()).close();
    const db = new DatabaseSync(store.path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(store.open()).rejects.toMatchObject({
      code: 'journal_newer',
      message: expect.stringContaining('99'),
    });
    await expect(openJournalReader(store.path)).rejects.toMatchObject({ code: 'journal_newer' });
  });

  it('names the folder that cannot be used', async () => {
    await expect(store.open({ path: `${store.folder}/missing/gatewatch.db` })).rejects.toMatchObject({
      code: 'journal_cannot_open',
      message: expect.stringContaining('/missing/gatewatch.db'),
    });
  });

  it('refuses SQLite releases whose write-ahead log can lose data', () => {
    expect(() => requireSafeVersion('3.51.2')).toThrow('3.51.3 or newer, got 3.51.2');
    expect(() => requireSafeVersion('3.9.9')).toThrow('3.9.9');
    for (const safe of ['3.51.3', '3.53.4', '4.0.0']) expect(() => requireSafeVersion(safe)).not.toThrow();
  });
});

describe('a full journal', () => {
  it('says so, keeps what was committed, still acknowledges, and goes on when there is room', async () => {
    const small = await store.open({ maxBytes: 700_000 });
    await small.lane(lane('splunk'));
    await commitRecords(small, series(0, 100));
    await expect(commitRecords(small, series(100, 2_000))).rejects.toMatchObject({ code: 'journal_full' });
    expect(await small.lastSeq()).toBe(100);
    const counts = { accepted: 100, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
    const ack = {
      lane: 'splunk',
      epoch: small.epoch,
      cursor: 100,
      counts,
      deadLetters: [],
      expired: [],
      nowMs: 0,
    };
    expect(await small.ackLane(ack)).toBe('acknowledged');
    await small.close();
    const larger = await store.open();
    await commitRecords(larger, series(100, 2_000));
    expect(await larger.lastSeq()).toBe(2_000);
    expect(await larger.lanes()).toMatchObject([{ cursor: 100, pending: 1_900 }]);
  });
});

describe('a reader beside the writer', () => {
  it('sees what is committed while the writer goes on, and cannot write', async () => {
    const journal = await store.open();
    await commitRecords(journal, series(0, 10));
    const reader = await openJournalReader(store.path);
    expect(await reader.query({ limit: 100, revisions: 'latest' })).toHaveLength(10);
    await commitRecords(journal, series(10, 20));
    expect(await reader.readStream('records', 15, 100)).toHaveLength(5);
    await reader.close();
    await reader.close();
  });

  const readers = [
    ['a reader', (path: string) => openJournalReader(path)],
    ['an order desk', (path: string) => openOrderDesk(path, store.clock)],
    ['a verification', (path: string) => verifyTrail({ path })],
  ] as const;

  it.each(readers)('%s names the file that is missing, and a folder in its place', async (_, open) => {
    await expect(open(store.path)).rejects.toMatchObject({
      code: 'journal_missing',
      message: `Expected a journal at ${store.path}, found no file: check journal.path, or start the worker once.`,
    });
    await expect(open(dirname(store.path))).rejects.toMatchObject({
      code: 'journal_missing',
      message: expect.stringContaining('found no file but a folder'),
    });
  });

  it.each(readers)('%s says that a file is no database', async (_, open) => {
    writeFileSync(store.path, 'anything else, of some length '.repeat(10));
    await expect(open(store.path)).rejects.toMatchObject({ code: 'journal_corrupt' });
  });
});
