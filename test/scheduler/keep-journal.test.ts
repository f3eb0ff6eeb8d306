import { expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import type { Reread } from '../../src/model/journal.ts';
import { pruneRegularly } from '../../src/scheduler/keep-journal.ts';
import { recordsOnly } from '../store/commits.ts';
import { TemporaryJournal } from '../store/temporary-journal.ts';
import { FakeClock } from '../support/fake-clock.ts';

const HOUR = 3_600_000;
const UNIT = 'logs:111122223333:eu-west-1:/apigw/orders';

/** What is left of one key of 40 hours ago, asked of a writer that has nothing in memory, after pruning at 29 hours. */
async function keysAfterPruning(rereadsOf: (oldMs: number) => readonly Reread[]): Promise<string[]> {
  const clock = new FakeClock();
  const files = new TemporaryJournal();
  const journal = await files.open();
  const oldMs = clock.now() - 40 * HOUR;
  const seen = [{ atMs: oldMs, key: 'an event' }];
  const nextCheckpoint = { readThroughMs: clock.now(), rereads: rereadsOf(oldMs) };
  await journal.commitWindow({ ...recordsOnly(journal.epoch, []), unit: UNIT, seen, nextCheckpoint });
  const stop = new AbortController();
  const options = { clock, logger: silentLogger, journal, seenForMs: 29 * HOUR };
  const pruning = pruneRegularly(options, stop.signal);
  await clock.advance(601_000);
  stop.abort(new Error('the end'));
  await pruning;
  await journal.close();
  const keys = [...(await (await files.open()).seenIn(UNIT, oldMs, oldMs))];
  await files.dispose();
  return keys;
}

it('keeps what a re-read that is overdue still has to know', async () => {
  const overdue = (oldMs: number) => [
    { fromMs: oldMs - HOUR, toMs: oldMs + HOUR, dueMs: oldMs + 25 * HOUR, pass: 2 },
  ];
  expect(await keysAfterPruning(overdue)).toEqual(['an event']);
});

it('forgets what nobody will read again', async () => {
  expect(await keysAfterPruning(() => [])).toEqual([]);
});
