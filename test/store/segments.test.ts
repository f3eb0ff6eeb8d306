import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { readSegments, type Segment } from '../../src/store/segments/segment-table.ts';
import { lane } from '../contract/journal-records.ts';
import { commitRecords } from './commits.ts';
import { DAY, dayRecord, everyRow, FIRST_DAY, HOUR, numbers, SETTINGS, SealingRig } from './sealing-rig.ts';

let rig: SealingRig;
beforeEach(async () => {
  rig = new SealingRig();
  await rig.open();
});
afterEach(() => rig.store.dispose());

const folder = () => `${rig.store.path}.segments`;

function segments(): readonly Segment[] {
  const db = new DatabaseSync(rig.store.path, { readOnly: true });
  try {
    return readSegments(db);
  } finally {
    db.close();
  }
}

function liveRows(): number {
  const db = new DatabaseSync(rig.store.path, { readOnly: true });
  try {
    return Number(db.prepare('SELECT count(*) AS n FROM record').get()?.n);
  } finally {
    db.close();
  }
}

const seqs = (rows: readonly { readonly seq: number }[]) => rows.map(({ seq }) => seq);

describe('sealing', () => {
  it('moves each closed day into a read-only file of its own whose hash is on record', async () => {
    await rig.days(0, 5, 200);
    expect(await rig.seal()).toBe(2);
    expect(readdirSync(folder()).sort()).toEqual([
      '2026-11-01.000000000001.db',
      '2026-11-02.000000000201.db',
    ]);
    for (const { file, sha256, rows, bytes } of segments()) {
      const path = join(folder(), file);
      expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256);
      expect(statSync(path).mode & 0o777).toBe(0o400);
      expect(statSync(path).size).toBe(bytes);
      expect(rows).toBe(200);
    }
    expect(liveRows()).toBe(600);
    expect(await rig.seal()).toBe(0);
  });

  it('leaves nothing unfindable: stream, query, one row, newest revision, body and delivery are as before', async () => {
    await rig.days(0, 5, 100);
    const sample = dayRecord(1, 42);
    const ask = async () => ({
      rows: seqs(await everyRow(rig.journal)),
      bodies: (await everyRow(rig.journal)).map(({ body }) => body),
      customer: seqs(
        await rig.journal.query({ customer: [sample.customer ?? ''], limit: 50, revisions: 'latest' }),
      ),
      all: seqs(await rig.journal.query({ limit: 1_000, revisions: 'all' })),
      span: seqs(
        await rig.journal.query({
          fromMs: FIRST_DAY + DAY,
          toMs: FIRST_DAY + 3 * DAY,
          limit: 1_000,
          revisions: 'latest',
        }),
      ),
      byRecord: seqs(await rig.journal.query({ recordId: sample.recordId, limit: 5, revisions: 'latest' })),
      byEvent: seqs(await rig.journal.query({ eventId: sample.eventId, limit: 5, revisions: 'latest' })),
      latest: await rig.journal.latest([sample.recordId, 'unknown']),
      body: (await rig.journal.bodies([sample.recordId])).get(sample.recordId),
      readSpan: seqs(
        await rig.journal.readSpan(
          { stream: 'records', fromMs: FIRST_DAY, toMs: FIRST_DAY + 2 * DAY, afterSeq: 20, throughSeq: 480 },
          1_000,
        ),
      ),
      at: seqs(await rig.journal.rowsAt([143, 3, 499])),
      delivery: await rig.journal.deliveryOf(143),
      last: await rig.journal.lastSeq(),
      lanes: await rig.journal.lanes(),
    });
    const before = await ask();
    expect(before.rows).toEqual(numbers(1, 500));
    expect(before.byRecord).toEqual([143]);
    expect(await rig.seal()).toBe(2);
    expect(await ask()).toEqual(before);
    await rig.open();
    expect(await ask()).toEqual(before);
    const reader = await openJournalReader(rig.store.path);
    expect(seqs(await everyRow(reader))).toEqual(before.rows);
    await reader.close();
  });

  it('goes on numbering without a gap also when everything is sealed', async () => {
    await rig.days(0, 3, 40);
    rig.clock.skip(10 * DAY);
    await rig.journal.upkeep.mark(rig.clock.now());
    rig.clock.skip(3 * DAY);
    expect(await rig.seal()).toBe(3);
    expect(liveRows()).toBe(0);
    await rig.open();
    expect(await rig.journal.lastSeq()).toBe(120);
    await rig.days(16, 17, 40);
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(1, 160));
  });

  it('cuts a day with much in it into segments of at most the size that is set', async () => {
    await rig.days(0, 4, 800);
    expect(await rig.seal({ ...SETTINGS, segmentBytes: 1_000_000 })).toBe(2);
    for (const { rows } of segments()) expect(rows).toBeLessThan(800);
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(1, 3_200));
  });

  it('gives most of the room back to the file system', async () => {
    await rig.days(0, 6, 600);
    await rig.journal.prune(0, 0);
    const before = statSync(rig.store.path).size;
    await rig.seal();
    await rig.journal.prune(0, 0);
    expect(statSync(rig.store.path).size).toBeLessThan(before * 0.7);
  });
});

describe('what is not sealed', () => {
  it('rows that some lane has still to deliver, whatever their age', async () => {
    await rig.journal.lane(lane('dynatrace'));
    await rig.days(0, 5, 80);
    expect(await rig.seal()).toBe(0);
    const counts = { accepted: 1, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
    const rest = { deadLetters: [], expired: [], nowMs: 0 };
    await rig.journal.ackLane({ lane: 'dynatrace', epoch: rig.journal.epoch, cursor: 100, counts, ...rest });
    expect(await rig.seal()).toBe(1);
    expect(segments()).toMatchObject([{ firstSeq: 1, lastSeq: 80 }]);
  });

  it('rows that were stored a short time ago, however old their events', async () => {
    rig.clock.skip(30 * DAY);
    await rig.journal.upkeep.mark(rig.clock.now());
    await commitRecords(
      rig.journal,
      numbers(0, 59).map((n) => dayRecord(1, n)),
    );
    await rig.deliver(60);
    await rig.journal.upkeep.mark(rig.clock.now());
    expect(await rig.seal()).toBe(0);
    rig.clock.skip(49 * HOUR);
    expect(await rig.seal()).toBe(1);
  });

  it('FT-24 a clock that jumps back an hour or forward ten minutes seals nothing young and loses nothing', async () => {
    await rig.days(0, 3, 80);
    rig.clock.skip(-HOUR);
    await rig.journal.upkeep.mark(rig.clock.now());
    expect(await rig.journal.renewLease()).toBe('renewed');
    await rig.seal();
    rig.clock.skip(10 * 60_000);
    await rig.journal.upkeep.mark(rig.clock.now());
    await commitRecords(
      rig.journal,
      numbers(0, 39).map((n) => dayRecord(2, 200 + n)),
    );
    await rig.deliver(280);
    await rig.seal();
    expect(segments().every(({ maxEventMs }) => maxEventMs < rig.clock.now() - SETTINGS.sealAfterMs)).toBe(
      true,
    );
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(1, 280));
    expect(await rig.journal.renewLease()).toBe('renewed');
    await expect(rig.store.open({ clock: rig.clock })).rejects.toMatchObject({ code: 'journal_in_use' });
  });
});

describe('a record that is already sealed', () => {
  beforeEach(async () => {
    await rig.days(0, 5, 80);
    await rig.seal();
  });

  it('is not stored a second time when it is read again', async () => {
    const again = await rig.journal.commitWindow({
      unit: 'logs:x',
      epoch: rig.journal.epoch,
      expectedVersion: 0,
      seen: [],
      state: [],
      gaps: [],
      nowMs: 0,
      records: [dayRecord(0, 3), dayRecord(1, 5)],
    });
    expect(again).toMatchObject({ kind: 'committed', entries: [], repeated: 2 });
  });

  it('gets the next revision, and only the newest is told', async () => {
    const old = dayRecord(0, 3);
    const corrected = { ...old, eventId: 'corrected', decision: 'deny' as const };
    await commitRecords(rig.journal, [corrected]);
    await commitRecords(rig.journal, [corrected]);
    const latest = await rig.journal.query({ recordId: old.recordId, limit: 9, revisions: 'latest' });
    expect(latest).toMatchObject([{ seq: 401, revision: 1, eventId: 'corrected' }]);
    const all = await rig.journal.query({ recordId: old.recordId, limit: 9, revisions: 'all' });
    expect(all.map(({ revision }) => revision)).toEqual([1, 0]);
    const fromMs = old.eventMs;
    const span = await rig.journal.query({ fromMs, toMs: fromMs + 1, limit: 9, revisions: 'latest' });
    expect(seqs(span)).toEqual([401]);
    await commitRecords(rig.journal, [{ ...old, eventId: 'corrected again' }]);
    expect((await rig.journal.latest([old.recordId])).get(old.recordId)).toEqual({
      eventId: 'corrected again',
      revision: 2,
    });
  });
});

describe('a crash while sealing', () => {
  /** The rows as they must be found whatever happened: each once, in order, by stream and by query. */
  async function whole(count: number): Promise<void> {
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(1, count));
    const found = await rig.journal.query({ limit: 10_000, revisions: 'all' });
    expect(seqs(found).sort((a, b) => a - b)).toEqual(numbers(1, count));
  }

  it('before the copy was finished: the half is thrown away', async () => {
    await rig.days(0, 4, 80);
    await rig.seal({ ...SETTINGS, sealAfterMs: 90 * DAY });
    const name = '2026-11-01.000000000001.db.partial';
    await rig.seal();
    copyFileSync(join(folder(), '2026-11-01.000000000001.db'), join(folder(), name));
    chmodSync(join(folder(), name), 0o600);
    await rig.open();
    await rig.days(4, 5, 80);
    await rig.seal();
    await whole(400);
    expect(readdirSync(folder())).not.toContain(name);
  });

  // What is to be sealed next grows with the time until the restart: an older event in it gives the file another day.
  it('after the copy stood in its place, under a name that the next copy does not have: it is removed', async () => {
    await rig.days(1, 2, 80);
    rig.clock.skip(3 * DAY);
    await rig.journal.upkeep.sealNext(SETTINGS, rig.clock.now());
    const [orphan] = readdirSync(folder());
    const db = new DatabaseSync(rig.store.path, { timeout: 1_000 });
    db.exec('DELETE FROM segment');
    db.close();
    await rig.open();
    await commitRecords(rig.journal, [dayRecord(0, 1)]);
    await rig.journal.upkeep.mark(rig.clock.now());
    await rig.deliver(81);
    rig.clock.skip(3 * DAY);
    expect(await rig.seal()).toBe(1);
    expect(orphan).toBe('2026-11-02.000000000001.db');
    expect(readdirSync(folder())).toEqual(['2026-11-01.000000000001.db']);
    await whole(81);
  });

  it('after the copy stood in its place, before it was on record: it is made again', async () => {
    await rig.days(0, 4, 80);
    await rig.seal();
    const [first] = segments();
    await rig.journal.close();
    const db = new DatabaseSync(rig.store.path);
    db.exec('DELETE FROM segment WHERE first_seq > 1');
    db.close();
    expect(first?.file).toBeDefined();
    await rig.open();
    expect(await rig.journal.lastSeq()).toBe(320);
  });

  it.each([0, 1])(
    'after it was on record, %i steps into the deletion: rows count once, and deletion goes on',
    async (steps) => {
      await rig.days(0, 4, 320);
      await rig.journal.upkeep.sealNext(SETTINGS, rig.clock.now());
      if (steps > 0) {
        const db = new DatabaseSync(rig.store.path, { timeout: 1_000 });
        db.exec('DELETE FROM record WHERE seq <= 250');
        db.close();
      }
      await rig.open();
      await whole(1_280);
      expect(
        await rig.journal.query({ recordId: dayRecord(0, 300).recordId, limit: 5, revisions: 'all' }),
      ).toHaveLength(1);
      await rig.journal.upkeep.shrink();
      expect(liveRows()).toBe(960);
      await whole(1_280);
    },
  );
});

describe('segments of another journal in the same folder', () => {
  const warned: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => warned.push(fields) };

  /** The live file is taken away, with all that belongs to it but the folder of segments. */
  async function takeLiveFile(): Promise<void> {
    await rig.journal.close();
    for (const name of readdirSync(rig.store.folder))
      if (name.startsWith('gatewatch.db') && !name.endsWith('.segments'))
        rmSync(join(rig.store.folder, name), { recursive: true, force: true });
  }

  const contents = (names: readonly string[]) => names.map((name) => readFileSync(join(folder(), name)));

  it('stay when a new journal begins beside them and seals the same numbers, and are told of once', async () => {
    await rig.days(0, 5, 80);
    await rig.seal();
    const old = readdirSync(folder());
    const before = contents(old);
    await takeLiveFile();
    warned.length = 0;
    await rig.open({ logger });
    await rig.days(5, 10, 200);
    expect(await rig.seal()).toBe(2);
    expect(old).toHaveLength(2);
    expect(contents(old)).toEqual(before);
    expect(warned).toEqual(old.map((name) => expect.objectContaining({ file: join(folder(), name) })));
  });

  it('stay under another name when a new journal seals the same day from the same number on', async () => {
    await rig.days(0, 5, 80);
    await rig.seal();
    const old = readdirSync(folder()).sort();
    const before = contents(old);
    await takeLiveFile();
    await rig.open({ logger });
    await rig.days(1, 2, 40);
    await rig.days(0, 1, 40);
    await rig.days(5, 10, 80);
    expect(await rig.seal()).toBeGreaterThan(0);
    expect(readdirSync(folder()).some((name) => name.includes('.kept-'))).toBe(true);
    const all = contents(readdirSync(folder()));
    for (const bytes of before) expect(all.some((one) => one.equals(bytes))).toBe(true);
  });

  it('stay when an older backup of the live file takes its place and goes on with other rows', async () => {
    await rig.days(0, 1, 80);
    await rig.journal.close();
    const backup = readFileSync(rig.store.path);
    await rig.open();
    await rig.days(1, 5, 80);
    await rig.seal();
    const [, later = ''] = readdirSync(folder()).sort();
    const before = contents([later]);
    await takeLiveFile();
    writeFileSync(rig.store.path, backup);
    await rig.open({ logger });
    await rig.days(6, 10, 200);
    expect(await rig.seal()).toBeGreaterThan(1);
    expect(contents([later])).toEqual(before);
  });
});

describe('segments that leave the disk', () => {
  beforeEach(async () => {
    await rig.days(0, 5, 80);
    await rig.seal();
  });

  it('archives the oldest: its bytes in the other folder, readable from there', async () => {
    const archive = join(rig.store.folder, 'archive');
    const [oldest] = segments();
    const archived = await rig.journal.upkeep.archiveOldest(archive, rig.clock.now());
    expect(archived).toMatchObject({ firstSeq: 1, lastSeq: 80 });
    expect(readdirSync(folder())).toHaveLength(1);
    const moved = join(archive, oldest?.file ?? '');
    expect(createHash('sha256').update(readFileSync(moved)).digest('hex')).toBe(oldest?.sha256);
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(1, 400));
  });

  it('archives again what a crash left half-way', async () => {
    const archive = join(rig.store.folder, 'archive');
    const [oldest] = segments();
    const file = join(folder(), oldest?.file ?? '');
    const kept = readFileSync(file);
    await rig.journal.upkeep.archiveOldest(archive, rig.clock.now());
    writeFileSync(file, kept);
    await rig.journal.upkeep.shrink();
    expect(existsSync(file)).toBe(false);
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(1, 400));
  });

  it('says which file is missing when the archive is away, for what needs it alone', async () => {
    const archive = join(rig.store.folder, 'archive');
    await rig.journal.upkeep.archiveOldest(archive, rig.clock.now());
    await rig.open();
    renameSync(archive, `${archive}-away`);
    await expect(rig.journal.readStream('records', 0, 10)).rejects.toMatchObject({
      code: 'segment_missing',
      message: expect.stringContaining('2026-11-01.000000000001.db'),
    });
    expect(rig.journal.upkeep.trouble()).toBeUndefined();
    expect(seqs(await rig.journal.readStream('records', 80, 10))).toEqual(numbers(81, 90));
    const fromMs = FIRST_DAY + DAY;
    expect(await rig.journal.query({ fromMs, limit: 1_000, revisions: 'latest' })).toHaveLength(320);
    await commitRecords(rig.journal, [dayRecord(20, 1)]);
  });

  it('drops the oldest with a gap record that names its span, rows, hash and the reason', async () => {
    const [oldest] = segments();
    const dropped = await rig.journal.upkeep.dropOldest('the budget is full', rig.clock.now());
    expect(dropped).toMatchObject({ firstSeq: 1, rows: 80 });
    expect(existsSync(join(folder(), oldest?.file ?? ''))).toBe(false);
    const [gap] = await rig.journal.gaps();
    expect(gap).toMatchObject({
      unit: 'journal rows 1 to 80',
      fromMs: dayRecord(0, 0).eventMs,
      toMs: dayRecord(0, 79).eventMs + 1,
    });
    expect(gap?.reason).toContain(`SHA-256 ${oldest?.sha256}`);
    expect(gap?.reason).toContain('80 rows (1 to 80');
    expect(gap?.reason).toMatch(/the budget is full$/);
    await rig.open();
    expect(seqs(await everyRow(rig.journal))).toEqual(numbers(81, 400));
    await rig.journal.lane(lane('new sink'));
    expect((await rig.journal.lanes()).find((one) => one.lane === 'new sink')?.pending).toBe(320);
  });

  it('tells a damaged segment as that, and does not take the journal for damaged', async () => {
    const [oldest] = segments();
    const file = join(folder(), oldest?.file ?? '');
    const bytes = readFileSync(file);
    rmSync(file);
    writeFileSync(file, bytes.fill(0xa5, 8_192));
    await rig.open();
    await expect(rig.journal.readStream('records', 0, 100)).rejects.toMatchObject({
      code: 'segment_damaged',
    });
    expect(rig.journal.upkeep.trouble()).toBeUndefined();
    expect(seqs(await rig.journal.readStream('records', 80, 5))).toEqual(numbers(81, 85));
  });
});

describe('many segments', () => {
  it('keep few files open, however many there are', async () => {
    await rig.days(0, 16, 10);
    expect(await rig.seal()).toBe(13);
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    let most = 0;
    for (let n = 0; n < 16; n += 1) {
      await rig.journal.latest([dayRecord(n, 5).recordId]);
      most = Math.max(most, open() - before);
    }
    expect(await rig.journal.query({ limit: 1_000, revisions: 'latest' })).toHaveLength(160);
    expect(most).toBeLessThanOrEqual(8);
    expect(open() - before).toBeLessThanOrEqual(8);
    const order = (await rig.journal.query({ limit: 1_000, revisions: 'latest' })).map(
      ({ eventMs }) => eventMs,
    );
    expect(order).toEqual(order.toSorted((a, b) => b - a));
  });
});
