import { percentileOf } from '../../evaluate/low-samples.ts';
import type { SeriesReader } from '../../evaluate/windows.ts';
import { MINUTE_MS } from './history-questions.ts';

/** Any statistic of any window of whole minutes, from the single values of each minute. */
export function valueSeries(
  statistic: string,
  valuesAt: (minuteMs: number) => readonly number[] | undefined,
): SeriesReader {
  const fold = foldOf(statistic);
  return {
    slot(startMs, periodMs) {
      const values: number[] = [];
      for (let atMs = startMs; atMs < startMs + periodMs; atMs += MINUTE_MS) {
        for (const value of valuesAt(atMs) ?? []) values.push(value);
      }
      const value = values.length === 0 ? undefined : fold(values);
      return value === undefined ? { startMs } : { startMs, value, sampleCount: values.length };
    },
  };
}

function foldOf(statistic: string): (values: number[]) => number | undefined {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case 'SampleCount':
      return (values) => values.length;
    case 'Sum':
      return sum;
    case 'Average':
      return (values) => sum(values) / values.length;
    case 'Minimum':
      return (values) => values.reduce((least, value) => Math.min(least, value));
    case 'Maximum':
      return (values) => values.reduce((most, value) => Math.max(most, value));
    default: {
      const percent = percentileOf(statistic);
      return percent === undefined ? () => undefined : (values) => percentile(values, percent);
    }
  }
}

/** Between the two nearest ranks, by their distance. CloudWatch does not publish its own rule; it differs by little. */
function percentile(values: number[], percent: number): number {
  const sorted = values.sort((one, other) => one - other);
  const rank = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? below;
  return below + (above - below) * (rank - Math.floor(rank));
}
