import { CrashRig } from './crash-rig.ts';
import { restartWithPending } from './pending-rows.ts';

const LONGEST_MS = 5_000;

/** FT-01 at its full size: prints how soon a worker that was killed with `rows` pending is ready again; false if too late or one is lost. */
export async function pendingSoak(rows: number): Promise<boolean> {
  const rig = await CrashRig.start({ minutes: 1, ratePerSecond: 1, historyToMs: Date.UTC(2026, 10, 22, 10) });
  try {
    const { readyMs, known } = await restartWithPending(rig, rows);
    console.log(`${rows} rows pending: ready again in ${(readyMs / 1_000).toFixed(1)} s`);
    const lost = Object.entries(known).filter(([, count]) => count < rows);
    for (const [lane, count] of lost) console.log(`  lane ${lane} knows of ${count} rows`);
    return lost.length === 0 && Object.keys(known).length > 0 && readyMs <= LONGEST_MS;
  } finally {
    await rig.dispose();
  }
}
