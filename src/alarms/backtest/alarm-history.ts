import { percentileOf } from '../../evaluate/low-samples.ts';
import { mathSeries } from '../../evaluate/math-series.ts';
import type { SeriesReader, Slot } from '../../evaluate/windows.ts';
import type { AlarmInput } from '../alarm-instance.ts';
import type { HistoryPoints } from './fetch-history.ts';
import { MINUTE_MS, PARTS, questionKey, type Reach, type Watched } from './history-questions.ts';
import type { KnownSeries } from './known-series.ts';
import { metricSeries } from './metric-series.ts';
import type { PointGrid } from './point-grid.ts';
import type { SignalHistory } from './signal-history.ts';
import { intersectSpans, type Span } from './spans.ts';

/** What CloudWatch and the journal have of the metrics that alarms read. */
export class AlarmHistory {
  readonly reach: Reach;
  readonly #points: HistoryPoints;
  readonly #signals: SignalHistory | undefined;

  constructor(reach: Reach, points: HistoryPoints, signals?: SignalHistory) {
    this.reach = reach;
    this.#points = points;
    this.#signals = signals;
  }

  /**
   * The series of an alarm, or `undefined` when one of its metrics has no history: a metric of CloudWatch that never had
   * a point may not exist, and its silence is not a quiet alarm; a signal of the log that the journal never read.
   */
  seriesFor({ account, region, model }: Watched): KnownSeries | undefined {
    const readers = new Map<string, SeriesReader>();
    let known: readonly Span[] = [{ fromMs: this.reach.readFromMs, toMs: this.reach.toMs }];
    for (const input of model.inputs) {
      const series = this.#inputSeries(account, region, input, model.settings.periodMs);
      if (series === undefined) return undefined;
      readers.set(input.id, series.reader);
      known = intersectSpans(known, series.known);
    }
    const [first] = readers.values();
    const reader = model.expression === undefined ? first : mathSeries(model.expression, readers);
    return reader === undefined || known.length === 0 ? undefined : { reader, known };
  }

  #inputSeries(
    account: string,
    region: string,
    input: AlarmInput,
    periodMs: number,
  ): KnownSeries | undefined {
    if (this.#signals?.owns(input.metric) === true) {
      return this.#signals.series({ account, region, ...input });
    }
    const at = (statistic: string, period: number, offsetMs: number): PointGrid | undefined =>
      this.#points.get(
        questionKey({ account, region, metric: input.metric, statistic, periodMs: period, offsetMs }),
      );
    const counts = at('SampleCount', MINUTE_MS, 0);
    if (counts === undefined || counts.isEmpty) return undefined;
    const [part] = PARTS[input.statistic] ?? [];
    const reader =
      part === undefined
        ? slidingReader(input.statistic, periodMs, counts, at)
        : metricSeries(input.statistic, counts, part === 'SampleCount' ? counts : at(part, MINUTE_MS, 0));
    return { reader, known: [{ fromMs: this.reach.readFromMs, toMs: this.reach.toMs }] };
  }
}

function slidingReader(
  statistic: string,
  periodMs: number,
  counts: PointGrid,
  at: (statistic: string, periodMs: number, offsetMs: number) => PointGrid | undefined,
): SeriesReader {
  const byOffset = new Map<number, PointGrid | undefined>();
  for (let offsetMs = 0; offsetMs < periodMs; offsetMs += MINUTE_MS) {
    byOffset.set(offsetMs, at(statistic, periodMs, offsetMs));
  }
  const countOf = metricSeries('SampleCount', counts, counts);
  const isPercentile = percentileOf(statistic) !== undefined;
  return {
    slot(startMs): Slot {
      const value = byOffset.get(startMs % periodMs)?.at(startMs);
      if (value === undefined) return { startMs };
      return {
        startMs,
        value,
        ...(isPercentile ? { sampleCount: countOf.slot(startMs, periodMs).value ?? 0 } : {}),
      };
    },
  };
}
