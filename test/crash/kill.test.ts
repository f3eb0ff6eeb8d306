import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { KILLED_AS_WORKER } from './commit-points/kills.ts';
import { CrashRig, MOST_REPEATS } from './crash-rig.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10, 0);

const OF_INGEST = 'pipeline/ingest.ts #write: commitWindow';
const BACKFILLING = [
  ['pipeline/backfill.ts save: saveOrder', 1],
  ['pipeline/backfill.ts save: saveOrder', 2],
] as const;

let rig: CrashRig | undefined;
afterEach(async () => {
  await rig?.dispose();
  rig = undefined;
});

async function startRig(minutes: number, ratePerSecond: number): Promise<CrashRig> {
  rig = await CrashRig.start({ minutes, ratePerSecond, historyToMs: NOW_MS });
  return rig;
}

/** Where processes died of those that were to, one after the other. */
async function diedAt(crashes: CrashRig, points: readonly (readonly [string, number])[]): Promise<string[]> {
  const died: string[] = [];
  for (const [name, hits] of points) if (await crashes.crashAt(name, hits)) died.push(name);
  return died;
}

async function backfillState({ fleet }: CrashRig): Promise<string | undefined> {
  const reader = await openJournalReader(join(fleet.folder, 'crash.db'));
  const [order] = await reader.orders();
  await reader.close();
  return order?.state;
}

describe('a worker killed with SIGKILL', () => {
  it('FT-01 at every boundary of a commit and an acknowledgement loses nothing and stores nothing twice', async () => {
    const crashes = await startRig(3, 5);
    const points: readonly (readonly [string, number])[] = [
      // While the file is made, then at each step of what fills it.
      ['after BEGIN IMMEDIATE', 1],
      ['before commitWindow', 2],
      ['after BEGIN IMMEDIATE', 6],
      ['before COMMIT', 9],
      ['after COMMIT', 12],
      [OF_INGEST, 4],
      ['after seenIn', 3],
      ['after ackLane', 3],
    ];
    expect(await diedAt(crashes, points)).toEqual(points.map(([name]) => name));
    await crashes.orderBackfill();
    expect(await diedAt(crashes, BACKFILLING)).toEqual(BACKFILLING.map(([name]) => name));
    expect([...new Set([OF_INGEST, ...BACKFILLING.map(([name]) => name)])]).toEqual(KILLED_AS_WORKER);
    await crashes.finish();
    expect(await backfillState(crashes)).toBe('done');
    const { findings } = await crashes.verdict();
    expect(findings).toEqual([]);
  }, 120_000);

  it('FT-16 while it rebuilds a damaged journal reads again what is lost, with nothing lying about', async () => {
    const crashes = await startRig(2, 3);
    await crashes.finish();
    crashes.damageJournal();
    const points = [
      ['store/recovery/rebuild.ts moveIfThere: renameSync', 1],
      [OF_INGEST, 2],
    ] as const;
    expect(await diedAt(crashes, points)).toEqual(points.map(([name]) => name));
    await crashes.finish();
    expect(crashes.journalFiles()).toEqual(['', '.corrupt', '.corrupt.damaged', '.inventory', '.lock']);
    expect((await crashes.verdict()).findings).toEqual([]);
  }, 120_000);

  it('FT-02 between the answer of a destination and the cursor has it sent again under a known event_id', async () => {
    const crashes = await startRig(3, 5);
    let died = 0;
    for (const hits of [2, 3]) if (await crashes.crashAt('before ackLane', hits)) died += 1;
    expect(died).toBe(2);
    await crashes.finish();
    const { findings, repeats } = await crashes.verdict();
    expect(findings).toEqual([]);
    expect(repeats).toBeGreaterThan(0);
    expect(repeats).toBeLessThanOrEqual(died * MOST_REPEATS);
  }, 120_000);
});
