/**
 * Fills the disk it is given, acknowledges what it stored, and reads on once there is room; prints what happened as one
 * line of JSON. Arguments: folder of the journal, a file there that may be removed to make room.
 */
import { existsSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import type { Journal } from '../../src/model/journal.ts';
import { Upkeep } from '../../src/pipeline/upkeep.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { lane } from '../contract/journal-records.ts';
import { nthRecord, series, UNIT } from '../store/commits.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { NO_SEALING } from './upkeep-settings.ts';

const BATCH = 200;
const BUDGETS = { queueBytes: 1e12, trailBytes: 1e12 };

const [folder = '', filler = ''] = process.argv.slice(2);
const clock = new FakeClock();
const path = join(folder, 'gatewatch.db');
const journal = await openJournal({
  path,
  clock,
  logger: silentLogger,
  owner: 'full-disk',
  reserveBytes: 4_000_000,
});
const upkeep = new Upkeep({
  journal: journal.upkeep,
  clock,
  logger: silentLogger,
  meter: silentMeter,
  ...NO_SEALING,
  budgets: BUDGETS,
});
await journal.lane(lane('splunk'));
await upkeep.tick();
const reserved = existsSync(`${path}.reserve`);
const refusal = await fill(journal);
await upkeep.tick();
const stop = upkeep.intakeStop?.kind;
const stored = await journal.lastSeq();
const checkpoint = await journal.checkpoint(UNIT);
const acknowledged = await acknowledgeAll(journal, stored);
rmSync(filler, { force: true });
const resumed = filler === '' ? undefined : await readOn(journal);
const after = await journal.lastSeq();
await journal.close();
const seen = { reserved, refusal, stop, stored, readThroughMs: checkpoint?.readThroughMs, acknowledged };
writeSync(1, `${JSON.stringify({ ...seen, resumed, after })}\n`);

async function commit(into: Journal, from: number): Promise<void> {
  const checkpoint = await into.checkpoint(UNIT);
  await into.commitWindow({
    unit: UNIT,
    epoch: into.epoch,
    expectedVersion: checkpoint?.version ?? 0,
    nextCheckpoint: { readThroughMs: nthRecord(from + BATCH).eventMs, rereads: [] },
    seen: [],
    records: series(from, from + BATCH),
    state: [],
    gaps: [],
    nowMs: clock.now(),
  });
}

/** Returns the code of the first refusal. */
async function fill(into: Journal): Promise<string> {
  for (let from = 0; ; from += BATCH) {
    try {
      await commit(into, from);
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error);
    }
  }
}

/** One row at a time, each tenth as a dead letter, so that acknowledging takes room as well. Returns the cursor. */
async function acknowledgeAll(of: Journal, through: number): Promise<number> {
  const counts = { accepted: 1, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
  for (let cursor = 10; cursor <= through; cursor += 10) {
    const { recordId, eventId } = nthRecord(cursor - 1);
    const letter = { lane: 'splunk', seq: cursor, recordId, eventId, reason: 'too large', atMs: 0 };
    const rest = { expired: [], nowMs: clock.now() };
    const acked = { lane: 'splunk', epoch: of.epoch, cursor, counts, deadLetters: [letter], ...rest };
    if ((await of.ackLane(acked).catch(() => 'refused')) !== 'acknowledged') break;
    if (cursor % 500 === 0) await upkeep.tick();
  }
  return (await of.lanes())[0]?.cursor ?? 0;
}

async function readOn(into: Journal): Promise<string> {
  for (let tick = 0; tick < 20; tick += 1) {
    clock.skip(5_000);
    await upkeep.tick();
    if (upkeep.intakeStop !== undefined) continue;
    await commit(into, await into.lastSeq());
    await upkeep.tick();
    return upkeep.status.intakeStop === undefined ? 'resumed' : 'still stopped';
  }
  return 'never tried';
}
