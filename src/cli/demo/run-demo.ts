import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, createSteeredClock, createSystemClock } from '../../core/clock.ts';
import { GatewatchError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import { silentLogger } from '../../core/logger.ts';
import { silentMeter } from '../../core/meter.ts';
import type { BriefEvent, BriefItem } from '../../sandbox/accepted-brief.ts';
import type { TruthRow } from '../../sandbox/world.ts';
import { requireConfig } from '../config-file.ts';
import type { CliContext } from '../context.ts';
import { createRuntime, type Runtime } from '../worker/runtime.ts';
import { Check, count } from './check.ts';
import { compareJournal, type JournalVerdict } from './compare-journal.ts';
import { compareDynatrace, compareSplunk } from './compare-sinks.ts';
import { indexJournal } from './journal-index.ts';
import { drawLine, drawScreen, type ViewState } from './live-view.ts';
import { readNdjson } from './ndjson.ts';
import { type Sabotage, sabotageJournal } from './sabotage.ts';
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { Tally } from './tally.ts';

export interface DemoOptions {
  readonly once: boolean;
  readonly seed: string;
  readonly history: string;
  readonly rate: string;
  readonly faults: string;
  readonly sabotage?: Sabotage;
  readonly keep: boolean;
}

/** What the demo touches beside the context. */
export interface DemoHost {
  readonly interpreter: readonly [string, ...string[]];
  /** Sets a variable where the AWS SDK looks for its settings: it takes no endpoint from us. */
  setEnv(name: string, value: string): void;
  readonly random: () => number;
}

/** Longest the demo reads and delivers before it compares what there is. */
const ONCE_DEADLINE_MS = 300_000;

/** Sandbox and worker side by side. Returns the exit code. */
export async function runDemo(
  context: CliContext,
  host: DemoHost,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-demo-'));
  let sandbox: SandboxProcess | undefined;
  try {
    const startedMs = context.now();
    context.stdout.write(`Making ${options.history} of traffic at ${options.rate} requests a second …\n`);
    sandbox = await startSandboxProcess(sandboxOptions(context, host, options, folder));
    settleAws(host, sandbox.url);
    const stage = { context, host, options, folder, sandbox, startedMs, signal };
    return options.once ? await demoOnce(stage) : await demoLive(stage);
  } finally {
    await sandbox?.stop();
    if (options.keep) context.stdout.write(`Kept ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

interface Stage {
  readonly context: CliContext;
  readonly host: DemoHost;
  readonly options: DemoOptions;
  readonly folder: string;
  readonly sandbox: SandboxProcess;
  readonly startedMs: number;
  readonly signal: AbortSignal;
}

function sandboxOptions(context: CliContext, host: DemoHost, options: DemoOptions, folder: string) {
  const { seed, history, rate, faults } = options;
  const args = [
    '--port',
    '0',
    '--seed',
    seed,
    '--history',
    history,
    '--rate',
    rate,
    '--faults',
    faults,
    '--write-config',
    folder,
  ];
  if (options.once) args.push('--frozen');
  return { interpreter: host.interpreter, args, cwd: context.cwd, env: context.env };
}

function settleAws(host: DemoHost, url: string): void {
  host.setEnv('AWS_ENDPOINT_URL', url);
  host.setEnv('AWS_REGION', 'eu-west-1');
  host.setEnv('AWS_ACCESS_KEY_ID', 'AKIAGATEWATCHDEMO000');
  host.setEnv('AWS_SECRET_ACCESS_KEY', 'rehearsal-only');
}

async function openRuntime(
  stage: Stage,
  clock: Clock,
  tally: Tally,
  onSabotage: (id: string) => void,
): Promise<Runtime> {
  const { context, host, options } = stage;
  const { config } = requireConfig({ ...context, cwd: stage.folder }, 'gatewatch.yaml');
  const { sabotage } = options;
  const paced = options.once
    ? config
    : { ...config, schedule: { ...config.schedule, metrics: '*/30 * * * * *', logs: '*/5 * * * * *' } };
  return createRuntime(paced, {
    clock,
    logger: silentLogger,
    meter: silentMeter,
    random: host.random,
    readFile: (path) => context.readFile(path),
    owner: 'gatewatch demo',
    onCommit: (entries) => tally.take(entries),
    ...(sabotage !== undefined && {
      wrapJournal: (journal) => sabotageJournal(journal, sabotage, onSabotage),
    }),
  });
}

async function demoOnce(stage: Stage): Promise<number> {
  const { context, sandbox, options } = stage;
  const nowMs = await sandboxNow(sandbox.url, stage.signal);
  const tally = new Tally();
  let victim: string | undefined;
  const runtime = await openRuntime(
    stage,
    createSteeredClock(() => nowMs),
    tally,
    (id) => {
      victim = id;
    },
  );
  try {
    const deadline = AbortSignal.any([stage.signal, AbortSignal.timeout(ONCE_DEADLINE_MS)]);
    const readyMs = context.now();
    say(
      context,
      `Sandbox ready after ${seconds(readyMs - stage.startedMs)}; reading everything through ${new Date(nowMs).toISOString()}`,
    );
    const reporting = reportProgress(context, runtime, tally, readyMs);
    const left = await runtime.worker.once(deadline).finally(() => clearInterval(reporting));
    stage.signal.throwIfAborted();
    say(
      context,
      `Read, joined, journalled and delivered in ${seconds(context.now() - readyMs)}; comparing with the truth`,
    );
    const failed = await compare(stage, runtime, nowMs, left);
    if (options.sabotage !== undefined)
      say(context, `Sabotage ${options.sabotage} hit record ${victim ?? 'none'}`);
    say(context, failed === 0 ? 'Everything equals the truth.' : `${count(failed)} comparisons failed.`);
    return failed === 0 ? 0 : 1;
  } finally {
    await runtime.close();
  }
}

const PROGRESS_MS = 5_000;

function reportProgress(
  context: CliContext,
  runtime: Runtime,
  tally: Tally,
  sinceMs: number,
): NodeJS.Timeout {
  return setInterval(() => {
    const lanes = runtime.lanes.map(({ status }) => {
      const { accepted, expired } = status.counts;
      return `${status.lane.sink}/${status.lane.stream} ${count(accepted + expired)}`;
    });
    const took = seconds(context.now() - sinceMs).padStart(7);
    say(context, `${took}  journal ${count(tally.records + tally.metrics)}; delivered ${lanes.join(', ')}`);
  }, PROGRESS_MS);
}

async function compare(
  stage: Stage,
  runtime: Runtime,
  nowMs: number,
  left: readonly string[],
): Promise<number> {
  const { context, sandbox, signal } = stage;
  const at = (path: string) => `${sandbox.url}/_sandbox/${path}`;
  const journal = await indexJournal(runtime.journal);
  const verdict = await compareJournal(readNdjson<TruthRow>(at('truth'), signal), journal, runtime.redactor);
  const splunk = await compareSplunk(readNdjson<BriefEvent>(at('accepted/splunk/brief'), signal), journal);
  const dynatrace = await compareDynatrace({
    accepted: readNdjson<BriefItem>(at('accepted/dynatrace/brief'), signal),
    journal,
    truth: verdict.metrics,
    nowMs,
    expired: expiredAt(runtime, 'dynatrace'),
  });
  const whole = new Check('worker: everything read and delivered');
  whole.expect(left.length === 0, () => left.join('; '));
  const checks = [whole, ...verdict.checks, splunk.check, ...dynatrace.checks];
  report(context, verdict, checks, { splunk: splunk.repeats, dynatrace: dynatrace.repeats });
  await reportFaults(context, sandbox.url, signal);
  return checks.reduce((sum, check) => sum + check.failed, 0);
}

function expiredAt(runtime: Runtime, sink: string): { metrics: number; records: number } {
  const of = (stream: string) =>
    runtime.lanes.find((lane) => lane.id.sink === sink && lane.id.stream === stream)?.status.counts.expired ??
    0;
  return { metrics: of('metrics'), records: of('records') };
}

function report(
  context: CliContext,
  verdict: JournalVerdict,
  checks: readonly Check[],
  repeats: { readonly splunk: number; readonly dynatrace: number },
): void {
  const scenarios = [...verdict.scenarios]
    .sort((a, b) => b[1] - a[1])
    .map(([name, n]) => `${name} ${count(n)}`);
  say(
    context,
    `\n${count(verdict.requests)} requests of ${scenarios.length} kinds: ${scenarios.join(', ')}\n`,
  );
  for (const check of checks) for (const line of check.lines()) say(context, line);
  say(
    context,
    `     repeats under a known event_id: Splunk ${count(repeats.splunk)}, Dynatrace ${count(repeats.dynatrace)}`,
  );
}

async function reportFaults(context: CliContext, url: string, signal: AbortSignal): Promise<void> {
  const stats = await getJson(`${url}/_sandbox/stats`, signal);
  if (!isObject(stats) || !isObject(stats.faults)) return;
  const faults = Object.entries(stats.faults).filter(([, n]) => Number(n) > 0);
  say(
    context,
    `     faults that happened: ${faults.map(([name, n]) => `${name} ${count(Number(n))}`).join(', ') || 'none'}\n`,
  );
}

async function demoLive(stage: Stage): Promise<number> {
  const { context, signal } = stage;
  const clock = createSystemClock();
  const tally = new Tally();
  const runtime = await openRuntime(stage, clock, tally, () => undefined);
  try {
    const running = runtime.worker.run(signal);
    await Promise.race([running, showLive(stage, runtime, tally, clock)]);
    await running;
    return 0;
  } finally {
    await runtime.close();
    if (context.stdout.isTTY === true) context.stdout.write('\u001b[?25h\n');
  }
}

async function showLive(stage: Stage, runtime: Runtime, tally: Tally, clock: Clock): Promise<void> {
  const { context, signal, sandbox } = stage;
  const terminal = context.stdout.isTTY === true;
  if (terminal) context.stdout.write('\u001b[?25l\u001b[2J');
  while (!signal.aborted) {
    const pending = new Map((await runtime.journal.lanes()).map((lane) => [lane.lane, lane.pending ?? 0]));
    const state: ViewState = {
      nowMs: clock.now(),
      status: runtime.worker.status(),
      tally,
      pending,
      url: sandbox.url,
    };
    if (terminal)
      context.stdout.write(
        `\u001b[H${drawScreen(state)
          .map((line) => `${line}\u001b[K`)
          .join('\n')}\u001b[J`,
      );
    else say(context, drawLine(state));
    await clock.sleep(terminal ? 1_000 : 5_000, signal).catch(() => undefined);
  }
}

async function sandboxNow(url: string, signal: AbortSignal): Promise<number> {
  const clock = await getJson(`${url}/_sandbox/clock`, signal);
  if (isObject(clock) && typeof clock.nowMs === 'number') return clock.nowMs;
  throw new GatewatchError(
    'sandbox_clock',
    `Expected the sandbox to tell its time, got ${JSON.stringify(clock)}`,
  );
}

async function getJson(url: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, { signal });
  return response.json();
}

function say(context: CliContext, text: string): void {
  context.stdout.write(`${text}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
