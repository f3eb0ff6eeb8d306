import { type BacktestResult, pagesPerWeek } from '../../alarms/backtest/backtest.ts';
import { formatDuration } from '../../core/duration.ts';

/** Firings of each alarm, the loudest first; what was quiet is only counted. */
export function backtestText(results: readonly BacktestResult[], before?: readonly BacktestResult[]): string {
  const earlier = new Map((before ?? []).map((result) => [result.instance.id, result]));
  const shown = results
    .filter(
      (result) => isTold(result) || differs(result, earlier.get(result.instance.id), before !== undefined),
    )
    .sort((one, other) => firings(other) - firings(one));
  const lines = shown.map((result) => line(result, earlier.get(result.instance.id), before !== undefined));
  const count = (kind: string) => results.filter(({ outcome }) => outcome.kind === kind).length;
  const quiet = results.length - shown.length;
  return `${[
    ...lines,
    ...(quiet > 0 ? [`${quiet} alarms would not have fired`] : []),
    `${count('replayed')} replayed, ${count('no_history')} without history, ${count('opaque')} that cannot be judged offline. ` +
      `${pagesPerWeek(results).toFixed(1)} pages a week${before === undefined ? '' : ` (before: ${pagesPerWeek(before).toFixed(1)})`}.`,
    'An estimate: points that were late then are there now.',
  ].join('\n')}\n`;
}

function isTold({ outcome }: BacktestResult): boolean {
  return outcome.kind !== 'replayed' || outcome.noise.firings > 0 || outcome.doubts > 0;
}

export function differs(now: BacktestResult, before: BacktestResult | undefined, compared: boolean): boolean {
  return compared && (before === undefined || summary(before) !== summary(now));
}

function firings({ outcome }: BacktestResult): number {
  return outcome.kind === 'replayed' ? outcome.noise.firings : -1;
}

function line(result: BacktestResult, before: BacktestResult | undefined, compared: boolean): string {
  const { instance, agreement } = result;
  const was = !compared ? '' : `   before: ${before === undefined ? 'not there' : summary(before)}`;
  const agreed =
    agreement === undefined
      ? ''
      : `; AWS recorded ${agreement.recorded}, ${agreement.matched} of them at the same time`;
  return `${instance.id.padEnd(46)} ${instance.severity.padEnd(7)} ${summary(result)}${agreed}${was}`;
}

/** `3 firings, 1.5 a week, 1 flap, longest 6m, 1 at night`; `no history` where there is none. */
export function summary({ outcome }: BacktestResult): string {
  if (outcome.kind === 'no_history') return 'no history';
  if (outcome.kind === 'opaque') return `cannot be judged offline: ${outcome.why}`;
  const { noise, doubts } = outcome;
  const parts = [
    `${noise.firings} firing${noise.firings === 1 ? '' : 's'}`,
    `${noise.perWeek.toFixed(1)} a week`,
    ...(noise.flaps > 0 ? [`${noise.flaps} flaps`] : []),
    ...(noise.firings > 0 ? [`longest ${formatDuration(noise.longestMs)}`] : []),
    ...(noise.atNight > 0 ? [`${noise.atNight} at night`] : []),
    ...(doubts > 0 ? [`${doubts} moments AWS leaves open`] : []),
  ];
  return parts.join(', ');
}
