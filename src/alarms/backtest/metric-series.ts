import type { SeriesReader } from '../../evaluate/windows.ts';
import { MINUTE_MS } from './history-questions.ts';
import { PointGrid } from './point-grid.ts';

/**
 * Sum, SampleCount, Average (= Sum ÷ SampleCount), Minimum or Maximum of any window of whole minutes. `values` are the
 * minutes' sums for the first three, else their extremes. A minute without samples adds nothing.
 */
export function metricSeries(
  statistic: string,
  counts: PointGrid,
  values: PointGrid | undefined,
): SeriesReader {
  if (statistic === 'Minimum' || statistic === 'Maximum') {
    return foldedSeries(counts, values, statistic === 'Minimum' ? Math.min : Math.max);
  }
  const samples = runningSums(counts);
  const sums = runningSums(values ?? new PointGrid({ fromMs: 0, toMs: 0 }, MINUTE_MS));
  // Of whole numbers a difference of running sums is exact, and a window of a day costs what one of a minute does.
  if (!samples.isExact || !sums.isExact) return dividedBy(statistic, foldedSeries(counts, values, add));
  return dividedBy(statistic, {
    slot(startMs, periodMs) {
      const sampleCount = samples.over(startMs, startMs + periodMs);
      if (sampleCount === 0) return { startMs };
      return { startMs, value: sums.over(startMs, startMs + periodMs), sampleCount };
    },
  });
}

function dividedBy(statistic: string, series: SeriesReader): SeriesReader {
  if (statistic !== 'Average') return series;
  return {
    slot(startMs, periodMs) {
      const { value, sampleCount = 0 } = series.slot(startMs, periodMs);
      return value === undefined ? { startMs } : { startMs, value: value / sampleCount, sampleCount };
    },
  };
}

function foldedSeries(
  counts: PointGrid,
  values: PointGrid | undefined,
  fold: (one: number, other: number) => number,
): SeriesReader {
  return {
    slot(startMs, periodMs) {
      let sampleCount = 0;
      let value: number | undefined;
      for (let atMs = startMs; atMs < startMs + periodMs; atMs += MINUTE_MS) {
        const samples = counts.at(atMs);
        if (samples === undefined) continue;
        sampleCount += samples;
        const own = values?.at(atMs) ?? 0;
        value = value === undefined ? own : fold(value, own);
      }
      return value === undefined ? { startMs } : { startMs, value, sampleCount };
    },
  };
}

function add(one: number, other: number): number {
  return one + other;
}

/** Several alarms read one metric. */
const known = new WeakMap<PointGrid, RunningSums>();

function runningSums(grid: PointGrid): RunningSums {
  const made = known.get(grid) ?? new RunningSums(grid);
  known.set(grid, made);
  return made;
}

/** Sums from the beginning of a grid on. */
class RunningSums {
  readonly isExact: boolean;
  readonly #fromMs: number;
  readonly #sums: Float64Array;

  constructor(grid: PointGrid) {
    const { places } = grid;
    this.#fromMs = grid.fromMs;
    this.#sums = new Float64Array(places + 1);
    let exact = true;
    for (let place = 0; place < places; place += 1) {
      const value = grid.at(this.#fromMs + place * MINUTE_MS) ?? 0;
      const sum = (this.#sums[place] ?? 0) + value;
      exact &&= Number.isSafeInteger(value) && Number.isSafeInteger(sum);
      this.#sums[place + 1] = sum;
    }
    this.isExact = exact;
  }

  over(fromMs: number, toMs: number): number {
    return this.#before(toMs) - this.#before(fromMs);
  }

  #before(atMs: number): number {
    const place = Math.round((atMs - this.#fromMs) / MINUTE_MS);
    return this.#sums[Math.min(Math.max(place, 0), this.#sums.length - 1)] ?? 0;
  }
}
