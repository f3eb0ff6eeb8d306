import { cpus, totalmem } from 'node:os';
import type { Spread } from './acceptance.ts';
import type { LiveResult } from './live-run.ts';

const MARGIN = ' '.repeat(10);

export function reportSinks({ sinks }: LiveResult): void {
  for (const { sink, whole, waiting, missing, unjoined, repeated, revised } of sinks) {
    print(`${sink.padEnd(10)} all lines readable   ${spreadText(whole)}`);
    print(`${MARGIN} partner never comes  ${spreadText(waiting)}`);
    print(`${MARGIN} missing ${missing}, not joined ${unjoined}, repeated ${repeated}, revised ${revised}`);
  }
}

export function reportWorker(run: LiveResult): string {
  const { server, product } = run;
  const pageKb = server.pageBytes / Math.max(1, server.pages) / 1_024;
  const perLine = (run.cpuSeconds * 1e6) / run.expected.lines;
  return [
    `worker     ${percent(run.cpuShare)} of a core while traffic came, ${run.cpuSeconds.toFixed(1)} CPU s in all (${perLine.toFixed(0)} µs a line)`,
    `peak ${run.peakRssMb.toFixed(0)} MB`,
    `${run.callsPerSecond.toFixed(1)} reads a second (${server.pages} pages of ${pageKb.toFixed(0)} KB in all)`,
    `${server.throttled} throttled`,
    `${product.skipped} polls skipped`,
    `journal ${run.journalMb.toFixed(0)} MB`,
  ].join(', ');
}

export function reportMachine({ serverCpuShare, load }: LiveResult): string {
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return `machine    ${cpus().length} × ${cpus()[0]?.model}, ${gib} GiB, Node ${process.version}; the stand-in took ${percent(serverCpuShare)} of a core; load average ${load.toFixed(1)}`;
}

export function spreadText({ count, p50, p99, max }: Spread): string {
  return `p50 ${seconds(p50)}  p99 ${seconds(p99)}  max ${seconds(max)}  (${count})`;
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
