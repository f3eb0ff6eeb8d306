import { percentileOf } from '../../evaluate/low-samples.ts';
import { statisticOf } from '../metric-points.ts';
import type { WorldPoint, WorldSeries } from '../world.ts';
import type { Caller } from './caller.ts';
import { seriesKey } from './cloudwatch-model.ts';

const MINUTE_MS = 60_000;

type Place = Pick<Caller, 'account' | 'region'>;
type Metric = Pick<WorldSeries, 'namespace' | 'metricName' | 'dimensions'>;

/** Metrics that somebody sent with PutMetricData: what is sent for one minute more than once adds up, as on AWS. */
export class PublishedMetrics {
  readonly #series = new Map<
    string,
    { readonly series: WorldSeries; readonly minutes: Map<number, number[]> }
  >();

  add(series: WorldSeries, atMs: number, values: readonly number[]): void {
    const key = seriesKey(series);
    const known = this.#series.get(key) ?? { series, minutes: new Map<number, number[]>() };
    this.#series.set(key, known);
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    const minute = known.minutes.get(minuteMs) ?? [];
    known.minutes.set(minuteMs, minute);
    for (const value of values) minute.push(value);
  }

  all(): readonly WorldSeries[] {
    return [...this.#series.values()].map(({ series }) => series);
  }

  /** Undefined when nobody has published such a metric. */
  points(
    place: Place,
    { stat, ...metric }: Metric & { readonly stat: string },
    span: { readonly fromMs: number; readonly toMs: number; readonly periodMs: number },
  ): readonly WorldPoint[] | undefined {
    const found = this.#series.get(seriesKey({ ...metric, account: place.account, region: place.region }));
    if (found === undefined) return undefined;
    const points: WorldPoint[] = [];
    for (let atMs = span.fromMs; atMs < span.toMs; atMs += span.periodMs) {
      const values: number[] = [];
      for (let minuteMs = atMs; minuteMs < atMs + span.periodMs; minuteMs += MINUTE_MS) {
        for (const value of found.minutes.get(minuteMs) ?? []) values.push(value);
      }
      if (values.length === 0) continue;
      const isOrdered = percentileOf(stat) !== undefined || stat === 'Minimum' || stat === 'Maximum';
      const sorted = isOrdered ? values.sort((one, other) => one - other) : values;
      points.push({ timestampMs: atMs, value: statisticOf(stat)(sorted) });
    }
    return points;
  }
}
