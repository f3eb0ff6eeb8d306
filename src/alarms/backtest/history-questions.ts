import type { AlarmInput, AlarmModel } from '../alarm-instance.ts';
import type { MetricRef } from '../portable-metrics.ts';
import type { Span } from './spans.ts';

export const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Minutes are kept for 15 days; the day before the last is left to what comes before the span. */
export const LONGEST_MS = 14 * DAY_MS;
/** What is asked for must not fall away while it is read. */
const KEPT_MS = 15 * DAY_MS - 3_600_000;
/** After this a point is believed not to change any more: the few that CloudWatch restates have been by then. */
export const SETTLED_MS = 900_000;

/** The time a replay is told of, and from when on its metrics are read: an alarm looks back further than the span begins. */
export interface Reach extends Span {
  readonly readFromMs: number;
}

/**
 * The newest span of this length whose points no longer change. It ends on a full hour, or on five minutes when it is
 * shorter than a day, so that the same command asks for the same again and finds it in the cache.
 */
export function reachOf(lengthMs: number, nowMs: number, leadMs: number): Reach {
  const stepMs = lengthMs >= DAY_MS ? 3_600_000 : 300_000;
  const toMs = Math.floor((nowMs - SETTLED_MS) / stepMs) * stepMs;
  const fromMs = toMs - lengthMs;
  const oldestMs = Math.ceil((nowMs - KEPT_MS) / stepMs) * stepMs;
  return { fromMs, toMs, readFromMs: Math.min(fromMs, Math.max(fromMs - leadMs, oldestMs)) };
}

/** One statistic of one metric, in windows of one length that start at one offset. */
export interface Question {
  readonly account: string;
  readonly region: string;
  readonly metric: MetricRef;
  readonly statistic: string;
  readonly periodMs: number;
  /** How far the windows start after whole periods: a percentile has to be asked for at each. */
  readonly offsetMs: number;
}

/** Statistics from which any longer window can be put together. */
export const PARTS: Readonly<Record<string, readonly string[]>> = {
  Sum: ['Sum', 'SampleCount'],
  Average: ['Sum', 'SampleCount'],
  SampleCount: ['SampleCount'],
  Minimum: ['Minimum', 'SampleCount'],
  Maximum: ['Maximum', 'SampleCount'],
};

/** A metric alarm in its account and Region. */
export interface Watched {
  readonly account: string;
  readonly region: string;
  readonly model: Extract<AlarmModel, { kind: 'metric' }>;
}

/** What has to be asked of CloudWatch to replay alarms, each thing once. Those of one metric stand together. */
export function questionsFor(
  watched: readonly Watched[],
  isElsewhere: (metric: MetricRef) => boolean,
): readonly Question[] {
  const byMetric = new Map<string, Map<string, Question>>();
  for (const { account, region, model } of watched) {
    for (const input of model.inputs) {
      if (isElsewhere(input.metric)) continue;
      for (const asked of partsOf(input, model.settings.periodMs)) {
        const question = { account, region, metric: input.metric, ...asked };
        const name = metricText(question);
        const own = byMetric.get(name) ?? new Map<string, Question>();
        byMetric.set(name, own.set(questionKey(question), question));
      }
    }
  }
  return [...byMetric.values()].flatMap((own) => [...own.values()]);
}

function partsOf(
  input: AlarmInput,
  periodMs: number,
): readonly Pick<Question, 'statistic' | 'periodMs' | 'offsetMs'>[] {
  const parts = PARTS[input.statistic];
  if (parts !== undefined) return parts.map((statistic) => ({ statistic, periodMs: MINUTE_MS, offsetMs: 0 }));
  const offsets = Array.from({ length: periodMs / MINUTE_MS }, (_, minute) => minute * MINUTE_MS);
  const counts = { statistic: 'SampleCount', periodMs: MINUTE_MS, offsetMs: 0 };
  return [...offsets.map((offsetMs) => ({ statistic: input.statistic, periodMs, offsetMs })), counts];
}

export function metricText({ account, region, metric }: Pick<Question, 'account' | 'region' | 'metric'>) {
  const dimensions = Object.entries(metric.dimensions).sort().flat().join(',');
  return [account, region, metric.namespace, metric.metricName, dimensions].join('\n');
}

export function questionKey(question: Question): string {
  const { statistic, periodMs, offsetMs } = question;
  return [metricText(question), statistic, periodMs, offsetMs].join('\n');
}

/** Starts of the windows that a question needs: the last window ends with the reach. */
export function startsOf({ periodMs, offsetMs }: Question, reach: Reach): Span {
  const first = Math.ceil((reach.readFromMs - offsetMs) / periodMs) * periodMs + offsetMs;
  return { fromMs: first, toMs: Math.max(first, reach.toMs - periodMs + MINUTE_MS) };
}
