import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LaneAck } from '../../src/model/journal.ts';
import { emptyCounts } from '../../src/pipeline/lane-counts.ts';
import type { SqliteJournal } from '../../src/store/sqlite-journal.ts';
import { lane } from '../contract/journal-records.ts';
import { commitRecords, series } from './commits.ts';
import { TemporaryJournal } from './temporary-journal.ts';

let store: TemporaryJournal;
let journal: SqliteJournal;
beforeEach(async () => {
  store = new TemporaryJournal();
  journal = await store.open();
  await journal.lane(lane('splunk'));
  await commitRecords(journal, series(0, 3));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await store.dispose();
});

/** How `work` told SQLite to commit: each transaction with whether it was fsynced. */
async function commitsOf(work: () => Promise<unknown>): Promise<string[]> {
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec');
  await work();
  let how = 'fsynced';
  const commits: string[] = [];
  for (const [sql] of exec.mock.calls) {
    if (sql.includes('synchronous')) how = sql.endsWith('= FULL') ? 'fsynced' : 'not fsynced';
    if (sql === 'COMMIT') commits.push(how);
  }
  exec.mockRestore();
  return commits;
}

function acknowledging(more: Partial<LaneAck> = {}): () => Promise<unknown> {
  const { epoch } = journal;
  const ack = {
    lane: 'splunk',
    epoch,
    cursor: 1,
    counts: emptyCounts(),
    deadLetters: [],
    expired: [],
    nowMs: 1,
  };
  return () => journal.ackLane({ ...ack, ...more });
}

it('an acknowledgement waits for the next commit to be fsynced, whatever else is committed does not', async () => {
  expect(await commitsOf(acknowledging())).toEqual(['not fsynced']);
  expect(await commitsOf(() => commitRecords(journal, series(3, 4)))).toEqual(['fsynced']);
  expect(await commitsOf(() => journal.setLaneHeld('splunk', 'the token is refused'))).toEqual(['fsynced']);
});

it('an acknowledgement is fsynced by itself where a repeat would count twice', async () => {
  expect(await commitsOf(acknowledging({ repeatsCount: true }))).toEqual(['fsynced']);
  expect((await journal.lanes())[0]?.cursor).toBe(1);
});
