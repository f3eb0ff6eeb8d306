import { type SimResult, SimRun } from './sim-run.ts';

/** Runs one seed from first light to its verdict. */
export async function simulate(seed: number): Promise<SimResult> {
  const run = new SimRun(seed);
  try {
    return await run.run();
  } finally {
    run.dispose();
  }
}
