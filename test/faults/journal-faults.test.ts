import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalDamagedError } from '../../src/core/errors.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { Journal } from '../../src/model/journal.ts';
import { Upkeep } from '../../src/pipeline/upkeep.ts';
import { SCHEMA_VERSION } from '../../src/store/schema.ts';
import type { SqliteJournal } from '../../src/store/sqlite-journal.ts';
import { lane } from '../contract/journal-records.ts';
import { commitRecords, nthRecord, recordsOnly, series, UNIT } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger } from '../support/recorders.ts';
import { NO_SEALING } from './upkeep-settings.ts';

const PAGE = 8_192;
const NO_COUNTS = { accepted: 0, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };

let store: TemporaryJournal;
beforeEach(() => {
  store = new TemporaryJournal();
});
afterEach(() => store.dispose());

/** A copy of a journal's files as a crash would leave them, under another path; the original stays open. */
function crashCopy(of: TemporaryJournal, to: TemporaryJournal): void {
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(of.path + suffix)) copyFileSync(of.path + suffix, to.path + suffix);
  }
}

function overwrite(path: string, from: number, length: number, byte: number): void {
  const bytes = readFileSync(path);
  bytes.fill(byte, from, Math.min(bytes.length, from + length));
  writeFileSync(path, bytes);
}

/** Commits a series with the position that goes with it. */
async function commitThrough(journal: Journal, from: number, to: number): Promise<void> {
  const version = (await journal.checkpoint(UNIT))?.version ?? 0;
  const result = await journal.commitWindow({
    ...recordsOnly(journal.epoch, series(from, to)),
    expectedVersion: version,
    nextCheckpoint: { readThroughMs: nthRecord(to).eventMs, rereads: [] },
  });
  expect(result.kind).toBe('committed');
}

describe('FT-15 a batch that is half on the disk', () => {
  let copy: TemporaryJournal;
  beforeEach(() => {
    copy = new TemporaryJournal();
  });
  afterEach(() => copy.dispose());

  it.each([
    [
      'cut off inside the last commit',
      (path: string) => truncateSync(path, readFileSync(path).length - 5_000),
    ],
    [
      'with zeros in its last commit',
      (path: string) => overwrite(path, readFileSync(path).length - 20_000, 9_000, 0),
    ],
  ])('FT-15 a write-ahead log %s loses that commit alone, whole', async (_what, tear) => {
    const journal = await store.open();
    await commitThrough(journal, 0, 100);
    await commitThrough(journal, 100, 200);
    crashCopy(store, copy);
    tear(`${copy.path}-wal`);
    const reopened = await copy.takeOver();
    expect(reopened.recoveredFrom).toBeUndefined();
    expect(await reopened.lastSeq()).toBe(100);
    expect((await reopened.checkpoint(UNIT))?.readThroughMs).toBe(nthRecord(100).eventMs);
    await commitThrough(reopened, 100, 200);
    expect(await reopened.readStream('records', 0, 1_000)).toHaveLength(200);
  });

  it('FT-15 a stale index of the write-ahead log is not believed: everything acknowledged is there', async () => {
    const journal = await store.open();
    await commitThrough(journal, 0, 100);
    const stale = readFileSync(`${store.path}-shm`);
    await commitThrough(journal, 100, 200);
    crashCopy(store, copy);
    writeFileSync(`${copy.path}-shm`, stale);
    expect(await (await copy.takeOver()).lastSeq()).toBe(200);
  });

  it('FT-15 an index of the write-ahead log full of noise is not believed', async () => {
    const journal = await store.open();
    await commitThrough(journal, 0, 100);
    crashCopy(store, copy);
    overwrite(`${copy.path}-shm`, 0, 32_768, 0xa5);
    expect(await (await copy.takeOver()).lastSeq()).toBe(100);
  });
});

/** The page of a table's or index's b-tree that holds its root. */
function rootPageOf(path: string, name: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  const row = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name);
  db.close();
  return Number(row?.rootpage);
}

describe('FT-16 a journal that is damaged when it is opened', () => {
  async function filled(): Promise<void> {
    const journal = await store.open();
    await journal.lane(lane('splunk'));
    await commitThrough(journal, 0, 500);
    const rest = { deadLetters: [], expired: [], nowMs: 0 };
    const ack = {
      lane: 'splunk',
      epoch: journal.epoch,
      cursor: 300,
      counts: { ...NO_COUNTS, accepted: 300 },
    };
    await journal.ackLane({ ...ack, ...rest });
    await journal.close();
  }

  it('FT-16 random bytes in the header: moved aside, begun anew, the gap on record', async () => {
    await filled();
    overwrite(store.path, 0, 200, 0xa5);
    const damaged = readFileSync(store.path);
    const rebuilt = await store.open();
    expect(readFileSync(rebuilt.recoveredFrom ?? '')).toEqual(damaged);
    expect(await rebuilt.gaps()).toMatchObject([
      { unit: 'journal', fromMs: 0, toMs: store.nowMs, reason: expect.stringContaining('damaged') },
    ]);
    await commitThrough(rebuilt, 0, 10);
    await rebuilt.close();
    const again = await store.open();
    expect(again.recoveredFrom).toBeUndefined();
    expect(await again.gaps()).toHaveLength(1);
  });

  it('FT-16 a b-tree page of the rows: rows are numbered on, lanes and history are kept, the time is read again', async () => {
    await filled();
    overwrite(store.path, (rootPageOf(store.path, 'record') - 1) * PAGE, PAGE, 0xa5);
    const rebuilt = await store.open();
    expect(rebuilt.recoveredFrom).toBeDefined();
    expect(await rebuilt.lastSeq()).toBe(500);
    expect(await rebuilt.lanes()).toMatchObject([{ lane: 'splunk', cursor: 500, accepted: 300, pending: 0 }]);
    expect((await rebuilt.checkpoint(UNIT))?.readThroughMs).toBe(nthRecord(0).eventMs);
    expect(await rebuilt.gaps()).toMatchObject([
      { fromMs: nthRecord(0).eventMs, reason: expect.stringContaining('rows 1 to 500') },
    ]);
    await commitThrough(rebuilt, 0, 500);
    expect(await rebuilt.lanes()).toMatchObject([{ cursor: 500, pending: 500 }]);
    expect((await rebuilt.readStream('records', 0, 1))[0]?.seq).toBe(501);
  });

  it('FT-16 a crash while the damaged journal is moved aside leaves the one or the finished other', async () => {
    await filled();
    const finished = `${store.path}.rebuild`;
    const other = new TemporaryJournal();
    const fresh = await other.open();
    await commitThrough(fresh, 0, 7);
    await fresh.close();
    copyFileSync(other.path, finished);
    await other.dispose();
    const before = await store.open();
    expect(await before.lastSeq()).toBe(500);
    await before.close();
    renameSync(store.path, `${store.path}.corrupt-now`);
    const after = await store.open();
    expect(await after.lastSeq()).toBe(7);
    expect(existsSync(finished)).toBe(false);
  });
});

describe('FT-16 a journal that is damaged while it is in use', () => {
  let clock: FakeClock;
  let logger: RecordingLogger;
  beforeEach(() => {
    clock = new FakeClock();
    logger = new RecordingLogger();
  });

  function upkeepOf(journal: SqliteJournal): Upkeep {
    const budgets = { queueBytes: 1e12, trailBytes: 1e12 };
    return new Upkeep({ ...NO_SEALING, journal: journal.upkeep, clock, logger, meter: silentMeter, budgets });
  }

  it('FT-16 a header overwritten under a running worker is found within one cycle', async () => {
    const journal = await store.open({ clock, reserveBytes: 1_000_000 });
    await commitThrough(journal, 0, 50);
    const upkeep = upkeepOf(journal);
    await upkeep.tick();
    await journal.prune(0, 0);
    writeFileSync(`${store.path}-wal`, '');
    overwrite(store.path, 0, 100, 0xa5);
    clock.skip(20_000);
    await expect(upkeep.tick()).rejects.toThrow(JournalDamagedError);
    expect(upkeep.status.intakeStop?.kind).toBe('damaged');
  });

  it.each(['record', 'stream_run', 'checkpoint', 'ledger'])(
    'FT-16 the root of table %s overwritten under a running worker is found within one cycle',
    async (table) => {
      const journal = await store.open({ clock, reserveBytes: 1_000_000 });
      await commitThrough(journal, 0, 300);
      await journal.close();
      const reopened = await store.open({ clock, reserveBytes: 1_000_000 });
      const upkeep = upkeepOf(reopened);
      await upkeep.tick();
      overwrite(store.path, (rootPageOf(store.path, table) - 1) * PAGE, PAGE, 0xa5);
      clock.skip(20_000);
      await expect(upkeep.tick()).rejects.toThrow(JournalDamagedError);
    },
  );

  it('FT-16 a deep page is found by the first statement that meets it, and the next opening does not trust the file', async () => {
    const journal = await store.open({ clock, reserveBytes: 1_000_000 });
    await commitThrough(journal, 0, 2_000);
    await journal.close();
    const damaged = readFileSync(store.path);
    const deep = damaged.indexOf(nthRecord(200).recordId);
    damaged.fill(0xa5, Math.floor(deep / PAGE) * PAGE, Math.floor(deep / PAGE) * PAGE + PAGE);
    writeFileSync(store.path, damaged);
    const unaware = await store.open({ clock });
    expect(unaware.recoveredFrom).toBeUndefined();
    const upkeep = upkeepOf(unaware);
    await upkeep.tick();
    expect(upkeep.intakeStop).toBeUndefined();
    await expect(unaware.readStream('records', 0, 1_000)).rejects.toMatchObject({ code: 'journal_corrupt' });
    const ended = upkeep.run(new AbortController().signal);
    await expect(ended).rejects.toThrow(JournalDamagedError);
    await unaware.close();
    const rebuilt = await store.open({ clock });
    expect(rebuilt.recoveredFrom).toMatch(/\.corrupt-/);
    expect(await rebuilt.gaps()).toHaveLength(1);
    expect(readdirSync(store.folder).filter((name) => name === 'gatewatch.db.damaged')).toEqual([]);
    await rebuilt.close();
    expect((await store.open({ clock })).recoveredFrom).toBeUndefined();
  });
});

describe('FT-38 another release', () => {
  /** A journal as the first release left it: its oldest tables, rows and lanes half-way through the queue. */
  async function asOfFirstVersion(): Promise<void> {
    const journal = await store.open();
    await journal.lane(lane('splunk'));
    await commitThrough(journal, 0, 20);
    await journal.close();
    const db = new DatabaseSync(store.path);
    db.exec(`DROP TABLE segment; DROP TABLE usage_mark; DROP TABLE damage; DROP TABLE scrub;
      ALTER TABLE stream_run DROP COLUMN bytes; ALTER TABLE seen_chunk DROP COLUMN hashes;
      PRAGMA user_version = 3;`);
    db.close();
  }

  it('FT-38 brings an older file up in one step, with the queue where it stood', async () => {
    await asOfFirstVersion();
    const journal = await store.open();
    expect(journal.recoveredFrom).toBeUndefined();
    expect(await journal.lanes()).toMatchObject([{ cursor: 0, pending: 20 }]);
    await commitThrough(journal, 20, 30);
    expect(await journal.readStream('records', 0, 100)).toHaveLength(30);
    await journal.close();
    const db = new DatabaseSync(store.path, { readOnly: true });
    expect(db.prepare('PRAGMA user_version').get()?.user_version).toBe(SCHEMA_VERSION);
    db.close();
  });

  it('FT-38 leaves an older file as it was when a step of the way fails', async () => {
    await asOfFirstVersion();
    const db = new DatabaseSync(store.path);
    db.exec('CREATE TABLE damage (stands_in_the_way)');
    db.close();
    await expect(store.open()).rejects.toThrow(/damage/);
    const after = new DatabaseSync(store.path);
    expect(after.prepare('PRAGMA user_version').get()?.user_version).toBe(3);
    expect(
      after.prepare(`SELECT count(*) AS n FROM pragma_table_info('stream_run') WHERE name = 'bytes'`).get()
        ?.n,
    ).toBe(0);
    after.exec('DROP TABLE damage');
    after.close();
    expect(await (await store.open()).lastSeq()).toBe(20);
  });

  it('FT-38 an older release refuses the file of a newer one and leaves every byte', async () => {
    const journal = await store.open();
    await commitRecords(journal, series(0, 3));
    await journal.close();
    const db = new DatabaseSync(store.path);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    const before = readFileSync(store.path);
    await expect(store.open()).rejects.toMatchObject({
      code: 'journal_newer',
      message: expect.stringMatching(
        new RegExp(`version ${SCHEMA_VERSION + 1}.*up to ${SCHEMA_VERSION}.*newer release`),
      ),
    });
    expect(readFileSync(store.path)).toEqual(before);
  });
});
