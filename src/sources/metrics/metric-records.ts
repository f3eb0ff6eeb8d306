import type { MetricResult } from '../../aws/metric-data.ts';
import { sha256Id } from '../../core/hash.ts';
import type { MetricRecord, MetricSeries } from '../../model/metric-record.ts';
import type { Window } from '../../model/source-event.ts';
import { seriesKey } from './metric-series.ts';

/** Results of one series, each with the statistic it answers. */
export type StatisticResults = readonly { readonly stat: string; readonly result: MetricResult }[];

/**
 * One record for each timestamp of a series, with all the statistics that have a value there. Timestamps are
 * CloudWatch's; a point outside the window belongs to its neighbour. `revision` is 0: the journal's reader of the past
 * counts it.
 */
export function metricRecordsOf(
  series: MetricSeries,
  results: StatisticResults,
  window: Window,
  readMs: number,
): MetricRecord[] {
  const byTime = new Map<number, Record<string, number>>();
  for (const { stat, result } of results) {
    for (const { timestampMs, value } of result.points) {
      if (timestampMs < window.fromMs || timestampMs >= window.toMs) continue;
      const values = byTime.get(timestampMs) ?? {};
      byTime.set(timestampMs, values);
      values[stat] = value;
    }
  }
  const key = seriesKey(series);
  return [...byTime]
    .sort(([a], [b]) => a - b)
    .map(([eventMs, values]) => recordOf(series, key, eventMs, values, readMs));
}

function recordOf(
  series: MetricSeries,
  key: string,
  eventMs: number,
  values: Readonly<Record<string, number>>,
  readMs: number,
): MetricRecord {
  const { statistics: _, ...identity } = series;
  const recordId = sha256Id(`${key}\n${eventMs}`);
  const content = Object.entries(values)
    .map(([stat, value]) => `${stat}=${value}`)
    .sort();
  const eventId = sha256Id([recordId, ...content].join('\n'));
  return { kind: 'metric', recordId, eventId, revision: 0, ...identity, eventMs, readMs, values };
}
