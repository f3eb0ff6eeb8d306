import type { AlarmRun } from '../testing/alarm-run.ts';
import { intersectSpans, lengthOf, type Span } from './spans.ts';

/** What an alarm would have done to the people it tells. */
export interface Noise {
  readonly firings: number;
  readonly perWeek: number;
  /** Firings that began less than ten minutes after the one before had cleared. */
  readonly flaps: number;
  readonly longestMs: number;
  readonly inAlarmMs: number;
  /** Firings between 22:00 and 06:00 in the time zone of those who are told. */
  readonly atNight: number;
  readonly firedAtMs: readonly number[];
}

const WEEK_MS = 7 * 86_400_000;
const FLAP_MS = 10 * 60_000;

export interface NoiseSettings {
  readonly span: Span;
  /** Time in which the alarm could be judged: a week of it is what counts as a week. */
  readonly judged: readonly Span[];
  /** IANA name, `Europe/Berlin`. */
  readonly timeZone: string;
}

/** Firings are actions: a change that a suppressor swallowed told nobody. What began before the span is not one of them. */
export function noiseOf(run: AlarmRun, { span, judged, timeZone }: NoiseSettings): Noise {
  const firings = run.actions.filter(({ state, atMs }) => state === 'ALARM' && atMs >= span.fromMs);
  const spells = spellsOf(run, span);
  const isNight = nightTest(timeZone);
  const judgedMs = lengthOf(intersectSpans(judged, [span]));
  return {
    firings: firings.length,
    perWeek: judgedMs === 0 ? 0 : (firings.length * WEEK_MS) / judgedMs,
    flaps: firings.filter(({ atMs }) => {
      const clearedMs = run.changes.findLast((change) => change.atMs < atMs && change.to !== 'ALARM')?.atMs;
      const wasBefore = run.actions.some((action) => action.state === 'ALARM' && action.atMs < atMs);
      return wasBefore && clearedMs !== undefined && atMs - clearedMs < FLAP_MS;
    }).length,
    longestMs: Math.max(0, ...spells.map(({ fromMs, toMs }) => toMs - fromMs)),
    inAlarmMs: lengthOf(spells),
    atNight: firings.filter(({ atMs }) => isNight(atMs)).length,
    firedAtMs: firings.map(({ atMs }) => atMs),
  };
}

/** Time in ALARM within the span. */
function spellsOf(run: AlarmRun, span: Span): readonly Span[] {
  const all = [{ atMs: Number.NEGATIVE_INFINITY, to: run.initial }, ...run.changes];
  const spells = all.flatMap(({ atMs, to }, index) =>
    to === 'ALARM' ? [{ fromMs: atMs, toMs: all[index + 1]?.atMs ?? span.toMs }] : [],
  );
  return intersectSpans(spells, [span]);
}

function nightTest(timeZone: string): (atMs: number) => boolean {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', hourCycle: 'h23' });
  return (atMs) => {
    const hour = Number(format.format(atMs));
    return hour >= 22 || hour < 6;
  };
}
