import { formatDuration } from '../../core/duration.ts';
import type { Properties } from '../../model/managed-resource.ts';
import type { StateChange } from './state-change.ts';
import { type WatchedMetric, wordsOf } from './watched-metric.ts';

export interface ReasonInput {
  readonly change: StateChange;
  /** As the alarm is described now; absent when it was deleted. */
  readonly properties: Properties | undefined;
  /** Absent for composites. */
  readonly metric: WatchedMetric | undefined;
  /** `orders/prod`; empty when nothing tells. */
  readonly place: string;
}

const LONGEST = 500;

/**
 * Why a state changed, in one plain sentence, such as `P99 latency of orders/prod was 6.2 s, above 5 s, in 3 of 3 periods
 * of 5 minutes`. CloudWatch's own words where it did not say enough to make one.
 */
export function reasonSentence(input: ReasonInput): string {
  return (
    compositeSentence(input.change) ??
    silenceSentence(input) ??
    measuredSentence(input) ??
    ownWords(input.change)
  );
}

/** A composite names the alarms that made it change by their ARNs. */
function compositeSentence({ reason, toState }: StateChange): string | undefined {
  const names = alarmsNamedIn(reason);
  if (names.length === 0) return undefined;
  const well = names.length === 1 ? 'is well' : 'are well';
  const what = { ALARM: 'fired', OK: well, INSUFFICIENT_DATA: 'changed' };
  return `${names.join(' and ')} ${what[toState]}`;
}

/** Names of the alarms whose ARNs stand in a text. */
export function alarmsNamedIn(text: string): readonly string[] {
  const found = [
    ...text.matchAll(/arn:aws[\w-]*:cloudwatch:[\w-]*:\d*:alarm:(.+?)(?= transitioned|, arn:|$)/g),
  ];
  return found.flatMap(([, name]) => (name === undefined ? [] : [name]));
}

function silenceSentence({ change, metric, place }: ReasonInput): string | undefined {
  if (metric === undefined || change.points.length > 0) return undefined;
  const saysSo = change.toState === 'INSUFFICIENT_DATA' || /no datapoints/i.test(change.reason);
  if (!saysSo) return undefined;
  const counts = {
    INSUFFICIENT_DATA: ': nothing to judge',
    ALARM: ', which counts as firing',
    OK: ', which counts as being well',
  };
  return `${subjectOf(metric, place)} had no data${counts[change.toState]}`;
}

function measuredSentence({ change, properties, metric, place }: ReasonInput): string | undefined {
  const { points, threshold, toState } = change;
  const operator = properties?.ComparisonOperator;
  const comparison = typeof operator === 'string' ? COMPARISONS[operator] : undefined;
  if (metric === undefined || comparison === undefined || threshold === undefined) return undefined;
  const isAlarm = toState === 'ALARM';
  const counted = points.filter((value) => comparison.breaches(value, threshold) === isAlarm);
  if (counted.length === 0 || toState === 'INSUFFICIENT_DATA') return undefined;
  const worst = comparison.isUpper ? Math.max(...counted) : Math.min(...counted);
  const differ = counted.some((value) => value !== worst);
  const reach = `${isPlural(metric) ? 'were' : 'was'}${differ ? (comparison.isUpper ? ' up to' : ' down to') : ''}`;
  const limit = `${isAlarm ? '' : 'not '}${comparison.words} ${amount(threshold, metric)}`;
  const periods = `${counted.length} of ${points.length} period${points.length === 1 ? '' : 's'}`;
  const length = spell(change.periodS ?? metric.periodS);
  return `${subjectOf(metric, place)} ${reach} ${amount(worst, metric)}, ${limit}, in ${periods} of ${length}`;
}

interface Comparison {
  readonly words: string;
  readonly isUpper: boolean;
  readonly breaches: (value: number, threshold: number) => boolean;
}

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  GreaterThanThreshold: { words: 'above', isUpper: true, breaches: (value, limit) => value > limit },
  GreaterThanOrEqualToThreshold: {
    words: 'at or above',
    isUpper: true,
    breaches: (value, limit) => value >= limit,
  },
  LessThanThreshold: { words: 'below', isUpper: false, breaches: (value, limit) => value < limit },
  LessThanOrEqualToThreshold: {
    words: 'at or below',
    isUpper: false,
    breaches: (value, limit) => value <= limit,
  },
};

function subjectOf(metric: WatchedMetric, place: string): string {
  const { name } = wordsOf(metric);
  const what = metric.isShare ? `Share of ${name}` : `${statisticWord(metric)}${name}`;
  return capital(place === '' ? what : `${what} of ${place}`);
}

/** Sums of errors are many, their average or share is one. */
function isPlural(metric: WatchedMetric): boolean {
  return !metric.isShare && statisticWord(metric) === '' && wordsOf(metric).name.endsWith('s');
}

/** The sum of a count is the count itself. */
function statisticWord({ statistic }: WatchedMetric): string {
  if (/^p\d/.test(statistic)) return `${statistic.toUpperCase()} `;
  const words: Readonly<Record<string, string>> = {
    Average: 'average ',
    Maximum: 'highest ',
    Minimum: 'lowest ',
  };
  return words[statistic] ?? '';
}

/** Latencies in milliseconds or seconds, shares in percent, everything else as it is. */
function amount(value: number, metric: WatchedMetric): string {
  if (metric.isShare) return `${short(value * 100)} %`;
  if (!/latency$/i.test(wordsOf(metric).name) || metric.statistic === 'SampleCount') return short(value);
  return Math.abs(value) >= 1_000 ? `${short(value / 1_000)} s` : `${short(value)} ms`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function spell(seconds: number): string {
  if (seconds % 60 !== 0) return formatDuration(seconds * 1_000);
  return seconds === 60 ? '1 minute' : `${seconds / 60} minutes`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function ownWords({ reason, summary }: StateChange): string {
  const text = (reason === '' ? summary : reason).replaceAll(/\s+/g, ' ').trim();
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
