/**
 * The real `gatewatch alarms` against a sandbox: `node test/bench/alarms-scale.ts plan|apply|resume [stages]`.
 *
 * - `plan`: a plan of 200 stages × 7 alarms. Quotas of AWS are off in the sandbox; the command still paces itself, so the
 *   same plan is also made without any pacing, in this process: that is what is left when AWS's throttles are set aside.
 * - `apply`: 200 stages × 5 alarms = 1,000, under AWS's quotas, in one go.
 * - `resume`: the same, killed after a third (SIGKILL), stopped after two thirds (SIGINT), run to its end.
 *
 * Exits 1 beyond 20 s of planning, 8 minutes of applying, three writes in any second, or when anything was written twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../src/core/logger.ts';
import { noFaults } from '../../src/sandbox/faults.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { runAlarmsCommand, writeAlarmsConfig, writesOf } from '../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { alarmWorld } from './alarm-fleet.ts';

const PLAN_LIMIT_S = 20;
const APPLY_LIMIT_S = 8 * 60;
const WRITES_PER_SECOND = 3;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const REPORTER = new URL('report-usage.ts', import.meta.url).href;

const [mode = 'plan', stagesText = '200'] = process.argv.slice(2);
const stages = Number(stagesText);
/** Alarms of the default pack on a stage without an access log. */
const wanted = stages * 5;
const nowMs = Math.floor(Date.now() / 60_000) * 60_000;
const folder = mkdtempSync(join(tmpdir(), 'gatewatch-alarms-scale-'));
const sandbox = await startSandbox({
  world: alarmWorld({ stages, accessLogs: mode === 'plan', nowMs }),
  port: 0,
  clock: { now: () => nowMs },
  faults: noFaults,
  quotas: mode === 'plan' ? 'off' : 'aws',
  seed: 1,
  logger: silentLogger,
});
const restore = pointSdkAt(sandbox.port);
try {
  writeFiles();
  if (mode === 'plan') await measurePlan();
  else if (mode === 'apply') await measureApply();
  else await measureResume();
} finally {
  restore();
  await sandbox.close();
  rmSync(folder, { recursive: true });
}

function writeFiles(): void {
  writeAlarmsConfig(folder);
  mkdirSync(join(folder, 'alarms'));
  const set = {
    apiVersion: 'gatewatch/v1',
    kind: 'AlarmSet',
    metadata: { name: 'core', labels: { team: 'platform' } },
    spec: { for_each: { source: 'stages' }, presets: 'default', alarms: [] },
  };
  writeFileSync(join(folder, 'alarms', 'core.yaml'), JSON.stringify(set));
}

interface Ended {
  readonly wallSeconds: number;
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Absent for one that was killed. */
  readonly usage?: { readonly cpuSeconds: number; readonly peakRssMb: number };
}

/** Starts the command line as a user does; `whileRunning` may put an end to it. */
async function gatewatch(
  args: readonly string[],
  whileRunning: (child: ChildProcess) => Promise<void> = async () => undefined,
): Promise<Ended> {
  const usageFile = join(folder, 'usage.json');
  rmSync(usageFile, { force: true });
  const started = performance.now();
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', REPORTER, MAIN, 'alarms', ...args],
    {
      cwd: folder,
      env: { ...process.env, GATEWATCH_BENCH_USAGE: usageFile },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await Promise.race([whileRunning(child), ended]);
  const code = await ended;
  const wallSeconds = (performance.now() - started) / 1_000;
  return { wallSeconds, code, out, err, ...usageOf(usageFile) };
}

function usageOf(file: string): Pick<Ended, 'usage'> {
  try {
    return { usage: JSON.parse(readFileSync(file, 'utf8')) };
  } catch {
    // Killed before it could tell.
    return {};
  }
}

function say(what: string, { wallSeconds, code, usage }: Ended): void {
  const used =
    usage === undefined
      ? ''
      : `, ${usage.cpuSeconds.toFixed(1)} CPU s, peak ${Math.round(usage.peakRssMb)} MB`;
  print(`${what}: ${wallSeconds.toFixed(1)} s${used}, exit ${code}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function expect(holds: boolean, what: string): void {
  if (holds) return;
  print(`FAILED: ${what}`);
  process.exitCode = 1;
}

async function measurePlan(): Promise<void> {
  const asCommand = await gatewatch(['plan']);
  say('plan, as the command paces itself', asCommand);
  print(`  ${asCommand.out.trim().split('\n').at(-1)}`);
  expect(asCommand.code === 2, `a plan with changes exits 2: ${asCommand.err.slice(0, 500)}`);
  print(`  calls: ${callsSoFar()}`);
  const started = performance.now();
  const before = process.cpuUsage();
  const unpaced = await runAlarmsCommand(folder, () => nowMs, ['plan']);
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(before);
  print(
    `plan, apart from throttles: ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} CPU s with the sandbox`,
  );
  expect(unpaced.out === asCommand.out, 'both plans read alike');
  expect(seconds < PLAN_LIMIT_S, `a plan takes less than ${PLAN_LIMIT_S} s`);
}

function callsSoFar(): string {
  const all = Object.entries(sandbox.counts.toJSON()).filter(([name]) => /^aws\.[A-Z]\w+$/.test(name));
  return all.map(([name, count]) => `${name.slice(4)} ${count}`).join(', ');
}

/** Most writes that arrived within one second, sampled ten times a second while `work` runs. */
async function fastest<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const seen: { atMs: number; count: number }[] = [];
  let most = 0;
  const sample = () => {
    const atMs = performance.now();
    seen.push({ atMs, count: alarmWrites(sandbox) });
    while ((seen[0]?.atMs ?? atMs) < atMs - 10_000) seen.shift();
    const [first] = seen;
    const last = seen.at(-1);
    if (first !== undefined && last !== undefined && last.atMs - first.atMs > 9_000) {
      most = Math.max(most, ((last.count - first.count) * 1_000) / (last.atMs - first.atMs));
    }
  };
  const timer = setInterval(sample, 100);
  try {
    return [await work(), most];
  } finally {
    clearInterval(timer);
  }
}

function alarmWrites({ counts }: Sandbox): number {
  return ['PutMetricAlarm', 'PutCompositeAlarm', 'DeleteAlarms'].reduce(
    (sum, name) => sum + counts.get(`aws.${name}`),
    0,
  );
}

async function measureApply(): Promise<void> {
  const [ended, most] = await fastest(() => gatewatch(['apply', '--yes']));
  say(`apply of ${alarmWrites(sandbox)} alarms`, ended);
  print(`  most writes a second over ten seconds: ${most.toFixed(2)}; throttled: ${throttled()}`);
  print(`  progress lines: ${ended.err.split('\n').filter((line) => /^\d+\/\d+ /.test(line)).length}`);
  expect(ended.code === 0, `apply exits 0: ${ended.err.slice(-500)}`);
  expect(alarmWrites(sandbox) === wanted, `${wanted} writes`);
  expect(ended.wallSeconds < APPLY_LIMIT_S, `less than ${APPLY_LIMIT_S} s`);
  expect(most < WRITES_PER_SECOND, `below ${WRITES_PER_SECOND} writes a second`);
  await expectNothingLeft();
}

function throttled(): number {
  return Object.entries(sandbox.counts.toJSON()).reduce(
    (sum, [name, count]) => (name.startsWith('aws.quota.') ? sum + Number(count) : sum),
    0,
  );
}

async function measureResume(): Promise<void> {
  const killed = await gatewatch(['apply', '--yes'], (child) => endAt(child, wanted / 3, 'SIGKILL'));
  say(`killed by SIGKILL after ${alarmWrites(sandbox)} writes`, killed);
  const stopped = await gatewatch(['apply', '--yes'], (child) => endAt(child, (2 * wanted) / 3, 'SIGINT'));
  say(`stopped by SIGINT after ${alarmWrites(sandbox)} writes`, stopped);
  print(`  ${stopped.out.trim().split('\n').at(-1)}`);
  expect(stopped.code === 3, `a stopped apply exits 3: ${stopped.err.slice(-500)}`);
  const finished = await gatewatch(['apply', '--yes']);
  say(`run to its end, ${alarmWrites(sandbox)} writes in all`, finished);
  expect(finished.code === 0, `the last apply exits 0: ${finished.err.slice(-500)}`);
  print(
    `  writes beyond one for each of ${wanted} alarms: ${writesOf(sandbox) - wanted}; throttled: ${throttled()}`,
  );
  expect(writesOf(sandbox) === wanted, 'nothing was written twice');
  await expectNothingLeft();
}

async function endAt(child: ChildProcess, writes: number, signal: NodeJS.Signals): Promise<void> {
  while (alarmWrites(sandbox) < writes && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill(signal);
}

async function expectNothingLeft(): Promise<void> {
  const plan = await gatewatch(['plan']);
  say('the next plan', plan);
  expect(
    plan.code === 0 && plan.out.startsWith('Nothing to change.'),
    `nothing is left: ${plan.out.slice(0, 300)}`,
  );
}
