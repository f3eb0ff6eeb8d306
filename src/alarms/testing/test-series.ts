import { UserError } from '../../core/errors.ts';
import { mathSeries } from '../../evaluate/math-series.ts';
import {
  type MinuteStatistics,
  type SeriesReader,
  type Slot,
  seriesFromMinutes,
} from '../../evaluate/windows.ts';
import type { AlarmInput, AlarmModel } from '../alarm-instance.ts';
import { PARTS } from '../backtest/history-questions.ts';
import type { Sample } from './series-notation.ts';

const MINUTE_MS = 60_000;

/** What a test or a recording says of one statistic of one metric: sample i is minute i after the start. */
export interface GivenSeries {
  /** Portable name, `latency`, or `namespace/metric`. */
  readonly series: string;
  readonly statistic: string;
  readonly samples: readonly Sample[];
}

/**
 * The series an alarm is judged on. Sums, counts and averages of longer periods are put together from minutes; of a
 * percentile, sample i is the percentile of the window that ends with minute i, because it cannot be put together.
 *
 * @throws {UserError} `series_missing` for an input without a series: an alarm on nothing would pass every test.
 */
export function readerFor(
  model: Extract<AlarmModel, { kind: 'metric' }>,
  given: readonly GivenSeries[],
): SeriesReader {
  const [first] = model.inputs;
  if (first === undefined)
    throw new UserError('series_missing', 'Expected an alarm that reads a metric, got none');
  const readers = new Map(model.inputs.map((input) => [input.id, inputReader(input, model.inputs, given)]));
  if (model.expression !== undefined) return mathSeries(model.expression, readers);
  return readers.get(first.id) ?? inputReader(first, model.inputs, given);
}

function inputReader(
  input: AlarmInput,
  all: readonly AlarmInput[],
  given: readonly GivenSeries[],
): SeriesReader {
  const found = seriesOf(input, all, given);
  const counts = countsOf(input, all, given);
  if (PARTS[input.statistic] === undefined) return percentileReader(found, counts);
  return seriesFromMinutes(minutesOf(found, counts), input.statistic);
}

export function nameOfInput(input: AlarmInput): string {
  return input.portable ?? `${input.metric.namespace}/${input.metric.metricName}`;
}

function seriesOf(input: AlarmInput, all: readonly AlarmInput[], given: readonly GivenSeries[]): GivenSeries {
  const name = nameOfInput(input);
  const exact = given.find(({ series, statistic }) => series === name && statistic === input.statistic);
  // The count of requests is the sample count of every metric that has one sample per request.
  const found = exact ?? (input.statistic === 'SampleCount' ? anyCount(all, given) : undefined);
  if (found !== undefined) return found;
  const known = given.map(({ series, statistic }) => `${series} ${statistic}`).join(', ') || 'none';
  throw new UserError(
    'series_missing',
    `Expected a series for ${name} ${input.statistic}, got ${known}: add it under input_series with stat: ${input.statistic}`,
  );
}

function anyCount(all: readonly AlarmInput[], given: readonly GivenSeries[]): GivenSeries | undefined {
  const names = new Set(all.map(nameOfInput));
  return given.find(({ series, statistic }) => names.has(series) && statistic === 'SampleCount');
}

function countsOf(
  input: AlarmInput,
  all: readonly AlarmInput[],
  given: readonly GivenSeries[],
): readonly Sample[] | undefined {
  const name = nameOfInput(input);
  const own = given.find(({ series, statistic }) => series === name && statistic === 'SampleCount');
  return (own ?? anyCount(all, given))?.samples;
}

function minutesOf(
  { statistic, samples }: GivenSeries,
  counts: readonly Sample[] | undefined,
): ReadonlyMap<number, MinuteStatistics> {
  const minutes = new Map<number, MinuteStatistics>();
  samples.forEach((sample, index) => {
    if (sample === undefined) return;
    const sampleCount = statistic === 'SampleCount' ? sample : (counts?.[index] ?? 1);
    const sum = statistic === 'Average' ? sample * sampleCount : sample;
    minutes.set(index * MINUTE_MS, { sum, sampleCount, minimum: sample, maximum: sample });
  });
  return minutes;
}

function percentileReader({ samples }: GivenSeries, counts: readonly Sample[] | undefined): SeriesReader {
  return {
    slot(startMs, periodMs): Slot {
      const last = (startMs + periodMs) / MINUTE_MS - 1;
      const value = samples[last];
      if (value === undefined) return { startMs };
      const sampleCount = counts === undefined ? undefined : sumOf(counts, startMs / MINUTE_MS, last);
      return { startMs, value, ...(sampleCount === undefined ? {} : { sampleCount }) };
    },
  };
}

function sumOf(counts: readonly Sample[], first: number, last: number): number {
  let sum = 0;
  for (let minute = Math.max(0, first); minute <= last; minute += 1) sum += counts[minute] ?? 0;
  return sum;
}

/** Minutes until the last sample of all series. */
export function lengthMs(given: readonly GivenSeries[]): number {
  return Math.max(0, ...given.map(({ samples }) => samples.length)) * MINUTE_MS;
}
