/**
 * `npm run bench [-- --events N | --quick]`: the whole path from CloudWatch pages to both sinks, beside a bare loop that
 * copies the same events. Prints log events per CPU-second of both, their ratio, and peak memory. Each measured process
 * is alone with its work: the servers run in another one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ACCESS_KEY, REGION } from './bench-fleet.ts';
import { ROUND_MS } from './bench-traffic.ts';
import { compiled, LAUNCH_ENVIRONMENT, LAUNCH_FLAGS } from './compiled.ts';
import type { Measured, ServerOrder, ServerReady, Task } from './messages.ts';

const PENDING_PARTS = 200_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    'cpu-prof': { type: 'string' },
  },
});

const nowMs = Math.floor(Date.now() / ROUND_MS) * ROUND_MS;
const events = values.quick ? 100_000 : Number(values.events);
const results: Record<string, Measured> = {};
/** The bare loop runs as Node runs by itself, the product as it is deployed. */
const AS_DEPLOYED = { flags: LAUNCH_FLAGS, env: LAUNCH_ENVIRONMENT };

if (wanted('bare') || wanted('product')) {
  await withServer({ nowMs, events, count: 'all', authorizers: 'readable' }, async (server) => {
    if (wanted('bare')) results.bare = await measureIn('bare-loop.ts', { server, nowMs });
    if (wanted('product'))
      results.product = await measureIn('product-run.ts', { server, nowMs }, AS_DEPLOYED);
  });
}
if (wanted('pending')) {
  const pending = values.quick ? PENDING_PARTS / 10 : PENDING_PARTS;
  await withServer({ nowMs, events: pending, count: 'access', authorizers: 'denied' }, async (server) => {
    results.pending = await measureIn('product-run.ts', { server, nowMs }, AS_DEPLOYED);
  });
}
report();

function wanted(part: string): boolean {
  return values.only === undefined || values.only.split(',').includes(part);
}

async function withServer(order: ServerOrder, work: (server: ServerReady) => Promise<void>): Promise<void> {
  const child = fork(new URL('./bench-server.ts', import.meta.url));
  try {
    await work(await ask<ServerReady>(child, order));
  } finally {
    child.kill();
  }
}

async function measureIn(
  file: string,
  task: Task,
  launch: { readonly flags?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Measured> {
  const child = fork(await compiled(`test/bench/${file}`), {
    execArgv: [
      ...process.execArgv,
      ...(launch.flags ?? []),
      ...(values['cpu-prof'] !== undefined ? ['--cpu-prof', `--cpu-prof-dir=${values['cpu-prof']}`] : []),
    ],
    env: {
      ...process.env,
      ...launch.env,
      AWS_ENDPOINT_URL: task.server.url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: 'bench',
    },
  });
  const measured = await ask<Measured>(child, task);
  await new Promise((resolve) => child.once('exit', resolve));
  return measured;
}

/** Sends one message and returns the answer; a child that ends without one is an error. */
function ask<Answer>(child: ChildProcess, message: ServerOrder | Task): Promise<Answer> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Answer));
    child.once('exit', (code, signal) =>
      reject(new Error(`Expected an answer, but the process ended with ${signal ?? code}`)),
    );
    child.send(message);
  });
}

function report(): void {
  const rate = (name: string) => {
    const run = results[name];
    return run === undefined ? undefined : Math.round(run.events / run.cpuSeconds);
  };
  for (const [name, run] of Object.entries(results)) {
    const notes = Object.entries(run.notes).map(([note, value]) => `${note} ${value}`);
    print(
      `${name.padEnd(8)} ${String(run.events).padStart(8)} events  ${run.cpuSeconds.toFixed(1).padStart(6)} CPU s  ${String(rate(name)).padStart(7)} events/CPU s  ${run.wallSeconds.toFixed(1).padStart(6)} s  peak ${run.peakRssMb.toFixed(0).padStart(4)} MB  ${notes.join(', ')}`,
    );
    for (const fault of run.faults) print(`         left undone: ${fault}`);
  }
  const product = rate('product');
  const bare = rate('bare');
  const ratio = product === undefined || bare === undefined ? undefined : product / bare;
  if (ratio !== undefined) print(`ratio    ${ratio.toFixed(3)}`);
  print(
    JSON.stringify({
      events,
      cpu: cpus()[0]?.model,
      node: process.version,
      productEventsPerCpuSecond: product,
      bareEventsPerCpuSecond: bare,
      ratio: ratio === undefined ? undefined : Number(ratio.toFixed(3)),
      peakRssMb: mb('product'),
      pendingParts: results.pending?.events,
      pendingPeakRssMb: mb('pending'),
    }),
  );
  if (Object.entries(results).some(([name, run]) => name !== 'pending' && run.faults.length > 0))
    process.exitCode = 1;
}

function mb(name: string): number | undefined {
  const run = results[name];
  return run === undefined ? undefined : Math.round(run.peakRssMb);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
