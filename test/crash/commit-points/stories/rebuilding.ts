import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../../../src/core/errors.ts';
import { openJournalReader } from '../../../../src/store/open-journal.ts';
import { verifyTrail } from '../../../../src/store/verify-trail.ts';
import { lane } from '../../../contract/journal-records.ts';
import { commitRecords, recordsOnly, UNIT } from '../../../store/commits.ts';
import { DAY, dayRecord, everyRow, FIRST_DAY, HOUR, numbers, SETTINGS } from '../../../store/sealing-rig.ts';
import { differing, journalPath, openAt, type Scene, type Story } from '../story.ts';

const PAGE = 8_192;
const SEALED_ROWS = 20;
/** More than are compared with their hashes when a journal is opened: the damage lies behind those. */
const LIVE_ROWS = 700;
const LAST_SEQ = SEALED_ROWS + LIVE_ROWS;
const NOW_MS = FIRST_DAY + 7 * DAY;
/** So large that what the process writes stays in the log until the file is closed. */
const RESERVE_BYTES = 4_000_000;

/** Works on a journal that turns out damaged, as a worker does: closes it and opens it anew, which rebuilds it. */
export const story: Story = { prepare, run, findings };

async function prepare(scene: Scene): Promise<void> {
  const journal = await openAt(scene, NOW_MS, RESERVE_BYTES);
  const { epoch, upkeep } = journal;
  const dayOf = (day: number, rows: number) => Array.from({ length: rows }, (_, n) => dayRecord(day, n));
  await commitRecords(journal, dayOf(0, SEALED_ROWS));
  await upkeep.mark(FIRST_DAY + HOUR);
  const nextCheckpoint = { readThroughMs: NOW_MS, rereads: [] };
  const records = dayOf(6, LIVE_ROWS);
  await journal.commitWindow({ ...recordsOnly(epoch, records), nextCheckpoint });
  await journal.lane(lane('splunk'));
  const counts = { accepted: LAST_SEQ, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
  const rest = { deadLetters: [], expired: [], nowMs: NOW_MS };
  await journal.ackLane({ lane: 'splunk', epoch, cursor: LAST_SEQ, counts, ...rest });
  while ((await upkeep.sealNext(SETTINGS, NOW_MS)) !== undefined) await upkeep.shrink();
  await journal.close();
  damage(journalPath(scene), records[50]?.recordId ?? '');
}

/** Overwrites the page of one row. */
function damage(path: string, recordId: string): void {
  const bytes = readFileSync(path);
  const page = Math.floor(bytes.indexOf(`"${recordId}"`) / PAGE);
  bytes.fill(0xa5, page * PAGE, (page + 1) * PAGE);
  writeFileSync(path, bytes);
}

async function run(scene: Scene): Promise<void> {
  const met = await work(scene);
  if (met !== undefined && !met.includes('is damaged')) throw new Error(met);
  const again = met === undefined ? undefined : await work(scene);
  if (again !== undefined) throw new Error(`Expected a journal made whole, got ${again}`);
}

/** Writes and reads. Returns what is wrong with the journal. */
async function work(scene: Scene): Promise<string | undefined> {
  const journal = await openAt(scene, NOW_MS, RESERVE_BYTES);
  try {
    await journal.upkeep.mark(NOW_MS);
    await everyRow(journal);
    return undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    await journal.close();
  }
}

async function findings(scene: Scene): Promise<string[]> {
  return [...filesOf(scene), ...movedAside(scene), ...(await keptOf(scene)), ...(await goesOn(scene))];
}

/** One damaged journal with all its files out of the way, and nothing of the steps in between. */
function filesOf(scene: Scene): string[] {
  const expected = ['', '.corrupt', '.corrupt.damaged', '.lock', '.segments'];
  const name = basename(journalPath(scene));
  const files = readdirSync(dirname(journalPath(scene)))
    .map((file) => file.slice(name.length).replace(/\.corrupt-[\dTZ.-]+Z/, '.corrupt'))
    .filter((suffix) => suffix !== '.corrupt-wal' && suffix !== '.corrupt-shm');
  // The note of what was wrong may go in the crash: the gap record says the same.
  const all = [...new Set([...files, '.corrupt.damaged'])].toSorted();
  return differing('files', all, expected);
}

/** What was written last stood in the log of the damaged journal: whoever looks into that one later finds it. */
function movedAside(scene: Scene): string[] {
  const path = journalPath(scene);
  const names = readdirSync(dirname(path)).filter((file) => file.includes('.corrupt-'));
  // In a copy: to open a file in write-ahead mode is to leave files beside it.
  for (const name of names) copyFileSync(join(dirname(path), name), join(dirname(path), `seen.${name}`));
  const main = names.find((name) => name.endsWith('Z'));
  const db = new DatabaseSync(join(dirname(path), `seen.${main}`));
  try {
    const marks = db.prepare('SELECT at_ms FROM usage_mark ORDER BY at_ms').all();
    return differing(
      'marks in the damaged journal',
      marks.map(({ at_ms }) => at_ms),
      [FIRST_DAY + HOUR, NOW_MS],
    );
  } finally {
    db.close();
  }
}

async function keptOf(scene: Scene): Promise<string[]> {
  const reader = await openJournalReader(journalPath(scene));
  try {
    const rows = (await everyRow(reader)).map(({ seq }) => seq);
    const gaps = (await reader.gaps()).map(({ unit }) => unit);
    const [standing] = await reader.lanes();
    const [position] = await reader.checkpoints();
    const { problems } = await verifyTrail({ path: journalPath(scene) });
    return [
      ...differing('rows', rows, numbers(1, SEALED_ROWS)),
      ...differing('problems of the trail', problems, []),
      ...differing('gaps', gaps, ['journal']),
      ...differing('the cursor', standing?.cursor, LAST_SEQ),
      ...differing('the unit', position?.unit, UNIT),
      ...differing('its position', position?.readThroughMs, dayRecord(6, 0).eventMs),
    ];
  } finally {
    await reader.close();
  }
}

/** What was lost is read again: it gets numbers behind the lost ones, and is delivered. */
async function goesOn(scene: Scene): Promise<string[]> {
  const journal = await openAt(scene, NOW_MS, RESERVE_BYTES);
  const state = await journal.lane(lane('splunk'));
  const [checkpoint] = await journal.checkpoints();
  await journal.commitWindow({
    ...recordsOnly(journal.epoch, [dayRecord(6, 0)]),
    expectedVersion: checkpoint?.version ?? 0,
  });
  const rows = await journal.readLane(lane('splunk'), state.cursor, 10);
  await journal.close();
  return differing(
    'what is read again',
    rows.map(({ seq, recordId }) => [seq, recordId]),
    [[LAST_SEQ + 1, dayRecord(6, 0).recordId]],
  );
}
