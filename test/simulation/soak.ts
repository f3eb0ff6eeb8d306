import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { killSoak } from '../crash/kill-soak.ts';
import { pendingSoak } from '../crash/pending-soak.ts';
import { missingCoverage } from './coverage.ts';
import { simulate } from './simulate.ts';
import { Tally } from './tally.ts';

/**
 * `npm run test:soak --`
 * - `--seeds N [--from SEED] [--jobs N]`: runs seeds one after the other in a few processes, prints every one that fails
 *   with the way to run it alone, and what was tried over all of them;
 * - `--kills N [--from SEED]`: kills a real worker that often while it works;
 * - `--pending N`: kills a real worker that has so many rows to deliver, and has the next one ready in time.
 *
 * Exit code 1 when anything was found.
 */
interface SeedReport {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly counts: readonly (readonly [string, number])[];
}

const PROGRESS_SEEDS = 100;

async function reportOf(seed: number): Promise<SeedReport> {
  try {
    const { violations, trace, tally } = await simulate(seed);
    return {
      seed,
      violations,
      trace: violations.length > 0 ? trace.slice(-40) : [],
      counts: [...tally.counts],
    };
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { seed, violations: [`the seed threw ${reason}`], trace: [], counts: [] };
  }
}

async function work(seeds: readonly number[]): Promise<void> {
  for (const seed of seeds) {
    const report = await reportOf(seed);
    await new Promise((resolve) => process.send?.(report, resolve));
  }
}

/** Hands the seeds out in turn to `jobs` processes. */
function runAll(
  from: number,
  count: number,
  jobs: number,
  onReport: (report: SeedReport) => void,
): Promise<unknown> {
  const children = Array.from({ length: jobs }, (_one, job) => {
    const child = fork(import.meta.filename, [
      '--worker',
      String(job),
      '--jobs',
      String(jobs),
      '--from',
      String(from),
      '--seeds',
      String(count),
    ]);
    child.on('message', (report: SeedReport) => onReport(report));
    return new Promise<void>((resolve, reject) => {
      child.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`a process of the soak ended with ${code}`)),
      );
    });
  });
  return Promise.all(children);
}

function tell({ seed, violations, trace }: SeedReport): void {
  console.log(`\nseed ${seed} FAILED; run it alone: npm run test:soak -- --seeds 1 --from ${seed}`);
  for (const violation of violations.slice(0, 10)) console.log(`  ${violation}`);
  for (const line of trace) console.log(`    ${line}`);
}

async function soak(from: number, count: number, jobs: number): Promise<void> {
  const tally = new Tally();
  const failed: number[] = [];
  let done = 0;
  const startedMs = performance.now();
  await runAll(from, count, Math.min(jobs, count), (report) => {
    done += 1;
    tally.addAll(report.counts);
    if (report.violations.length > 0) {
      failed.push(report.seed);
      tell(report);
    }
    if (done % PROGRESS_SEEDS === 0) console.log(`${done} seeds, ${failed.length} failed`);
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const [what, times] of [...tally.counts].sort()) console.log(`${String(times).padStart(10)}  ${what}`);
  const missing = missingCoverage(tally);
  if (missing.length > 0) console.log(`never happened: ${missing.join(', ')}`);
  console.log(
    `\n${done} seeds in ${seconds.toFixed(0)} s, ${(done / seconds).toFixed(1)} a second; failed: ${failed.sort((a, b) => a - b).join(', ') || 'none'}`,
  );
  process.exitCode = failed.length > 0 ? 1 : 0;
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    kills: { type: 'string' },
    pending: { type: 'string' },
    worker: { type: 'string' },
  },
});
const from = Number(values.from);
const count = Number(values.seeds);
const jobs = Number(values.jobs);
if (values.kills !== undefined) {
  process.exitCode = (await killSoak(Number(values.kills), from)) ? 0 : 1;
} else if (values.pending !== undefined) {
  process.exitCode = (await pendingSoak(Number(values.pending))) ? 0 : 1;
} else if (values.worker === undefined) {
  await soak(from, count, jobs);
} else {
  const first = Number(values.worker);
  await work(Array.from({ length: count }, (_one, n) => from + n).filter((_seed, n) => n % jobs === first));
  // Calls that a crash cut off still have their timers: nobody waits for those.
  process.exit();
}
