/**
 * `node test/bench/freshness.ts [--rate N] [--seconds N] [--call-ms N]`: how long after its lines can be read a request is
 * accepted by each destination, with the real worker at default settings under live traffic. Prints p50, p99 and the
 * longest; exits 1 only if something was lost or doubled.
 */
import { parseArgs } from 'node:util';
import { ROUND_MS } from './bench-traffic.ts';
import { type LiveResult, runLive } from './live/live-run.ts';
import { percent, print, reportMachine, reportSinks, reportWorker, seconds } from './live/report.ts';
import { untrueOf } from './live/untrue.ts';

/** Default settings: reading every 20 s, and no line waits for its partner longer than five minutes. */
const POLL_MS = 20_000;
const MAX_HOLD_MS = 300_000;
const GRACE_MS = 5_000;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    'call-ms': { type: 'string', default: '0' },
    'cpu-prof': { type: 'string' },
  },
});

const rate = Number(values.rate);
const result = await runLive({
  phases: [{ requestsPerSecond: rate, rounds: Math.ceil((Number(values.seconds) * 1_000) / ROUND_MS) }],
  callMs: Number(values['call-ms']),
  tailMs: POLL_MS + MAX_HOLD_MS + 60_000,
  cpuProfile: values['cpu-prof'],
});
report(result);

function report(run: LiveResult): void {
  print(
    `${run.expected.requests} requests (${run.expected.lines} lines) in ${run.trafficMs / 1_000} s, ${rate} a second`,
  );
  reportSinks(run);
  print(reportWorker(run));
  print(reportMachine(run));
  for (const untrue of untrueOf(run)) {
    print(`LOST OR DOUBLED: ${untrue}`);
    process.exitCode = 1;
  }
  print(summary(run));
}

/** One line of a table. */
function summary(run: LiveResult): string {
  const longest = Math.max(...run.sinks.map(({ whole }) => whole.p99));
  const waited = Math.max(...run.sinks.map(({ waiting }) => waiting.p99));
  const cells = [
    `${rate}/s, ${run.trafficMs / 1_000} s`,
    ...run.sinks.map(({ whole: { p50, p99, max } }) => [p50, p99, max].map(seconds).join(' / ')),
    longest <= POLL_MS + GRACE_MS ? 'met' : 'missed',
    seconds(waited),
    waited <= POLL_MS + MAX_HOLD_MS + GRACE_MS ? 'met' : 'missed',
    percent(run.cpuShare),
    `${run.peakRssMb.toFixed(0)} MB`,
    run.callsPerSecond.toFixed(1),
    run.load.toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}
