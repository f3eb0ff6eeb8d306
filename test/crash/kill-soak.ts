import { Random } from '../simulation/random.ts';
import { CrashRig, type WorkerProcess } from './crash-rig.ts';

const HOUR = 3_600_000;
const HISTORY_MINUTES = 10;
/** Where a worker kills itself; `undefined`: it is killed from outside, some time after it has begun. */
const POINTS = [
  undefined,
  undefined,
  'before COMMIT',
  'after COMMIT',
  'before commitWindow',
  'after commitWindow',
  'before ackLane',
  'after ackLane',
  'after BEGIN IMMEDIATE',
] as const;

/**
 * Kills the real worker `kills` times while requests keep coming in, then lets it finish and compares journal and Splunk
 * with what really happened. The end is two hours after the last event: every line has been there to be read, every hold
 * and all re-reads but the last have passed, so that nothing settles any more, and a backfill may find nothing to add.
 * Prints what it found; returns whether nothing was lost, doubled or untrue.
 */
export async function killSoak(kills: number, seed: number): Promise<boolean> {
  const random = new Random(seed);
  const endMs = Date.UTC(2026, 10, 22, 10, 0);
  const rig = await CrashRig.start({ minutes: HISTORY_MINUTES, ratePerSecond: 10, historyToMs: endMs }, 100);
  const died = new Map<string, number>();
  try {
    const { world, clock } = rig.fleet.rehearsal;
    for (let kill = 1; kill <= kills; kill += 1) {
      rig.fleet.nowMs = Math.round(world.historyFromMs + ((endMs - world.historyFromMs) * kill) / kills);
      clock.steer(rig.fleet.nowMs);
      const where = await killOnce(rig, random);
      died.set(where, (died.get(where) ?? 0) + 1);
      if (kill % 10 === 0) console.log(`${kill} kills`);
    }
    // When the last late line can be read, and when the re-reads have come round that find the others.
    for (const afterMs of [world.longestLagMs, HOUR / 6, 2 * HOUR]) {
      rig.fleet.nowMs = endMs + afterMs;
      clock.steer(rig.fleet.nowMs);
      await rig.finish();
    }
    const { findings, repeats, rows } = await rig.verdict();
    findings.push(...(await revisedByBackfill(rig, rows)));
    for (const [where, times] of [...died].sort()) console.log(`${String(times).padStart(10)}  ${where}`);
    console.log(
      `\n${kills} kills: ${rows} rows, ${repeats} events that Splunk got again, all under known ids`,
    );
    for (const finding of findings.slice(0, 20)) console.log(`  ${finding}`);
    console.log(
      findings.length === 0 ? 'nothing lost, nothing twice, nothing untrue' : `${findings.length} findings`,
    );
    return findings.length === 0;
  } finally {
    await rig.dispose();
  }
}

/** What a backfill of everything still finds to say is what the worker has left untold. */
async function revisedByBackfill(rig: CrashRig, rows: number): Promise<string[]> {
  await rig.orderBackfill();
  await rig.finish();
  const more = (await rig.verdict()).rows - rows;
  return more === 0 ? [] : [`a backfill of everything adds ${more} rows`];
}

async function killOnce(rig: CrashRig, random: Random): Promise<string> {
  const name = random.pick(POINTS);
  const hits = random.logInt(1, 30);
  const one = rig.spawn({ mode: 'run', ...(name !== undefined && { failpoint: { name, hits } }) });
  await one.says('open');
  if (one.end === undefined) await killedWithin(one, random.int(0, name === undefined ? 1_500 : 6_000));
  return one.end?.signal === 'SIGKILL' && name !== undefined ? name : 'from outside';
}

/** Kills from outside whoever has not died by then. */
async function killedWithin(one: WorkerProcess, ms: number): Promise<void> {
  const timer = setTimeout(() => one.child.kill('SIGKILL'), ms);
  await one.ended();
  clearTimeout(timer);
}
