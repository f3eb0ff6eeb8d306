import type { AwsScope } from '../aws/aws-settings.ts';
import { type QuotaOverrides, quotaPerSecond } from '../aws/quotas.ts';
import type { LogGroupRef } from '../model/inventory.ts';
import type { MetricSeries } from '../model/metric-record.ts';
import type { Window } from '../model/source-event.ts';
import { planMetricCalls } from '../sources/metrics/metric-calls.ts';
import { LONGEST_SLICE_MS, METRIC_SPAN_MS, UNITS_AT_ONCE } from './backfill-plan.ts';

export interface BackfillForecastInput {
  readonly span: Window;
  readonly logGroups: readonly LogGroupRef[];
  readonly series: readonly MetricSeries[];
  /** Span of the first slice of log reading, milliseconds. */
  readonly sliceMs: number;
  /** Limit of the order; absent: the quota share alone. */
  readonly callsPerSecond?: number;
  /** Share of each quota that Gatewatch takes at most, 0 to 1. */
  readonly quotaShare: number;
  readonly quotas: QuotaOverrides;
  readonly dollarsPerThousandMetrics: number;
  readonly nowMs: number;
}

export interface OperationShare extends AwsScope {
  readonly operation: 'FilterLogEvents' | 'GetMetricData';
  /** At least: more where a slice holds more events than one page. */
  readonly calls: number;
  readonly quotaPerSecond: number;
  /** Part of the quota it takes while it runs, 0 to 1. */
  readonly quotaShare: number;
}

export interface BackfillForecast {
  readonly operations: readonly OperationShare[];
  readonly logGroups: number;
  readonly series: number;
  /** Metrics that CloudWatch bills. */
  readonly billedMetrics: number;
  readonly dollars: number;
  /** From calls, quota and rate limit; full pages take longer. Milliseconds. */
  readonly expectedMs: number;
  /** What CloudWatch no longer keeps of the metrics. */
  readonly gone?: Window;
  /** Longest period at which points of the span are still kept, seconds; 0 without series. */
  readonly coarsestPeriodS: number;
}

/** What one call is taken to last, milliseconds; two run at a time. */
const CALL_MS = 300;
/** Statistics of one series in one call that CloudWatch bills as one metric. */
const STATISTICS_PER_BILLED_METRIC = 5;

/** What an order asks of AWS and what that costs. Reads nothing itself: how many events there are is not known. */
export function forecastBackfill(input: BackfillForecastInput): BackfillForecast {
  const scopes = scopesOf([...input.logGroups, ...input.series]);
  const metrics = scopes.map((scope) => ({ scope, ...metricCalls(scope, input) }));
  const operations = [
    ...scopes.map((scope) => shareOf(input, scope, 'FilterLogEvents', logCalls(scope, input))),
    ...metrics.map(({ scope, calls }) => shareOf(input, scope, 'GetMetricData', calls)),
  ].filter(({ calls }) => calls > 0);
  const billedMetrics = metrics.reduce((sum, { billed }) => sum + billed, 0);
  const { gone } = planMetricCalls(input.series.slice(0, 1), input.span, input.nowMs);
  return {
    operations,
    logGroups: input.logGroups.length,
    series: input.series.length,
    billedMetrics,
    dollars: (billedMetrics / 1_000) * input.dollarsPerThousandMetrics,
    expectedMs: expectedMs(operations, input),
    coarsestPeriodS: metrics.reduce((most, { periodS }) => Math.max(most, periodS), 0),
    ...(gone !== undefined && input.series.length > 0 && { gone }),
  };
}

function scopesOf(places: readonly AwsScope[]): AwsScope[] {
  return [
    ...new Map(places.map(({ account, region }) => [`${account}\n${region}`, { account, region }])).values(),
  ];
}

function isIn(scope: AwsScope): (place: AwsScope) => boolean {
  return (place) => place.account === scope.account && place.region === scope.region;
}

/** One call for each slice of each group: slices start short and double while they bring little. */
function logCalls(scope: AwsScope, { span, logGroups, sliceMs }: BackfillForecastInput): number {
  let slices = 0;
  let lengthMs = sliceMs;
  for (let atMs = span.fromMs; atMs < span.toMs; slices += 1) {
    atMs += lengthMs;
    lengthMs = Math.min(lengthMs * 2, LONGEST_SLICE_MS);
  }
  return slices * logGroups.filter(isIn(scope)).length;
}

function metricCalls(
  scope: AwsScope,
  { span, series, nowMs }: BackfillForecastInput,
): { calls: number; billed: number; periodS: number } {
  const own = series.filter(isIn(scope));
  let calls = 0;
  let billed = 0;
  let periodS = 0;
  for (let fromMs = span.fromMs; fromMs < span.toMs; fromMs += METRIC_SPAN_MS) {
    const window = { fromMs, toMs: Math.min(fromMs + METRIC_SPAN_MS, span.toMs) };
    for (const call of planMetricCalls(own, window, nowMs).calls) {
      calls += 1;
      periodS = Math.max(periodS, call.periodS);
      for (const { queries } of call.entries)
        billed += Math.ceil(queries.length / STATISTICS_PER_BILLED_METRIC);
    }
  }
  return { calls, billed, periodS };
}

function shareOf(
  input: BackfillForecastInput,
  scope: AwsScope,
  operation: OperationShare['operation'],
  calls: number,
): OperationShare {
  const quota = quotaPerSecond(operation, scope.region, input.quotas);
  const asFastAsCallsAre = (UNITS_AT_ONCE * 1_000) / CALL_MS;
  const rate = Math.min(quota * input.quotaShare, input.callsPerSecond ?? asFastAsCallsAre, asFastAsCallsAre);
  return { ...scope, operation, calls, quotaPerSecond: quota, quotaShare: rate / quota };
}

/** The slowest of: the order's own rate over all calls, the calls themselves, and each operation's quota share. */
function expectedMs(operations: readonly OperationShare[], input: BackfillForecastInput): number {
  const calls = operations.reduce((sum, one) => sum + one.calls, 0);
  const byRate = input.callsPerSecond === undefined ? 0 : (calls / input.callsPerSecond) * 1_000;
  const byCalls = (calls * CALL_MS) / UNITS_AT_ONCE;
  const byQuota = operations.map((one) => (one.calls / (one.quotaPerSecond * input.quotaShare)) * 1_000);
  return Math.ceil(Math.max(byRate, byCalls, ...byQuota));
}
