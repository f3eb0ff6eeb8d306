import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuditCommand } from '../../src/cli/commands/audit.ts';
import { Upkeep, type UpkeepSettings } from '../../src/pipeline/upkeep.ts';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { verifyTrail } from '../../src/store/verify-trail.ts';
import { DAY, dayRecord, everyRow, HOUR, numbers, SETTINGS, SealingRig } from '../store/sealing-rig.ts';
import { contextFor, nothingPrinted } from '../support/cli-context.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';
import { NO_SEALING } from './upkeep-settings.ts';

let rig: SealingRig;
let logger: RecordingLogger;
beforeEach(async () => {
  rig = new SealingRig();
  logger = new RecordingLogger();
  await rig.open();
});
afterEach(() => rig.store.dispose());

function upkeepOf(settings: Partial<UpkeepSettings>): Upkeep {
  const { clock, journal } = rig;
  const meter = new RecordingMeter();
  return new Upkeep({
    ...NO_SEALING,
    seal: SETTINGS,
    ...settings,
    journal: journal.upkeep,
    clock,
    logger,
    meter,
  });
}

/** Changes what was paid out without a trace that SQLite would notice. */
function flip(seq: number): void {
  const db = new DatabaseSync(rig.store.path, { timeout: 2_000 });
  db.prepare(`UPDATE record SET body = replace(body, '"allow"', '"deny_"') WHERE seq = ?`).run(seq);
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  db.close();
}

/** Flips one byte of a row's body in its sealed segment. */
function flipSealed(file: string, n: number): void {
  const path = join(`${rig.store.path}.segments`, file);
  const bytes = readFileSync(path);
  const at = bytes.indexOf(`"path":"/orders/${n}"`);
  expect(at).toBeGreaterThan(0);
  bytes[at + 9] = 0x6f ^ 0x20;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

async function verify(...args: string[]): Promise<{ readonly out: string; readonly exitCode: number }> {
  const printed = nothingPrinted();
  const context = contextFor(printed, { now: () => rig.clock.now() });
  const command = createAuditCommand(context, openJournalReader);
  await command.parseAsync(['verify', '--journal', rig.store.path, ...args], { from: 'user' });
  return { out: printed.out, exitCode: printed.code };
}

describe('FT-17 bits that changed on the disk', () => {
  it('FT-17 audit verify names changed rows in the live file and in segments, and is content with an honest trail', async () => {
    await rig.days(0, 5, 120);
    await rig.seal();
    const honest = await verify();
    expect(honest).toEqual({
      out: '600 rows compared, 2 sealed segments among them: every row matches its hash and no number is missing\n',
      exitCode: 0,
    });
    flip(450);
    flipSealed('2026-11-02.000000000121.db', 100_007);
    const { out, exitCode } = await verify();
    expect(exitCode).toBe(1);
    expect(out).toContain('row 450 does not match its hash');
    expect(out).toContain('row 128 does not match its hash');
    expect(out).toMatch(
      /2026-11-02\.000000000121\.db: the file is not the one that was sealed: expected SHA-256 [0-9a-f]{64}, got/,
    );
    expect(out).toMatch(/600 rows compared, 2 sealed segments among them: 3 problems\n$/);
  });

  it('FT-17 audit verify names rows that were taken out, and a segment that was taken away', async () => {
    await rig.days(0, 5, 120);
    await rig.seal();
    const db = new DatabaseSync(rig.store.path, { timeout: 2_000 });
    db.exec('DELETE FROM record WHERE seq IN (400, 401, 600)');
    db.close();
    const { problems } = await verifyTrail({ path: rig.store.path });
    const problem = 'is missing';
    expect(problems).toEqual([
      { seq: 400, lastSeq: 401, file: rig.store.path, problem },
      { seq: 600, file: rig.store.path, problem },
    ]);
    expect((await verify()).out).toContain('rows 400 to 401: each is missing');
    const [file] = readdirSync(`${rig.store.path}.segments`);
    const path = join(`${rig.store.path}.segments`, file ?? '');
    chmodSync(path, 0o600);
    writeFileSync(path, '');
    expect((await verify()).out).toContain(path);
  });

  it('FT-17 audit verify of a span compares the commits of that span alone', async () => {
    await rig.days(0, 5, 120);
    flip(30);
    const second = new Date(dayRecord(1, 0).eventMs).toISOString();
    const third = new Date(dayRecord(2, 0).eventMs).toISOString();
    expect((await verify('--from', second, '--to', third)).out).toMatch(/^120 rows compared/);
    expect((await verify('--to', second)).exitCode).toBe(1);
  });

  it('FT-17 the scrub finds them by itself, says so once, goes on after a restart and starts over in time', async () => {
    await rig.days(0, 5, 120);
    await rig.seal();
    flip(450);
    flipSealed('2026-11-02.000000000121.db', 100_007);
    const settings = { scrubEveryMs: 24 * HOUR };
    expect(await upkeepOf(settings).scrubSome()).toBe(true);
    await rig.open();
    const upkeep = upkeepOf(settings);
    while (await upkeep.scrubSome());
    expect(upkeep.status.scrub).toMatchObject({ damagedRows: 2, nextSeq: 601, finishedMs: rig.clock.now() });
    const said = logger.at('error').map(({ message }) => message);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/do not match their hashes; `gatewatch audit verify` names them/);
    expect(await upkeep.scrubSome()).toBe(false);
    rig.clock.skip(25 * HOUR);
    while (await upkeep.scrubSome());
    expect(upkeep.status.scrub).toMatchObject({ damagedRows: 2, startedMs: rig.clock.now() });
    expect(logger.at('error')).toHaveLength(1);
  });

  it('FT-17 a changed row does not keep its day from being sealed, and stays on record as changed', async () => {
    await rig.days(0, 4, 80);
    flip(17);
    expect(await rig.seal()).toBe(1);
    expect((await rig.journal.upkeep.scrubStep(rig.clock.now())).damagedRows).toBe(1);
    expect((await verifyTrail({ path: rig.store.path })).problems).toMatchObject([{ seq: 17 }]);
  });
});

describe('FT-16 a page that nobody reads', () => {
  it('FT-16 the scrub meets the damaged page and the worker gives the journal up', async () => {
    await rig.days(0, 2, 800);
    await rig.journal.close();
    const bytes = readFileSync(rig.store.path);
    const page = Math.floor(bytes.indexOf(dayRecord(0, 300).recordId) / 8_192);
    bytes.fill(0xa5, page * 8_192, (page + 1) * 8_192);
    writeFileSync(rig.store.path, bytes);
    await rig.open();
    const upkeep = upkeepOf({});
    await expect(upkeep.run(AbortSignal.timeout(10_000))).rejects.toMatchObject({ code: 'journal_damaged' });
    await rig.open();
    expect(rig.journal.recoveredFrom).toBeDefined();
  });

  it('FT-16 sealed segments outlive the damaged live file, and rows are numbered on behind it', async () => {
    await rig.days(0, 5, 120);
    await rig.seal();
    await rig.journal.close();
    const bytes = readFileSync(rig.store.path);
    const page = Math.floor(bytes.indexOf(dayRecord(4, 60).recordId) / 8_192);
    bytes.fill(0xa5, page * 8_192, (page + 1) * 8_192);
    writeFileSync(rig.store.path, bytes);
    writeFileSync(`${rig.store.path}.damaged`, 'found by hand\n');
    await rig.open();
    expect((await rig.journal.gaps())[0]?.reason).toContain('rows 241 to 600');
    expect((await everyRow(rig.journal)).map(({ seq }) => seq)).toEqual(numbers(1, 240));
    await rig.days(5, 6, 40);
    expect((await everyRow(rig.journal)).at(-1)?.seq).toBe(640);
    const { problems, absent } = await verifyTrail({ path: rig.store.path });
    expect(problems).toEqual([]);
    expect(absent).toMatchObject([{ firstSeq: 241, lastSeq: 600, state: 'lost' }]);
    expect((await verify()).out).toContain('note: rows 241 to 600 were lost');
  });
});

describe('FT-16 a table beside the trail', () => {
  it('FT-16 audit verify names a table that cannot be read, the rows that depend on it, and what to do', async () => {
    await rig.days(0, 3, 80);
    await rig.journal.close();
    const db = new DatabaseSync(rig.store.path, { readOnly: true });
    const root = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'facet'").get()?.rootpage;
    db.close();
    const bytes = readFileSync(rig.store.path);
    writeFileSync(rig.store.path, bytes.fill(0xa5, (Number(root) - 1) * 8_192, Number(root) * 8_192));
    const { out, exitCode } = await verify();
    expect(exitCode).toBe(1);
    expect(out).toMatch(
      /^table facet: its rows \(all of them\) cannot be read \(.+\) \(.+gatewatch\.db\)\ntable facet: its entry 1 .+ from row 1 to \d+, /,
    );
    expect(out).toMatch(/\nwhat to do: stop the worker, .*\n240 rows compared, .*: 3 problems\n$/);
  });
});

describe('FT-16 a header that is gone', () => {
  it('FT-16 sealed segments are taken over from their folder, and nothing of them is delivered again', async () => {
    await rig.days(0, 5, 120);
    await rig.seal();
    await rig.journal.close();
    const bytes = readFileSync(rig.store.path);
    writeFileSync(rig.store.path, bytes.fill(0xa5, 0, 8_192));
    await rig.open();
    expect(rig.journal.recoveredFrom).toBeDefined();
    expect((await everyRow(rig.journal)).map(({ seq }) => seq)).toEqual(numbers(1, 240));
    expect(await rig.journal.lanes()).toMatchObject([{ lane: 'splunk', cursor: 241, pending: 0 }]);
    await rig.days(5, 6, 40);
    expect((await everyRow(rig.journal)).at(-1)?.seq).toBe(281);
    const { problems, absent } = await verifyTrail({ path: rig.store.path });
    expect(problems).toEqual([]);
    expect(absent).toMatchObject([{ firstSeq: 241, lastSeq: 241, state: 'lost' }]);
    expect(await rig.journal.deliveryOf(100)).toMatchObject([{ lane: 'splunk', status: 'delivered' }]);
    const gap = (await rig.journal.gaps()).find(({ unit }) => unit === 'journal');
    expect(gap?.fromMs).toBe(dayRecord(1, 119).eventMs);
  });
});

describe('a trail that reaches its budget', () => {
  /** Just below what five days take, so that one segment must go. */
  async function fiveDays(): Promise<number> {
    await rig.days(0, 5, 400);
    await rig.seal();
    await rig.journal.prune(0, 0);
    const { liveBytes, logBytes, segmentBytes } = await rig.journal.upkeep.usage(rig.clock.now());
    return liveBytes + logBytes + segmentBytes;
  }

  it('FT-18 archive: the oldest segment moves, reading never stops, every row is still found', async () => {
    const folder = join(rig.store.folder, 'archive');
    const budgets = { queueBytes: 1e12, trailBytes: (await fiveDays()) - 1 };
    const upkeep = upkeepOf({ budgets, onTrailFull: { kind: 'archive', folder } });
    await upkeep.tick();
    expect(upkeep.intakeStop).toBeUndefined();
    expect(readdirSync(folder)).toEqual(['2026-11-01.000000000001.db']);
    expect((await everyRow(rig.journal)).map(({ seq }) => seq)).toEqual(numbers(1, 2_000));
    expect(logger.at('info').map(({ message }) => message)).toEqual(['old rows of the trail were archived']);
  });

  it('FT-18 drop: the oldest segment goes with a gap record; what is not delivered never does', async () => {
    const budgets = { queueBytes: 1e12, trailBytes: (await fiveDays()) - 1 };
    await upkeepOf({ budgets, onTrailFull: { kind: 'drop' } }).tick();
    expect(await rig.journal.gaps()).toMatchObject([{ unit: 'journal rows 1 to 400' }]);
    const starved = upkeepOf({ budgets: { ...budgets, trailBytes: 1 }, onTrailFull: { kind: 'drop' } });
    await starved.tick();
    expect(starved.intakeStop?.kind).toBe('trail_full');
    await rig.open();
    expect((await everyRow(rig.journal)).map(({ seq }) => seq)).toEqual(numbers(801, 2_000));
    expect(existsSync(`${rig.store.path}.segments/2026-11-01.000000000001.db`)).toBe(false);
  });

  it('FT-18 stop: nothing goes, and reading resumes by itself when a person has made room', async () => {
    const trailBytes = (await fiveDays()) - 1;
    const upkeep = upkeepOf({ budgets: { queueBytes: 1e12, trailBytes } });
    await upkeep.tick();
    expect(upkeep.intakeStop?.kind).toBe('trail_full');
    await rig.journal.upkeep.archiveOldest(join(rig.store.folder, 'by-hand'), rig.clock.now());
    await upkeep.tick();
    expect(upkeep.intakeStop).toBeUndefined();
    expect(await rig.journal.gaps()).toEqual([]);
    rig.clock.skip(DAY);
  });
});
