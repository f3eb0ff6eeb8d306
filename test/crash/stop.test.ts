import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { openJournal, openJournalReader } from '../../src/store/open-journal.ts';
import { commitRecords, nthRecord } from '../store/commits.ts';
import { CrashRig } from './crash-rig.ts';

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

    first.child.kill('SIGSTOP');
    const third = crashes.spawn({ mode: 'run', nowMs: crashes.fleet.nowMs + 60_000 });
    await third.says('ready');
    first.child.kill('SIGCONT');
    await first.ended();
    expect(first.said.join(' ')).toContain('failed fenced');
    third.child.kill('SIGTERM');
    await third.ended();
    expect(third.end?.code).toBe(0);
    await crashes.finish();
    expect((await crashes.verdict()).findings).toEqual([]);
  }, 120_000);

  it('FT-01 is ready again within five seconds with tens of thousands of records pending', async () => {
    const crashes = await startRig(1, 1);
    const path = join(crashes.fleet.folder, 'crash.db');
    const journal = await openJournal({
      path,
      clock: createSystemClock(),
      logger: silentLogger,
      owner: 'test',
    });
    for (let n = 0; n < 20_000; n += 5_000) {
      const records = Array.from({ length: 5_000 }, (_one, m) => nthRecord(n + m));
      await commitRecords(journal, records);
    }
    await journal.close();
    const killed = crashes.spawn({ mode: 'run' });
    await killed.says('ready');
    killed.child.kill('SIGKILL');
    await killed.ended();
    const startedMs = performance.now();
    const again = crashes.spawn({ mode: 'run' });
    await again.says('ready');
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  }, 60_000);
});
