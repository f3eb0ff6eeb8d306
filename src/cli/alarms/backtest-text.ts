import type { Agreement } from '../../alarms/backtest/agreement.ts';
import { placeOf } from '../../alarms/backtest/agreement.ts';
import { type BacktestOutcome, type BacktestResult, pagesPerWeek } from '../../alarms/backtest/backtest.ts';
import type { Reach } from '../../alarms/backtest/history-questions.ts';
import type { ReplayedChange } from '../../alarms/backtest/plan-replay.ts';
import { formatDuration } from '../../core/duration.ts';

const WEEK_MS = 7 * 86_400_000;

export interface BacktestReport {
  readonly reach: Reach;
  readonly results: readonly BacktestResult[];
  readonly agreements: ReadonlyMap<string, Agreement>;
  /** The same alarms by other files; absent: nothing is compared. */
  readonly before?: readonly BacktestResult[];
}

/** Firings of each alarm, the loudest first; what was quiet is only counted. */
export function backtestText(report: BacktestReport): string {
  const { results, before, reach } = report;
  const earlier = new Map((before ?? []).map((result) => [result.instance.id, result]));
  const shown = results
    .filter(
      (result) => isTold(result) || differs(result, earlier.get(result.instance.id), before !== undefined),
    )
    .sort((one, other) => firings(other) - firings(one));
  const now = new Set(results.map(({ instance }) => instance.id));
  const gone = (before ?? []).filter(({ instance }) => !now.has(instance.id));
  const count = (kind: string) => results.filter(({ outcome }) => outcome.kind === kind).length;
  const quiet = results.filter((result) => !shown.includes(result));
  return `${[
    `${timeText(reach.fromMs)} to ${timeText(reach.toMs)}`,
    ...shown.map((result) => line(result, earlier.get(result.instance.id), report)),
    ...gone.map((result) => `${name(result)} not there   before: ${summary(result)}`),
    ...quietLine(quiet, reach),
    `${count('replayed')} replayed, ${count('no_history')} without history, ${count('opaque')} that cannot be judged offline. ` +
      `${pagesPerWeek(results).toFixed(1)} pages a week${before === undefined ? '' : ` (before: ${pagesPerWeek(before).toFixed(1)})`}.`,
    ...agreementLine(report),
    `An estimate${scaledUp(reach)}: points that were late then are there now.`,
  ].join('\n')}\n`;
}

/** Quiet where it was looked at: an alarm whose history is not whole may have fired in the rest. */
function quietLine(quiet: readonly BacktestResult[], reach: Reach): readonly string[] {
  if (quiet.length === 0) return [];
  const partly = quiet.filter(
    ({ outcome }) =>
      outcome.kind === 'replayed' &&
      (outcome.judgedMs < reach.toMs - reach.fromMs || outcome.without.length > 0),
  ).length;
  const caveat = partly === 0 ? '' : `; of ${partly} of them only a part of the time has a history`;
  return [`${quiet.length} alarm${quiet.length === 1 ? '' : 's'} would not have fired${caveat}`];
}

/** Of a day, one page is seven a week: people should see that it is one. */
function scaledUp({ fromMs, toMs }: Reach): string {
  return toMs - fromMs < WEEK_MS ? `, scaled up from ${formatDuration(toMs - fromMs)}` : '';
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

function isTold({ outcome }: BacktestResult): boolean {
  return (
    outcome.kind !== 'replayed' ||
    outcome.noise.firings > 0 ||
    outcome.noise.inAlarmMs > 0 ||
    outcome.doubts.length > 0
  );
}

/** Whether firings differ between two sets of files; an alarm that is in one of them only does. */
export function firingsDiffer(
  results: readonly BacktestResult[],
  before: readonly BacktestResult[],
): boolean {
  const earlier = new Map(before.map((result) => [result.instance.id, result]));
  const now = new Set(results.map(({ instance }) => instance.id));
  return (
    results.some((result) => differs(result, earlier.get(result.instance.id), true)) ||
    before.some(({ instance }) => !now.has(instance.id))
  );
}

function differs(now: BacktestResult, before: BacktestResult | undefined, compared: boolean): boolean {
  return compared && (before === undefined || summary(before) !== summary(now));
}

function firings({ outcome }: BacktestResult): number {
  return outcome.kind === 'replayed' ? outcome.noise.firings : -1;
}

function name({ instance }: BacktestResult): string {
  return `${instance.id.padEnd(46)} ${instance.severity.padEnd(7)}`;
}

function line(result: BacktestResult, before: BacktestResult | undefined, report: BacktestReport): string {
  const compared = report.before !== undefined;
  const was = !compared ? '' : `   before: ${before === undefined ? 'not there' : summary(before)}`;
  const agreement = report.agreements.get(placeOf(result));
  const agreed =
    agreement === undefined
      ? ''
      : `; AWS recorded ${agreement.recorded}, ${agreement.matched} of them at the same time`;
  return `${name(result)} ${summary(result, report.reach)}${agreed}${was}`;
}

/** How far all replays and AWS's own history agree: the reason to believe them, or not. */
function agreementLine({ agreements }: BacktestReport): readonly string[] {
  if (agreements.size === 0) return ['AWS has no history of these alarms in this time to compare with.'];
  const all = [...agreements.values()];
  const sum = (of: (one: Agreement) => number) => all.reduce((total, one) => total + of(one), 0);
  const matched = sum((one) => one.matched);
  const either = sum((one) => one.replayed + one.recorded - one.matched);
  const share = either === 0 ? 'all' : `${Math.round((100 * matched) / either)} %`;
  return [`Agreement with AWS's own history of ${agreements.size} alarms: ${share} of ${either} firings.`];
}

/** `3 firings, 1.5 a week, 1 flap, longest 6m, 1 at night (33 %)`; `no history` where there is none. */
export function summary({ outcome }: BacktestResult, span?: { fromMs: number; toMs: number }): string {
  if (outcome.kind === 'no_history') return 'no history';
  if (outcome.kind === 'opaque') return `cannot be judged offline: ${outcome.why}`;
  const { noise } = outcome;
  const { firings: count } = noise;
  const share = count === 0 ? 0 : Math.round((100 * noise.atNight) / count);
  const parts = [
    `${count} firing${count === 1 ? '' : 's'}`,
    `${noise.perWeek.toFixed(1)} a week`,
    ...(noise.flaps > 0 ? [`${noise.flaps} flap${noise.flaps === 1 ? '' : 's'}`] : []),
    ...(noise.longestMs > 0 ? [`longest ${formatDuration(noise.longestMs)}`] : []),
    ...(noise.atNight > 0 ? [`${noise.atNight} at night (${share} %)`] : []),
    ...caveats(outcome, span),
  ];
  return parts.join(', ');
}

function caveats(
  { doubts, judgedMs, without }: Extract<BacktestOutcome, { kind: 'replayed' }>,
  span: { fromMs: number; toMs: number } | undefined,
): readonly string[] {
  const [first] = doubts;
  const shown = without.slice(0, 2).join(', ');
  return [
    ...(first === undefined
      ? []
      : [
          `inconclusive: AWS leaves ${doubts.length} moment${doubts.length === 1 ? '' : 's'} open, the first at ${timeText(first.atMs)}`,
        ]),
    ...(span !== undefined && judgedMs < span.toMs - span.fromMs
      ? [`history of ${formatDuration(judgedMs)} only`]
      : []),
    ...(without.length === 0 ? [] : [`no full history of ${shown}${without.length > 2 ? ', …' : ''}`]),
  ];
}

/** `1 -> 3 firings, 0.5 -> 1.5 pages a week, longest 6m` for a line of a plan. */
export function changeText({ before, after }: ReplayedChange): string {
  if (after === undefined) return before === undefined ? 'no history' : `${summary(before)} -> gone`;
  if (before === undefined) return `new: ${pagedSummary(after)}`;
  if (before.outcome.kind !== 'replayed' || after.outcome.kind !== 'replayed') {
    return `${summary(before)} -> ${summary(after)}`;
  }
  const [was, is] = [before.outcome.noise, after.outcome.noise];
  const pages = (result: BacktestResult) =>
    result.instance.severity === 'page' && result.outcome.kind === 'replayed'
      ? result.outcome.noise.perWeek.toFixed(1)
      : '0.0';
  const doPage = [before, after].some(({ instance }) => instance.severity === 'page');
  return [
    `${was.firings} -> ${is.firings} firings`,
    ...(doPage ? [`${pages(before)} -> ${pages(after)} pages a week`] : []),
    ...(is.longestMs > 0 ? [`longest ${formatDuration(is.longestMs)}`] : []),
    ...(is.atNight > 0 ? [`${is.atNight} at night`] : []),
    ...caveats(after.outcome, undefined),
  ].join(', ');
}

function pagedSummary(result: BacktestResult): string {
  const { outcome, instance } = result;
  const text = summary(result);
  return instance.severity === 'page' && outcome.kind === 'replayed'
    ? text.replace(' a week', ' pages a week')
    : text;
}
