import { afterEach, describe, expect, it } from 'vitest';
import { CrashRig, MOST_REPEATS } from './crash-rig.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 10, 0);

let rig: CrashRig | undefined;
afterEach(async () => {
  await rig?.dispose();
  rig = undefined;
});

async function startRig(minutes: number, ratePerSecond: number): Promise<CrashRig> {
  rig = await CrashRig.start({ minutes, ratePerSecond, historyToMs: NOW_MS });
  return rig;
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
      ['after commitWindow', 4],
      ['after seenIn', 3],
      ['after ackLane', 3],
    ];
    const died: string[] = [];
    for (const [name, hits] of points) if (await crashes.crashAt(name, hits)) died.push(name);
    expect(died).toEqual(points.map(([name]) => name));
    await crashes.finish();
    const { findings } = await crashes.verdict();
    expect(findings).toEqual([]);
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
