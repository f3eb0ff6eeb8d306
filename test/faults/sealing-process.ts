/**
 * Commits, delivers and seals day after day until it is killed. Argument: journal path. Prints the last `seq` of each day
 * once it is committed. The clock starts where the journal ends.
 */
import { writeSync } from 'node:fs';
import { silentLogger } from '../../src/core/logger.ts';
import { openJournal } from '../../src/store/open-journal.ts';
import { lane } from '../contract/journal-records.ts';
import { commitRecords } from '../store/commits.ts';
import { DAY, dayRecord, FIRST_DAY, HOUR, SETTINGS } from '../store/sealing-rig.ts';

const ROWS = 300;
const path = process.argv[2] ?? '';
let nowMs = FIRST_DAY;
const clock = { now: () => nowMs, monotonic: () => nowMs, sleep: () => Promise.resolve() };
const journal = await openJournal({
  path,
  clock,
  logger: silentLogger,
  owner: 'sealing',
  reserveBytes: 1_000_000,
});
await journal.lane(lane('splunk'));
for (let day = Math.floor((await journal.lastSeq()) / ROWS); ; day += 1) {
  nowMs = FIRST_DAY + day * DAY + HOUR;
  await journal.upkeep.mark(nowMs);
  const have = (await journal.lastSeq()) - day * ROWS;
  for (let n = have; n < ROWS; n += 50)
    await commitRecords(
      journal,
      Array.from({ length: Math.min(50, ROWS - n) }, (_, index) => dayRecord(day, n + index)),
    );
  const cursor = await journal.lastSeq();
  writeSync(1, `${cursor}\n`);
  const counts = { accepted: 1, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
  const rest = { deadLetters: [], expired: [], nowMs };
  await journal.ackLane({ lane: 'splunk', epoch: journal.epoch, cursor, counts, ...rest });
  while ((await journal.upkeep.sealNext(SETTINGS, nowMs)) !== undefined) await journal.upkeep.shrink();
}
