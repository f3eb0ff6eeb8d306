import type { MetricQuery } from '../../aws/metric-data.ts';
import type { MetricSeries } from '../../model/metric-record.ts';
import type { Window } from '../../model/source-event.ts';
import { ceilTo, floorTo } from './metric-windows.ts';

/** GetMetricData: queries, and points over all queries, in one call. */
export const MAX_QUERIES = 500;
export const MAX_POINTS = 100_800;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Periods that CloudWatch still keeps at an age, youngest first. Beyond the last age nothing is kept. */
const RETENTION: readonly { readonly ageMs: number; readonly periodS: number }[] = [
  { ageMs: 15 * DAY_MS, periodS: 60 },
  { ageMs: 63 * DAY_MS, periodS: 300 },
  { ageMs: 455 * DAY_MS, periodS: 3_600 },
];
/** Kept clear of each edge: the edge moves while a call is under way. */
const RETENTION_MARGIN_MS = HOUR_MS;

/** All statistics of one series in one call: each statistic is a query. */
export interface SeriesQueries {
  readonly series: MetricSeries;
  readonly queries: readonly MetricQuery[];
}

export interface MetricCall extends Window {
  readonly periodS: number;
  readonly entries: readonly SeriesQueries[];
}

export interface MetricCallPlan {
  readonly calls: readonly MetricCall[];
  /** What CloudWatch no longer keeps at any period. */
  readonly gone?: Window;
  /** What it keeps in longer periods only than were asked for, each with the reason in words. */
  readonly coarser: readonly (Window & { readonly reason: string })[];
}

/**
 * The calls that read `series` over `window`. The statistics of one series are never split over calls (up to five are
 * billed as one metric in one call, and a record holds them all); an old window is read at the resolution that is still
 * kept, with `periodS` of the series raised to it.
 */
export function planMetricCalls(
  series: readonly MetricSeries[],
  window: Window,
  nowMs: number,
): MetricCallPlan {
  const { segments, gone } = byResolution(window, nowMs);
  const calls = segments.flatMap((segment) =>
    groupByPeriod(series, segment.periodS).flatMap((group) => callsOf(group, segment)),
  );
  const coarser = segments.flatMap((segment) => coarserIn(series, segment));
  return { calls, coarser, ...(gone ? { gone } : {}) };
}

/** The part of a window that was asked for in shorter periods than are kept: its points are gone, their sums are not. */
function coarserIn(
  series: readonly MetricSeries[],
  { fromMs, toMs, periodS }: Segment,
): MetricCallPlan['coarser'] {
  const asked = Math.min(...series.map((one) => one.periodS).filter((own) => own % periodS !== 0));
  if (!Number.isFinite(asked)) return [];
  const keptDays = RETENTION.find((kept) => kept.periodS % periodS !== 0 && kept.periodS <= asked)?.ageMs;
  const days = keptDays === undefined ? '' : ` ${keptDays / DAY_MS} days`;
  const reason = `CloudWatch keeps points of ${asked} s${days}: this time was read in points of ${ceilTo(asked, periodS)} s instead`;
  return [{ fromMs, toMs, reason }];
}

interface Segment extends Window {
  readonly periodS: number;
}

/** Cuts a window where the kept resolution changes; cuts lie on the hour, a multiple of every period. */
function byResolution(window: Window, nowMs: number): { segments: Segment[]; gone?: Window } {
  const segments: Segment[] = [];
  let toMs = window.toMs;
  for (const { ageMs, periodS } of RETENTION) {
    const edgeMs = ceilTo(nowMs - ageMs + RETENTION_MARGIN_MS, HOUR_MS);
    const fromMs = Math.max(window.fromMs, edgeMs);
    if (fromMs < toMs) segments.unshift({ fromMs, toMs, periodS });
    toMs = Math.min(toMs, edgeMs);
  }
  return { segments, ...(window.fromMs < toMs ? { gone: { fromMs: window.fromMs, toMs } } : {}) };
}

/** Series by the period they can be read at: their own, raised to a multiple of what is kept. */
function groupByPeriod(
  series: readonly MetricSeries[],
  keptS: number,
): { periodS: number; series: MetricSeries[] }[] {
  const groups = new Map<number, MetricSeries[]>();
  for (const one of series) {
    const periodS = ceilTo(one.periodS, keptS);
    const group = groups.get(periodS) ?? [];
    groups.set(periodS, group);
    group.push(periodS === one.periodS ? one : { ...one, periodS });
  }
  return [...groups].map(([periodS, members]) => ({ periodS, series: members }));
}

function callsOf(
  group: { periodS: number; series: readonly MetricSeries[] },
  segment: Segment,
): MetricCall[] {
  const periodMs = group.periodS * 1_000;
  const fromMs = floorTo(segment.fromMs, periodMs);
  const toMs = ceilTo(segment.toMs, periodMs);
  const mostStatistics = Math.max(1, ...group.series.map((one) => one.statistics.length));
  const spanMs = Math.max(1, Math.floor(MAX_POINTS / mostStatistics)) * periodMs;
  const calls: MetricCall[] = [];
  for (let at = fromMs; at < toMs; at += spanMs) {
    const end = Math.min(at + spanMs, toMs);
    for (const entries of packSeries(group.series, (end - at) / periodMs)) {
      calls.push({ fromMs: at, toMs: end, periodS: group.periodS, entries });
    }
  }
  return calls;
}

/** Fills calls in order; a series that no longer fits starts the next one. */
function packSeries(series: readonly MetricSeries[], pointsPerQuery: number): SeriesQueries[][] {
  const limit = Math.min(MAX_QUERIES, Math.floor(MAX_POINTS / pointsPerQuery));
  const calls: SeriesQueries[][] = [];
  let used = limit;
  for (const one of series) {
    if (used + one.statistics.length > limit) {
      calls.push([]);
      used = 0;
    }
    const call = calls.at(-1);
    call?.push({ series: one, queries: queriesOf(one, call.length) });
    used += one.statistics.length;
  }
  return calls;
}

function queriesOf(series: MetricSeries, index: number): MetricQuery[] {
  return series.statistics.map((stat, position) => ({
    id: `s${index}_${position}`,
    namespace: series.namespace,
    metricName: series.metricName,
    dimensions: series.dimensions,
    stat,
    periodS: series.periodS,
  }));
}
