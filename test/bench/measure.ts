import type { Measured } from './messages.ts';

export type Outcome = Pick<Measured, 'events' | 'notes' | 'faults'>;

const SAMPLE_MS = 20;

/** CPU time of all threads of this process while `work` runs, and the most memory it held. */
export async function measure(work: () => Promise<Outcome>): Promise<Measured> {
  let peak = 0;
  const sample = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const sampler = setInterval(sample, SAMPLE_MS);
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const outcome = await work();
  const spent = process.cpuUsage(before);
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  sample();
  clearInterval(sampler);
  return {
    ...outcome,
    wallSeconds,
    cpuSeconds: (spent.user + spent.system) / 1e6,
    peakRssMb: peak / 1_048_576,
  };
}
