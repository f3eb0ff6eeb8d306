import { silentLogger } from '../../../../src/core/logger.ts';
import { pruneRegularly, renewLease } from '../../../../src/scheduler/keep-journal.ts';
import { openJournalReader } from '../../../../src/store/open-journal.ts';
import type { SqliteJournal } from '../../../../src/store/sqlite-journal.ts';
import { lane } from '../../../contract/journal-records.ts';
import { nthRecord, recordsOnly } from '../../../store/commits.ts';
import { everyRow } from '../../../store/sealing-rig.ts';
import { differing, journalPath, openAt, type Scene, type Story, standingClock } from '../story.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10);
const STATE = [
  { kind: 'told', key: 'settled', body: 'a', expiresMs: NOW_MS - 1 },
  { kind: 'told', key: 'waiting', body: 'b', expiresMs: NOW_MS + 1 },
];

/** Makes a journal, commits, keeps the lease for a while, forgets what is settled, and ends. */
export const story: Story = { prepare: async () => {}, run, findings };

async function run(scene: Scene): Promise<void> {
  const journal = await openAt(scene, NOW_MS);
  await journal.lane(lane('splunk'));
  const commit = { ...recordsOnly(journal.epoch, [nthRecord(1)]), state: STATE };
  await journal.commitWindow(commit);
  await keep(journal);
  await journal.close();
}

/** Until the lease was renewed and all that is settled is forgotten. */
async function keep(journal: SqliteJournal): Promise<void> {
  const stop = new AbortController();
  let beats = 0;
  const heartbeat = () => {
    beats += 1;
  };
  const options = {
    journal,
    clock: standingClock(NOW_MS),
    logger: silentLogger,
    seenForMs: 60_000,
    heartbeat,
    ingest: { forgetMs: (nowMs: number) => nowMs },
  };
  const works = [renewLease(options, stop.signal), pruneRegularly(options, stop.signal)];
  while (beats < 3 || (await journal.state('told', ['settled'])).size > 0)
    await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new Error('kept long enough'));
  await Promise.all(works);
}

async function findings(scene: Scene): Promise<string[]> {
  const reader = await openJournalReader(journalPath(scene));
  const rows = await everyRow(reader);
  const lanes = await reader.lanes();
  const waiting: string[] = [];
  for await (const { key } of reader.allState('told')) waiting.push(key);
  await reader.close();
  return [
    ...differing(
      'rows',
      rows.map(({ recordId }) => recordId),
      [nthRecord(1).recordId],
    ),
    ...differing(
      'lanes',
      lanes.map(({ lane: name }) => name),
      ['splunk'],
    ),
    ...differing('state', waiting, ['waiting']),
  ];
}
