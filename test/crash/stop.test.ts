import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { CrashRig, type WorkerProcess } from './crash-rig.ts';
import { restartWithPending } from './pending-rows.ts';

/** Long enough for a transaction to end. */
const MOMENT_MS = 50;
const NOW_MS = Date.UTC(2026, 10, 22, 10, 0);

let rig: CrashRig | undefined;
afterEach(async () => {
  await rig?.dispose();
  rig = undefined;
});

async function startRig(minutes: number, ratePerSecond: number, batchEvents?: number): Promise<CrashRig> {
  rig = await CrashRig.start({ minutes, ratePerSecond, historyToMs: NOW_MS }, batchEvents);
  return rig;
}

/** How far the journal of a rig has come: commits of its sources, rows, and how many of them its lanes have passed. */
async function progressOf({ fleet }: CrashRig): Promise<number> {
  const reader = await openJournalReader(join(fleet.folder, 'crash.db'));
  const versions = (await reader.checkpoints()).reduce((sum, { version }) => sum + version, 0);
  const lanes = await reader.lanes();
  const passed = lanes.reduce((sum, { cursor, pending = 0 }) => sum + cursor + cursor + pending, 0);
  await reader.close();
  return versions + passed;
}

describe('a worker that ends before its time', () => {
  it('FT-03 in a crash loop comes further every time, and ends when the crashes do', async () => {
    const crashes = await startRig(4, 6, 40);
    let before = 0;
    for (let round = 0; round < 4; round += 1) {
      const one = crashes.spawn({ mode: 'run' });
      await one.committed(2);
      one.child.kill('SIGKILL');
      await one.ended();
      const now = await progressOf(crashes);
      expect(now).toBeGreaterThan(before);
      before = now;
    }
    await crashes.finish();
    expect((await crashes.verdict()).findings).toEqual([]);
  }, 120_000);

  it('FT-36 stops within ten seconds of SIGTERM, whatever it is at, and sends nothing twice', async () => {
    const crashes = await startRig(4, 6, 40);
    for (const commits of [0, 1, 3]) {
      const one = crashes.spawn({ mode: 'run' });
      await one.says('open');
      await one.committed(commits);
      const askedMs = performance.now();
      one.child.kill('SIGTERM');
      await one.ended();
      expect(one.end).toEqual({ code: 0, signal: null });
      expect(performance.now() - askedMs).toBeLessThan(10_000);
    }
    await crashes.finish();
    expect(await crashes.verdict()).toMatchObject({ findings: [], repeats: 0 });
  }, 120_000);

  it('FT-35 keeps a second worker out, and is fenced when it wakes up after its lease', async () => {
    const crashes = await startRig(2, 3);
    const first = crashes.spawn({ mode: 'run' });
    await first.says('ready');
    const second = crashes.spawn({ mode: 'run' });
    await second.ended();
    expect(second.said.join(' ')).toContain('failed journal_in_use');

    const third = await takeOver(crashes, first);
    first.child.kill('SIGCONT');
    await first.ended();
    expect(first.said.join(' ')).toContain('failed fenced');
    third.child.kill('SIGTERM');
    await third.ended();
    expect(third.end?.code).toBe(0);
    await crashes.finish();
    expect((await crashes.verdict()).findings).toEqual([]);
  }, 120_000);

  // The row says a million: `npm run test:soak -- --pending 1000000` has them. What start-up reads does not grow with
  // the trail, which twenty thousand show as well, in seconds.
  it('FT-01 is ready again within five seconds with tens of thousands of records pending, and knows them all', async () => {
    const { readyMs, known } = await restartWithPending(await startRig(1, 1), 20_000);
    expect(readyMs).toBeLessThan(5_000);
    expect(Object.keys(known)).toHaveLength(2);
    for (const rows of Object.values(known)) expect(rows).toBeGreaterThanOrEqual(20_000);
  }, 60_000);
});

/** A worker that takes the journal from one that is stopped. Stopped within a transaction, that one has the file locked. */
async function takeOver(crashes: CrashRig, from: WorkerProcess): Promise<WorkerProcess> {
  for (;;) {
    from.child.kill('SIGSTOP');
    const next = crashes.spawn({ mode: 'run', nowMs: crashes.fleet.nowMs + 60_000 });
    await next.says('ready');
    if (next.end === undefined) return next;
    expect(next.said.join(' ')).toContain('failed journal_busy');
    // It may have been at its last commit: no other would tell that the transaction is over.
    from.child.kill('SIGCONT');
    await setTimeout(MOMENT_MS);
  }
}
