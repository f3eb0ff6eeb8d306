/**
 * `node test/bench/tenfold.ts [--rate N] [--before S] [--burst S] [--after S]`: the real worker at default settings while
 * traffic comes at a rate, then at ten times that, then at the rate again; somebody looks up records all the while.
 * Prints memory, how far it lagged and when it had caught up; exits 1 only if something was lost or doubled.
 */
import { parseArgs } from 'node:util';
import { openJournalReader } from '../../src/store/open-journal.ts';
import { ROUND_MS } from './bench-traffic.ts';
import { type Spread, spreadOf } from './live/acceptance.ts';
import { type LiveResult, runLive } from './live/live-run.ts';
import { percent, print, reportMachine, reportSinks, reportWorker, seconds } from './live/report.ts';
import { untrueOf } from './live/untrue.ts';

const POLL_MS = 20_000;
const GRACE_MS = 5_000;
const TAIL_MS = 900_000;
const AIM_MB = 512;
const AIM_CATCH_UP_MS = 600_000;
const AIM_QUERY_MS = 1_000;
/** Rounds to a line of the table. */
const ROUNDS_A_LINE = 3;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '100' },
    before: { type: 'string', default: '60' },
    burst: { type: 'string', default: '600' },
    after: { type: 'string', default: '120' },
    'call-ms': { type: 'string', default: '0' },
    'cpu-prof': { type: 'string' },
  },
});

const rate = Number(values.rate);
const rounds = (text: string) => Math.max(1, Math.round((Number(text) * 1_000) / ROUND_MS));
const [before, burst, after] = [rounds(values.before), rounds(values.burst), rounds(values.after)];
const queriesMs: number[] = [];

const run = await runLive({
  phases: [
    { requestsPerSecond: rate, rounds: before },
    { requestsPerSecond: rate * 10, rounds: burst },
    { requestsPerSecond: rate, rounds: after },
  ],
  callMs: Number(values['call-ms']),
  tailMs: TAIL_MS,
  cpuProfile: values['cpu-prof'],
  watch: async (journalPath) => {
    queriesMs.push(await lookUp(journalPath));
  },
});
report(run, spreadOf(queriesMs));

/** The newest hundred records of the minute before, as a person at work asks for them. Milliseconds. */
async function lookUp(journalPath: string): Promise<number> {
  const reader = await openJournalReader(journalPath);
  try {
    const startedMs = performance.now();
    const toMs = Date.now();
    await reader.query({ limit: 100, revisions: 'latest', fromMs: toMs - 60_000, toMs });
    return performance.now() - startedMs;
  } finally {
    await reader.close();
  }
}

function report(live: LiveResult, queries: Spread): void {
  print(
    `${live.expected.requests} requests (${live.expected.lines} lines): ${rate} a second, ${rate * 10}, ${rate}`,
  );
  reportLag(live);
  reportSinks(live);
  print(reportWorker(live));
  print(
    `look-ups   p50 ${queries.p50.toFixed(0)} ms, p99 ${queries.p99.toFixed(0)} ms, max ${queries.max.toFixed(0)} ms (${queries.count})`,
  );
  print(reportMachine(live));
  for (const untrue of untrueOf(live)) {
    print(`LOST OR DOUBLED: ${untrue}`);
    process.exitCode = 1;
  }
  print(summary(live, queries));
}

/** Of each half minute: how long its requests took to arrive, memory and processor time while they came. */
function reportLag(live: LiveResult): void {
  print('from        requests/s   p50       p99       memory    CPU');
  const count = before + burst + after;
  for (let first = 0; first < count; first += ROUNDS_A_LINE) {
    const [fromMs, toMs] = [first * ROUND_MS, (first + ROUNDS_A_LINE) * ROUND_MS];
    const spreads = slowestOf(live, first, first + ROUNDS_A_LINE);
    const then = live.samples.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const cpu = then.reduce((sum, { cpuShare }) => sum + cpuShare, 0) / Math.max(1, then.length);
    const requests = spreads.reduce((sum, { count: made }) => sum + made, 0);
    const cells = [
      seconds(fromMs).padEnd(11),
      String(Math.round(requests / Math.max(1, spreads.length) / (ROUND_MS / 1_000))).padEnd(12),
      seconds(Math.max(...spreads.map(({ p50 }) => p50))).padEnd(9),
      seconds(Math.max(...spreads.map(({ p99 }) => p99))).padEnd(9),
      `${Math.max(0, ...then.map(({ rssMb }) => rssMb)).toFixed(0)} MB`.padEnd(9),
      percent(cpu),
    ];
    print(cells.join(' '));
  }
}

/** Of each round, at the slower of the destinations. */
function slowestOf({ sinks }: LiveResult, first: number, end: number): readonly Spread[] {
  const [one, ...others] = sinks;
  return (one?.rounds ?? []).slice(first, end).map((spread, index) =>
    others.reduce((slowest, { rounds: theirs }) => {
      const their = theirs[first + index];
      return their !== undefined && their.p99 > slowest.p99 ? their : slowest;
    }, spread),
  );
}

/** From the end of the burst to the first round from which on all arrive as they do when nothing is wrong. */
function catchUpMs(live: LiveResult): number {
  const spreads = slowestOf(live, 0, before + burst + after);
  const late = spreads.findLastIndex(({ p99 }) => p99 > POLL_MS + GRACE_MS);
  if (late < before + burst) {
    // The last of the burst's own requests to arrive.
    const left = spreads
      .slice(before, before + burst)
      .map(({ max }, index) => (index + 1 - burst) * ROUND_MS + max);
    return Math.max(0, ...left);
  }
  return (late + 1 - before - burst) * ROUND_MS + (spreads[late]?.max ?? 0);
}

/** One line of a table. */
function summary(live: LiveResult, queries: Spread): string {
  const longest = Math.max(...slowestOf(live, before, before + burst).map(({ p99 }) => p99));
  const caughtUpMs = catchUpMs(live);
  const cells = [
    `${rate} → ${rate * 10} → ${rate}/s, ${values.before} + ${values.burst} + ${values.after} s`,
    `${live.peakRssMb.toFixed(0)} MB ${live.peakRssMb <= AIM_MB ? 'met' : 'missed'}`,
    seconds(longest),
    `${seconds(caughtUpMs)} ${caughtUpMs <= AIM_CATCH_UP_MS ? 'met' : 'missed'}`,
    `${untrueOf(live).length === 0 ? '0' : 'some'} lost or doubled`,
    `${queries.p99.toFixed(0)} ms ${queries.p99 < AIM_QUERY_MS ? 'met' : 'missed'}`,
    `${live.server.throttled}`,
    `${live.cpuSeconds.toFixed(0)} s`,
    live.load.toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}
