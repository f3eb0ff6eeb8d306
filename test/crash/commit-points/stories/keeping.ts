import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { RequestRecord } from '../../../../src/model/request-record.ts';
import { openJournalReader } from '../../../../src/store/open-journal.ts';
import { readSegments, type Segment } from '../../../../src/store/segments/segment-table.ts';
import type { SqliteJournal } from '../../../../src/store/sqlite-journal.ts';
import { verifyTrail } from '../../../../src/store/verify-trail.ts';
import { lane } from '../../../contract/journal-records.ts';
import { commitRecords, recordsOnly } from '../../../store/commits.ts';
import { DAY, dayRecord, everyRow, FIRST_DAY, HOUR, numbers, SETTINGS } from '../../../store/sealing-rig.ts';
import { differing, journalPath, openAt, type Scene, type Story } from '../story.ts';

/** Three days old enough to be sealed, of which one is archived and one is dropped, and one that is not. */
const DAYS = [0, 1, 2, 6];
const ROWS = 12;
/** Large rows: so that few of them free enough pages to be given back. */
const AGENT = 'x'.repeat(90_000);
const NOW_MS = FIRST_DAY + 7 * DAY;
const RESERVE_BYTES = 100_000;
/** A row of the third day that was damaged before anybody sealed it. */
const DAMAGED_SEQ = 2 * ROWS + 5;
const ARCHIVED = numbers(1, ROWS);
const DROPPED = numbers(ROWS + 1, 2 * ROWS);
const KEPT = numbers(2 * ROWS + 1, DAYS.length * ROWS);
const STATE = [
  { kind: 'told', key: 'settled', body: 'a', expiresMs: FIRST_DAY },
  { kind: 'told', key: 'waiting', body: 'b', expiresMs: NOW_MS + DAY },
];

/** Keeps a journal small: forgets, seals, deletes what is sealed, gives room back, archives, drops, compares. */
export const story: Story = { prepare, run, findings };

async function prepare(scene: Scene): Promise<void> {
  for (const day of DAYS) {
    const journal = await openAt(scene, FIRST_DAY + day * DAY + HOUR, RESERVE_BYTES);
    const records = Array.from({ length: ROWS }, (_, n) => largeRecord(day, n));
    await commitRecords(journal, records);
    await journal.upkeep.mark(FIRST_DAY + day * DAY + HOUR);
    if (day === DAYS.at(-1)) await deliverAll(journal);
    await journal.close();
  }
  const db = new DatabaseSync(journalPath(scene));
  db.prepare("UPDATE record SET body = replace(body, 'orders-client', 'another') WHERE seq = ?").run(
    DAMAGED_SEQ,
  );
  db.close();
}

function largeRecord(day: number, n: number): RequestRecord {
  const record = dayRecord(day, n);
  return { ...record, userAgent: `${record.userAgent} ${AGENT}` };
}

async function deliverAll(journal: SqliteJournal): Promise<void> {
  const { epoch } = journal;
  const seen = [
    { atMs: FIRST_DAY, key: 'old' },
    { atMs: NOW_MS, key: 'young' },
  ];
  await journal.commitWindow({ ...recordsOnly(epoch, []), seen, state: STATE });
  await journal.lane(lane('splunk'));
  const counts = { accepted: KEPT.length, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
  const cursor = await journal.lastSeq();
  await journal.ackLane({
    lane: 'splunk',
    epoch,
    cursor,
    counts,
    deadLetters: [],
    expired: [],
    nowMs: NOW_MS,
  });
}

async function run(scene: Scene): Promise<void> {
  const journal = await openAt(scene, NOW_MS, RESERVE_BYTES);
  const { upkeep } = journal;
  await journal.lane(lane('splunk'));
  await upkeep.mark(NOW_MS);
  await journal.prune(NOW_MS, NOW_MS - DAY);
  while ((await upkeep.sealNext(SETTINGS, NOW_MS)) !== undefined) await upkeep.shrink();
  await upkeep.shrink();
  if (!has(scene, 'archived')) await upkeep.archiveOldest(archiveOf(scene), NOW_MS);
  if (!has(scene, 'dropped')) await upkeep.dropOldest('the trail reached its budget', NOW_MS);
  await upkeep.shrink();
  while ((await upkeep.scrubStep(NOW_MS)).finishedMs === undefined);
  await upkeep.makeRoom();
  await journal.close();
}

function archiveOf({ folder }: Scene): string {
  return join(folder, 'archive');
}

function has(scene: Scene, state: Segment['state']): boolean {
  return segmentsOf(scene).some((segment) => segment.state === state);
}

function segmentsOf(scene: Scene): readonly Segment[] {
  const db = new DatabaseSync(journalPath(scene), { readOnly: true });
  try {
    return readSegments(db);
  } finally {
    db.close();
  }
}

async function findings(scene: Scene): Promise<string[]> {
  const reader = await openJournalReader(journalPath(scene));
  const rows = await everyRow(reader);
  const found = await reader.query({ limit: 1_000, revisions: 'all' });
  const [gap, ...moreGaps] = await reader.gaps();
  await reader.close();
  const { problems } = await verifyTrail({ path: journalPath(scene) });
  const expected = [...ARCHIVED, ...KEPT];
  return [
    ...differing(
      'rows of the stream',
      rows.map(({ seq }) => seq),
      expected,
    ),
    ...differing('rows of a query', found.map(({ seq }) => seq).toSorted(byNumber), expected),
    ...differing(
      'rows that are not as they were stored',
      problems.map(({ seq }) => seq),
      [DAMAGED_SEQ],
    ),
    ...differing('the gap', gap?.unit, `journal rows ${DROPPED[0]} to ${DROPPED.at(-1)}`),
    ...differing('further gaps', moreGaps, []),
    ...tablesOf(scene),
    ...filesOf(scene),
  ];
}

function tablesOf(scene: Scene): string[] {
  const db = new DatabaseSync(journalPath(scene), { readOnly: true });
  const numbersOf = (sql: string) => db.prepare(sql).all().flatMap(Object.values);
  try {
    return [
      ...differing('live rows', numbersOf('SELECT seq FROM record ORDER BY seq'), KEPT.slice(ROWS)),
      ...differing('state', numbersOf('SELECT key FROM state'), ['waiting']),
      ...differing('seen keys', numbersOf('SELECT count(*) FROM seen_chunk'), [1]),
      ...differing('damage on record', numbersOf('SELECT seq FROM damage'), [DAMAGED_SEQ]),
      ...differing('the lane', numbersOf('SELECT cursor FROM lane'), [DAYS.length * ROWS]),
      ...differing('the lease', numbersOf('SELECT released FROM writer'), [1]),
    ];
  } finally {
    db.close();
  }
}

/** Nothing lies there that no table knows of. */
function filesOf(scene: Scene): string[] {
  const names = (state: Segment['state']) =>
    segmentsOf(scene)
      .filter((segment) => segment.state === state)
      .map(({ file }) => basename(file));
  const reserve = `${journalPath(scene)}.reserve`;
  return [
    ...differing('sealed files', readdirSync(`${journalPath(scene)}.segments`), names('sealed')),
    ...differing('archived files', readdirSync(archiveOf(scene)), names('archived')),
    ...differing(
      'segments',
      segmentsOf(scene).map(({ state }) => state),
      ['archived', 'dropped', 'sealed'],
    ),
    ...differing('the reserve', existsSync(reserve) && statSync(reserve).size, RESERVE_BYTES),
  ];
}

function byNumber(a: number, b: number): number {
  return a - b;
}
