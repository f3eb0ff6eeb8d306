import { percentileOf } from './low-samples.ts';

/** Minute totals of one metric; a minute without data is absent. Starts are whole minutes, milliseconds. */
export interface MinuteStatistics {
  readonly sum: number;
  readonly sampleCount: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** One place of an evaluation range, `[startMs, startMs + period)`. */
export interface Slot {
  readonly startMs: number;
  /** Absent: nothing was published. */
  readonly value?: number;
  /** Samples behind the value, where known: decides on percentiles with few samples. */
  readonly sampleCount?: number;
}

/** What an evaluator asks of a metric: one statistic over one span that starts anywhere on a whole minute. */
export interface SeriesReader {
  slot(startMs: number, periodMs: number): Slot;
}

const MINUTE_MS = 60_000;

/**
 * Rebuilds Sum, SampleCount, Minimum, Maximum and Average (= Sum ÷ SampleCount) of any longer window from minutes, as
 * CloudWatch's sliding evaluation does. A percentile cannot be rebuilt: ask CloudWatch for each offset instead.
 */
export function seriesFromMinutes(
  minutes: ReadonlyMap<number, MinuteStatistics>,
  statistic: string,
): SeriesReader {
  const readStatistic = statisticReader(statistic);
  return {
    slot(startMs, periodMs) {
      const total = totalOver(minutes, startMs, periodMs);
      if (total === undefined) return { startMs };
      return { startMs, value: readStatistic(total), sampleCount: total.sampleCount };
    },
  };
}

/** Values already computed for the very spans that will be asked for (percentiles, recorded or fetched per offset). */
export function seriesFromSlots(slots: Iterable<Slot>): SeriesReader {
  const byStart = new Map<number, Slot>();
  for (const slot of slots) byStart.set(slot.startMs, slot);
  return { slot: (startMs) => byStart.get(startMs) ?? { startMs } };
}

function totalOver(
  minutes: ReadonlyMap<number, MinuteStatistics>,
  startMs: number,
  periodMs: number,
): MinuteStatistics | undefined {
  let total: MinuteStatistics | undefined;
  for (let atMs = startMs; atMs < startMs + periodMs; atMs += MINUTE_MS) {
    const minute = minutes.get(atMs);
    if (minute !== undefined) total = total === undefined ? minute : added(total, minute);
  }
  return total;
}

function added(one: MinuteStatistics, other: MinuteStatistics): MinuteStatistics {
  return {
    sum: one.sum + other.sum,
    sampleCount: one.sampleCount + other.sampleCount,
    minimum: Math.min(one.minimum, other.minimum),
    maximum: Math.max(one.maximum, other.maximum),
  };
}

function statisticReader(statistic: string): (total: MinuteStatistics) => number {
  switch (statistic) {
    case 'Sum':
      return (total) => total.sum;
    case 'SampleCount':
      return (total) => total.sampleCount;
    case 'Minimum':
      return (total) => total.minimum;
    case 'Maximum':
      return (total) => total.maximum;
    case 'Average':
      return (total) => total.sum / total.sampleCount;
    default:
      throw new RangeError(
        `Expected one of Sum, SampleCount, Minimum, Maximum, Average to rebuild from minutes, got ${statistic}` +
          (percentileOf(statistic) === undefined
            ? ''
            : '. A percentile of a longer window has to be read from CloudWatch for each offset'),
      );
  }
}
