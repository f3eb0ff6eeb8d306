import type { AlarmRun } from '../testing/alarm-run.ts';

/** What an alarm would have done to the people it tells. */
export interface Noise {
  readonly firings: number;
  readonly perWeek: number;
  /** Firings that began less than ten minutes after the one before had cleared. */
  readonly flaps: number;
  readonly longestMs: number;
  readonly inAlarmMs: number;
  /** Firings between 22:00 and 06:00 UTC. */
  readonly atNight: number;
  readonly firedAtMs: readonly number[];
}

const WEEK_MS = 7 * 86_400_000;
const FLAP_MS = 10 * 60_000;

/** Firings are actions: a change that a suppressor swallowed told nobody. */
export function noiseOf(run: AlarmRun, span: { readonly fromMs: number; readonly toMs: number }): Noise {
  const firings = run.actions.filter(({ state }) => state === 'ALARM');
  const spells = firings.map(({ atMs }) => ({ fromMs: atMs, toMs: clearedAt(run, atMs) ?? span.toMs }));
  const lengths = spells.map(({ fromMs, toMs }) => toMs - fromMs);
  return {
    firings: firings.length,
    perWeek: (firings.length * WEEK_MS) / (span.toMs - span.fromMs),
    flaps: spells.filter((spell, index) => {
      const before = spells[index - 1];
      return before !== undefined && spell.fromMs - before.toMs < FLAP_MS;
    }).length,
    longestMs: Math.max(0, ...lengths),
    inAlarmMs: lengths.reduce((sum, length) => sum + length, 0),
    atNight: firings.filter(({ atMs }) => isNight(atMs)).length,
    firedAtMs: firings.map(({ atMs }) => atMs),
  };
}

function clearedAt(run: AlarmRun, afterMs: number): number | undefined {
  return run.changes.find(({ atMs, to }) => atMs > afterMs && to !== 'ALARM')?.atMs;
}

function isNight(atMs: number): boolean {
  const hour = new Date(atMs).getUTCHours();
  return hour >= 22 || hour < 6;
}
