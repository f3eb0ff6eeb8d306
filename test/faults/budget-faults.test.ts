import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/model/journal.ts';
import type { DiskBudgets } from '../../src/pipeline/disk-budgets.ts';
import { Upkeep } from '../../src/pipeline/upkeep.ts';
import type { SqliteJournal } from '../../src/store/sqlite-journal.ts';
import { lane } from '../contract/journal-records.ts';
import { commitRecords, recordsOnly, series } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger, RecordingMeter } from '../support/recorders.ts';
import { NO_SEALING } from './upkeep-settings.ts';

const AMPLE: DiskBudgets = { queueBytes: 1e12, trailBytes: 1e12 };
const RESERVE_BYTES = 1_000_000;
const SECOND = 1_000;

let store: TemporaryJournal;
let clock: FakeClock;
let logger: RecordingLogger;
let journal: SqliteJournal;
beforeEach(async () => {
  store = new TemporaryJournal();
  clock = new FakeClock();
  logger = new RecordingLogger();
  journal = await store.open({ reserveBytes: RESERVE_BYTES, clock });
  await journal.lane(lane('splunk'));
});
afterEach(() => store.dispose());

function upkeepOf(of: SqliteJournal, budgets: Partial<DiskBudgets> = {}): Upkeep {
  return new Upkeep({
    journal: of.upkeep,
    clock,
    logger,
    meter: new RecordingMeter(),
    ...NO_SEALING,
    budgets: { ...AMPLE, ...budgets },
  });
}

async function deliver(of: Journal, cursor: number): Promise<void> {
  const counts = { accepted: cursor, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
  const rest = { deadLetters: [], expired: [], nowMs: clock.now() };
  expect(await of.ackLane({ lane: 'splunk', epoch: of.epoch, cursor, counts, ...rest })).toBe('acknowledged');
}

async function ticks(upkeep: Upkeep, count: number, stepMs = 5 * SECOND): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) {
    clock.skip(stepMs);
    await upkeep.tick();
  }
}

describe('a budget that is reached', () => {
  it('FT-18 a full queue budget stops reading once said, and reading resumes below the lower mark', async () => {
    await commitRecords(journal, series(0, 500));
    const half = (await journal.upkeep.usage(clock.now())).queueBytes;
    const upkeep = upkeepOf(journal, { queueBytes: Math.round(half * 1.05) });
    await ticks(upkeep, 1);
    expect(upkeep.intakeStop).toBeUndefined();
    await commitRecords(journal, series(500, 1_000));
    await ticks(upkeep, 3);
    expect(upkeep.intakeStop).toMatchObject({
      kind: 'queue_full',
      reason: expect.stringMatching(/wait for delivery, the queue budget is \d/),
    });
    expect(logger.at('error')).toHaveLength(1);
    await deliver(journal, 500);
    await ticks(upkeep, 1);
    expect(upkeep.intakeStop?.kind).toBe('queue_full');
    await deliver(journal, 700);
    await ticks(upkeep, 1);
    expect(upkeep.intakeStop).toBeUndefined();
    expect(logger.at('info').map(({ message }) => message)).toEqual(['reading resumes: there is room again']);
  });

  it('FT-18 a row that two lanes wait for counts once, and what a replay sends again does not count', async () => {
    await journal.lane(lane('dynatrace'));
    await journal.lane({ ...lane('again'), class: 'replay' });
    await commitRecords(journal, series(0, 200));
    const alone = (await journal.upkeep.usage(clock.now())).queueBytes;
    expect(alone).toBeGreaterThan(200 * 1_000);
    expect(alone).toBeLessThan(200 * 2_500);
    await deliver(journal, 200);
    expect((await journal.upkeep.usage(clock.now())).queueBytes).toBe(alone);
  });

  it('FT-18 tells how many days are left at the growth of the last day', async () => {
    const upkeep = upkeepOf(journal, { trailBytes: 100_000_000 });
    await upkeep.tick();
    expect(upkeep.status.daysLeft).toBeUndefined();
    for (let hour = 0; hour < 12; hour += 1) {
      await commitRecords(journal, series(hour * 200, hour * 200 + 200));
      await ticks(upkeep, 1, 3_600 * SECOND);
    }
    const { usage, daysLeft } = upkeep.status;
    const trail = (usage?.liveBytes ?? 0) + (usage?.logBytes ?? 0);
    expect(daysLeft).toBeCloseTo((100_000_000 - trail) / (usage?.bytesPerDay ?? 0), 5);
    expect(usage?.bytesPerDay).toBeGreaterThan(2_400 * 1_000 * 1.5);
  });

  it('FT-18 a full trail stops reading by default and says which budget', async () => {
    const upkeep = upkeepOf(journal, { trailBytes: 500_000 });
    await commitRecords(journal, series(0, 500));
    await deliver(journal, 500);
    await ticks(upkeep, 1);
    expect(upkeep.intakeStop).toMatchObject({
      kind: 'trail_full',
      reason: expect.stringContaining('its budget is 500 kB (journal.trailBudget)'),
    });
  });
});

describe('a journal that has reached its largest size', () => {
  it('FT-18 refuses rows, takes acknowledgements, is tried again by itself and says each once', async () => {
    await journal.close();
    const small = await store.open({ maxBytes: 900_000, reserveBytes: RESERVE_BYTES, clock });
    const upkeep = upkeepOf(small);
    await commitRecords(small, series(0, 100));
    const more = recordsOnly(small.epoch, series(100, 1_000));
    await expect(small.commitWindow(more)).rejects.toMatchObject({ code: 'journal_full' });
    await ticks(upkeep, 1);
    expect(upkeep.status.intakeStop?.kind).toBe('disk_full');
    await expect(small.commitWindow(recordsOnly(small.epoch, series(100, 101)))).rejects.toMatchObject({
      code: 'journal_full',
    });
    await deliver(small, 100);
    expect(await small.renewLease()).toBe('renewed');
    await ticks(upkeep, 3);
    expect(upkeep.intakeStop).toBeUndefined();
    expect(upkeep.status.intakeStop?.kind).toBe('disk_full');
    await commitRecords(small, series(100, 101));
    await ticks(upkeep, 1);
    expect(upkeep.status.intakeStop).toBeUndefined();
    expect(await small.lastSeq()).toBe(101);
    expect(logger.at('error')).toHaveLength(1);
  });
});

describe('a folder that cannot be written', () => {
  it('FT-18 a read-only folder is refused at the start with what to do, and nothing is left in it', async () => {
    await journal.close();
    const before = readdirSync(store.folder);
    const script = `
      import { openJournal } from '${join(import.meta.dirname, '../../src/store/open-journal.ts')}';
      const logger = { debug() {}, info() {}, warn() {}, error() {} };
      const clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };
      try { await openJournal({ path: '${store.path}', clock, logger, owner: 'x' }); console.log('opened'); }
      catch (error) { console.log(error.code + '\\n' + error.message); }`;
    chmodSync(store.folder, 0o555);
    for (const name of before) chmodSync(join(store.folder, name), 0o444);
    const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', ...asNobody });
    chmodSync(store.folder, 0o755);
    expect(stderr).toBe('');
    const [code, message] = stdout.split('\n');
    expect(code).toMatch(/^journal_(read_only|cannot_open)$/);
    expect(message).toContain(store.path);
    expect(message).toMatch(/write access|accessible/);
    expect(readdirSync(store.folder)).toEqual(before);
  });
});
