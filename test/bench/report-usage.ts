/** Loaded into a measured command (`--import`): writes what it used to the file in `GATEWATCH_BENCH_USAGE` when it ends. */
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  const usage = { cpuSeconds: (user + system) / 1e6, peakRssMb: process.resourceUsage().maxRSS / 1_024 };
  writeFileSync(process.env.GATEWATCH_BENCH_USAGE ?? '', JSON.stringify(usage));
});
