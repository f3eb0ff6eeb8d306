import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { openWriterConnection } from '../../src/store/connection.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { openOrderDesk } from '../../src/store/order-desk.ts';
import { rebuild } from '../../src/store/recovery/rebuild.ts';
import { migrate } from '../../src/store/schema.ts';
import { verifyTrail } from '../../src/store/verify-trail.ts';
import { commitRecords, series } from './commits.ts';
import { TemporaryJournal } from './temporary-journal.ts';

const ASIDE = '.corrupt-2026-11-22T100000.000Z';
const NEXT_ASIDE = '.corrupt-2026-11-22T100000.001Z';
const RESERVE_BYTES = 1_000_000;

let store: TemporaryJournal;
/** The log of another journal, with rows that stand nowhere else. */
let log: Buffer;
beforeEach(async () => {
  store = new TemporaryJournal();
  const source = new TemporaryJournal();
  await commitRecords(await source.open(), series(0, 50));
  log = readFileSync(`${source.path}-wal`);
  await source.dispose();
});
afterEach(() => store.dispose());

function contentOf(suffix: string): Buffer {
  return readFileSync(store.path + suffix);
}

async function closedJournal(rows: number): Promise<void> {
  const journal = await store.open();
  await commitRecords(journal, series(0, rows));
  await journal.close();
}

describe.each([
  ['gone', () => rmSync(store.path)],
  ['empty', () => truncateSync(store.path)],
])('a log whose journal is %s', (_what, lose) => {
  beforeEach(async () => {
    await closedJournal(5);
    lose();
    writeFileSync(`${store.path}-wal`, log);
  });

  it('is moved aside with a gap on record, and the worker begins a fresh journal', async () => {
    const journal = await store.open();
    expect(journal.recoveredFrom).toBe(store.path + ASIDE);
    expect(contentOf(`${ASIDE}-wal`)).toEqual(log);
    expect(await journal.gaps()).toMatchObject([
      { unit: 'journal', reason: expect.stringContaining('empty or gone') },
    ]);
    await commitRecords(journal, series(0, 1));
    await journal.close();
    expect((await store.open()).recoveredFrom).toBeUndefined();
  });

  it.each([
    ['a reader', () => openJournalReader(store.path)],
    ['an order desk', () => openOrderDesk(store.path, store.clock)],
    ['a verification', () => verifyTrail({ path: store.path })],
  ])('is left alone by %s', async (_name, open) => {
    await expect(open()).rejects.toMatchObject({ code: expect.stringMatching(/journal_(corrupt|missing)/) });
    expect(contentOf('-wal')).toEqual(log);
  });
});

describe('a rebuild that was cut off between its renames', () => {
  /** The finished journal stands ready, the damaged one has been moved away, its log not yet. */
  async function cutOff(): Promise<void> {
    await closedJournal(3);
    renameSync(store.path, `${store.path}.rebuild`);
    writeFileSync(`${store.path}-wal`, log);
  }

  async function expectFinished(): Promise<void> {
    const journal = await store.open();
    expect(journal.recoveredFrom).toBeUndefined();
    expect(await journal.lastSeq()).toBe(3);
  }

  it('keeps the log of a damaged journal that somebody has taken away since', async () => {
    await cutOff();
    await expectFinished();
    expect(contentOf(`${ASIDE}-wal`)).toEqual(log);
  });

  it('keeps it beside one that was moved whole before, under the same time', async () => {
    await cutOff();
    writeFileSync(store.path + ASIDE, 'damaged before');
    writeFileSync(`${store.path + ASIDE}-wal`, 'its log');
    await expectFinished();
    expect(contentOf(`${ASIDE}-wal`).toString()).toBe('its log');
    expect(contentOf(`${NEXT_ASIDE}-wal`)).toEqual(log);
  });
});

it('a second rebuild within a millisecond leaves what the first one moved aside', async () => {
  for (const text of ['first', 'second']) {
    writeFileSync(store.path, text.repeat(1_000));
    await (await store.open()).close();
  }
  expect(contentOf(ASIDE).toString()).toMatch(/^first/);
  expect(contentOf(NEXT_ASIDE).toString()).toMatch(/^second/);
});

it('a fresh journal that is not whole without its log does not take the place of the damaged one', async () => {
  writeFileSync(store.path, 'no database '.repeat(1_000));
  const damaged = contentOf('');
  let reader: DatabaseSync | undefined;
  /** A fresh journal whose log cannot be copied into it, because somebody reads. */
  const openFresh = (path: string) => {
    const db = openWriterConnection({ path, reserveBytes: RESERVE_BYTES });
    migrate(db, path);
    reader = new DatabaseSync(path, { readOnly: true });
    reader.exec('BEGIN; SELECT * FROM sqlite_master');
    return db;
  };
  const { path, nowMs } = store;
  const begin = () => rebuild({ path, nowMs, problem: 'no database', logger: silentLogger, openFresh });
  expect(begin).toThrow(/\.rebuild-wal is still there/);
  reader?.close();
  expect(contentOf('')).toEqual(damaged);
  const rebuilt = await store.open();
  expect(await rebuilt.gaps()).toHaveLength(1);
  expect(contentOf(ASIDE)).toEqual(damaged);
});
