import { createSteeredClock, createSystemClock } from '../../core/clock.ts';
import type { BriefEvent, BriefItem } from '../../sandbox/accepted-brief.ts';
import type { Incident } from '../../sandbox/incidents.ts';
import type { TruthRow } from '../../sandbox/world.ts';
import type { CliContext } from '../context.ts';
import type { Runtime } from '../worker/runtime.ts';
import { alarmStory } from './alarm-story.ts';
import { Check, count } from './check.ts';
import { type AlarmEvidence, compareAlarms } from './compare-alarms.ts';
import { compareJournal, type JournalVerdict } from './compare-journal.ts';
import { compareDynatrace, compareSplunk } from './compare-sinks.ts';
import { DemoAlarms, type PlannedAlarm } from './demo-alarms.ts';
import { openRuntime, type Stage, say, seconds } from './demo-stage.ts';
import { indexJournal } from './journal-index.ts';
import type { AlarmTransition, DynatraceProblem, SandboxTime, SnsDelivery } from './sandbox-control.ts';
import { Tally } from './tally.ts';

/** Longest the demo reads and delivers before it compares what there is. */
const ONCE_DEADLINE_MS = 300_000;

/** The history from end to end on a clock that stands still, and the comparison. Returns the exit code. */
export async function demoOnce(stage: Stage): Promise<number> {
  const { context } = stage;
  const time = await stage.control.time();
  const alarms = await rehearseAlarms(stage, time);
  const { nowMs } = time;
  const tally = new Tally();
  let victim: string | undefined;
  const clock = createSteeredClock(() => nowMs);
  const runtime = await openRuntime(stage, clock, tally, (id) => {
    victim = id;
  });
  try {
    const deadline = AbortSignal.any([stage.signal, AbortSignal.timeout(ONCE_DEADLINE_MS)]);
    const readyMs = context.now();
    say(
      context,
      `\nReady after ${seconds(readyMs - stage.startedMs)}; reading everything through ${new Date(nowMs).toISOString()}`,
    );
    const reporting = reportProgress(context, runtime, tally, readyMs);
    const left = await runtime.worker.once(deadline).finally(() => clearInterval(reporting));
    stage.signal.throwIfAborted();
    say(
      context,
      `Read, joined, journalled and delivered in ${seconds(context.now() - readyMs)}; comparing with the truth`,
    );
    const failed = await compare(stage, runtime, nowMs, left, alarms);
    if (stage.options.sabotage !== undefined)
      say(context, `Sabotage ${stage.options.sabotage} hit record ${victim ?? 'none'}`);
    say(context, verdictText(failed));
    return failed === 0 ? 0 : 1;
  } finally {
    await runtime.close();
  }
}

interface Rehearsed {
  readonly planned: readonly PlannedAlarm[];
  readonly incident: Incident;
}

/** Alarms are made this long before the incident, so that they are seen to be well first. */
const LEAD_MS = 4 * 60_000;
/** An alarm on windows of five minutes needs as much after the incident to be well again. */
const AFTER_MS = 7 * 60_000;
/** The first read of alarm histories reaches one hour back. */
const READ_BACK_MS = 60 * 60_000;

/**
 * Sets the clock back to before the incident, plans and applies alarms there, and lets time run through: what
 * CloudWatch would have made of the history. Absent when the incident does not fit into it.
 */
async function rehearseAlarms(stage: Stage, time: SandboxTime): Promise<Rehearsed | undefined> {
  const { context, control, options } = stage;
  const incident = await control.incident();
  const fits = incident !== undefined && hasRoom(incident, time);
  if (!fits || options.sabotage !== undefined) {
    say(context, 'No alarms: the history has no incident with some minutes of peace before and after it.');
    return undefined;
  }
  const spell = [incident.fromMs, incident.toMs].map((ms) => new Date(ms).toISOString().slice(11, 16));
  say(context, `${incident.api}/${incident.stage} is slow from ${spell.join(' to ')}. Before that:`);
  const atMs = incident.fromMs - LEAD_MS;
  await control.setTime(atMs);
  const alarms = new DemoAlarms(stage.alarms, stage.folder);
  const then = { ...context, now: () => atMs };
  if (!(await alarms.begin(then))) {
    say(context, `\nRefused: ${alarms.refusal}\nTrying again every few seconds …`);
    await alarms.goOn(then, createSystemClock());
  }
  await control.setTime(time.nowMs);
  return { planned: alarms.planned, incident };
}

function hasRoom({ fromMs, toMs }: Incident, { nowMs, historyFromMs, historyToMs }: SandboxTime): boolean {
  const startMs = fromMs - LEAD_MS;
  return startMs >= historyFromMs && startMs > nowMs - READ_BACK_MS && toMs + AFTER_MS <= historyToMs;
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
  alarms: Rehearsed | undefined,
): Promise<number> {
  const { context, control } = stage;
  const journal = await indexJournal(runtime.journal);
  const verdict = await compareJournal(control.rows<TruthRow>('truth'), journal, runtime.redactor);
  const splunk = await compareSplunk(control.rows<BriefEvent>('accepted/splunk/brief'), journal);
  const dynatrace = await compareDynatrace({
    accepted: control.rows<BriefItem>('accepted/dynatrace/brief'),
    journal,
    truth: verdict.metrics,
    nowMs,
    expired: expiredAt(runtime, 'dynatrace'),
  });
  const whole = new Check('worker: everything read and delivered');
  whole.expect(left.length === 0, () => left.join('; '));
  const checks = [whole, ...verdict.checks, splunk.check, ...dynatrace.checks];
  if (alarms !== undefined) {
    const arrivals = { splunk: splunk.alarms, dynatrace: dynatrace.alarms };
    checks.push(...compareAlarms(await evidenceOf(stage, alarms, nowMs, { journal, ...arrivals })));
    say(context, `\n${alarmStory(journal.alarms.values(), alarms.planned).join('\n')}`);
  }
  report(context, verdict, checks, { splunk: splunk.repeats, dynatrace: dynatrace.repeats });
  await reportFaults(stage);
  return checks.reduce((sum, check) => sum + check.failed, 0);
}

async function evidenceOf(
  { control }: Stage,
  alarms: Rehearsed,
  nowMs: number,
  got: Pick<AlarmEvidence, 'journal' | 'splunk' | 'dynatrace'>,
): Promise<AlarmEvidence> {
  const history = await control.list<AlarmTransition>('alarms/history');
  const told = await control.list<SnsDelivery>('sns');
  const problems = await control.list<DynatraceProblem>('problems');
  // The worker reads up to now: what happened in this very moment it has yet to see.
  const isPast = ({ atMs }: { readonly atMs: number }) => atMs < nowMs;
  return { ...alarms, ...got, history: history.filter(isPast), told: told.filter(isPast), problems };
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

async function reportFaults({ context, control }: Stage): Promise<void> {
  const faults = Object.entries(await control.faults()).filter(([, n]) => Number(n) > 0);
  say(
    context,
    `     faults that happened: ${faults.map(([name, n]) => `${name} ${count(Number(n))}`).join(', ') || 'none'}\n`,
  );
}

function verdictText(failed: number): string {
  if (failed === 0) return 'Everything equals the truth.';
  return failed === 1 ? '1 comparison failed.' : `${count(failed)} comparisons failed.`;
}
