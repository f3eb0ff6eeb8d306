import { join } from 'node:path';
import { createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { openJournal, openJournalReader } from '../../src/store/open-journal.ts';
import { commitRecords, nthRecord } from '../store/commits.ts';
import type { CrashRig } from './crash-rig.ts';

const ROWS_PER_COMMIT = 5_000;

export interface RestartWithPending {
  /** From the start of the process until it reads, milliseconds. */
  readonly readyMs: number;
  /** Rows that each lane of requests knows of, delivered or pending, by its name. */
  readonly known: Readonly<Record<string, number>>;
}

/** Kills a worker that has `rows` requests pending once it reads, and starts the next one. */
export async function restartWithPending(crashes: CrashRig, rows: number): Promise<RestartWithPending> {
  const path = join(crashes.fleet.folder, 'crash.db');
  await fill(path, rows);
  const killed = crashes.spawn({ mode: 'run' });
  await killed.says('ready');
  killed.child.kill('SIGKILL');
  await killed.ended();
  const startedMs = performance.now();
  const again = crashes.spawn({ mode: 'run' });
  await again.says('ready');
  const readyMs = performance.now() - startedMs;
  again.child.kill('SIGKILL');
  await again.ended();
  return { readyMs, known: await knownRows(path) };
}

async function fill(path: string, rows: number): Promise<void> {
  const parts = { path, clock: createSystemClock(), logger: silentLogger, owner: 'test' };
  const journal = await openJournal(parts);
  for (let n = 0; n < rows; n += ROWS_PER_COMMIT) {
    const count = Math.min(ROWS_PER_COMMIT, rows - n);
    await commitRecords(
      journal,
      Array.from({ length: count }, (_one, m) => nthRecord(n + m)),
    );
  }
  await journal.close();
}

async function knownRows(path: string): Promise<Readonly<Record<string, number>>> {
  const reader = await openJournalReader(path);
  const lanes = (await reader.lanes()).filter(({ lane }) => lane.endsWith('/records/live'));
  await reader.close();
  return Object.fromEntries(
    lanes.map(({ lane, pending = 0, accepted, rejected, rejectedUnknown, expired, filtered }) => [
      lane,
      pending + accepted + rejected + rejectedUnknown + expired + filtered,
    ]),
  );
}
