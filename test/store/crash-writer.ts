/**
 * Commits batches as fast as it can until it is killed, printing the last `seq` of each after its commit resolved.
 * Arguments: journal path. Every second commit repeats the batch before, as a worker does that lost its memory.
 */
import { writeSync } from 'node:fs';
import { createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { recordsOnly, series } from './commits.ts';

const BATCH = 40;
const path = process.argv[2] ?? '';
const journal = await openJournal({
  path,
  clock: createSystemClock(),
  logger: silentLogger,
  owner: 'crash-writer',
});
for (let next = await journal.lastSeq(); ; next += BATCH) {
  for (const records of [series(next, next + BATCH), series(Math.max(0, next - BATCH), next + 1)]) {
    const result = await journal.commitWindow(recordsOnly(journal.epoch, records));
    if (result.kind === 'fenced') throw new Error(result.reason);
  }
  writeSync(1, `${next + BATCH}\n`);
}
