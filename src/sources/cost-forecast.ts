import type { AwsScope } from '../aws/aws-settings.ts';
import { type QuotaName, type QuotaOverrides, quotaPerSecond } from '../aws/quotas.ts';
import type { Inventory, LogGroupRef } from '../model/inventory.ts';
import type { MetricSeries } from '../model/metric-record.ts';
import { planMetricCalls } from './metrics/metric-calls.ts';
import { planMetricWindows } from './metrics/metric-windows.ts';

const DAY_MS = 86_400_000;
const DAY_S = 86_400;
/** Statistics of one series in one call that CloudWatch bills as one metric. */
const STATISTICS_PER_BILLED_METRIC = 5;
/** One FilterLogEvents page. */
const PAGE_EVENTS = 10_000;
const PAGE_BYTES = 1_000_000;
/** Calls to list the routes, stages and authorizers of one API, when each fits one page. */
const CALLS_PER_API = 3;

export interface CostPrices {
  /** US dollars per 1,000 metrics requested from GetMetricData. */
  readonly perThousandMetrics: number;
}

/** From vendor pages; the AWS price page was not read, so every print says so. */
export const UNVERIFIED_PRICES: CostPrices = { perThousandMetrics: 0.01 };

export interface CostInput {
  readonly inventory: Pick<Inventory, 'stages'>;
  readonly series: readonly MetricSeries[];
  /** How often each source runs in a day. */
  readonly runsPerDay: { readonly metrics: number; readonly logs: number; readonly inventory: number };
  /** All in milliseconds. */
  readonly metrics: { readonly periodMs: number; readonly settleMs: number; readonly revisitMs: number };
  readonly logs: {
    /** What each hot pass reads again, because lines become readable late. */
    readonly overlapMs: number;
    readonly rereadsMs: readonly number[];
    /** Shortest span of one re-read. */
    readonly sliceMs: number;
    /** Expected events in all log groups together: more of them than fit one page cost more calls. */
    readonly eventsPerSecond: number;
    readonly bytesPerEvent: number;
  };
  readonly prices: CostPrices;
  readonly quotas: QuotaOverrides;
  readonly nowMs: number;
}

export interface OperationForecast extends AwsScope {
  readonly operation: QuotaName;
  readonly callsPerDay: number;
  /** Calls a second that AWS allows. */
  readonly quotaPerSecond: number;
  /** Part of the quota used on average, 0 to 1. */
  readonly quotaShare: number;
}

export interface CostForecast {
  readonly operations: readonly OperationForecast[];
  readonly series: number;
  readonly logGroups: number;
  /** Metrics that CloudWatch bills for one read of every series. */
  readonly billedMetricsPerRead: number;
  readonly billedMetricsPerDay: number;
  readonly dollarsPerDay: number;
  readonly dollarsPer30Days: number;
}

/** What the configured worker asks of AWS in a day and what that costs, re-reads included. Reads nothing itself. */
export function forecastCost(input: CostInput): CostForecast {
  const groups = logGroupsOf(input.inventory);
  const scopes = scopesOf([...input.inventory.stages, ...groups]);
  const billedMetricsPerRead = billedMetrics(input);
  const billedMetricsPerDay = billedMetricsPerRead * input.runsPerDay.metrics;
  const dollarsPerDay = (billedMetricsPerDay / 1_000) * input.prices.perThousandMetrics;
  return {
    operations: scopes.flatMap((scope) => operationsOf(scope, groups, input)),
    series: input.series.length,
    logGroups: groups.length,
    billedMetricsPerRead,
    billedMetricsPerDay,
    dollarsPerDay,
    dollarsPer30Days: dollarsPerDay * 30,
  };
}

/** Every log group that is read: access logs and the authorizers' logs, each once. */
export function logGroupsOf(inventory: Pick<Inventory, 'stages'>): LogGroupRef[] {
  const groups = new Map<string, LogGroupRef>();
  for (const stage of inventory.stages) {
    const own = [stage.accessLogGroup, ...Object.values(stage.authorizers).map(({ logGroup }) => logGroup)];
    for (const group of own) {
      if (group) groups.set([group.account, group.region, group.logGroup].join('\n'), group);
    }
  }
  return [...groups.values()];
}

function scopesOf(places: readonly AwsScope[]): AwsScope[] {
  const scopes = new Map(places.map(({ account, region }) => [`${account}\n${region}`, { account, region }]));
  return [...scopes.values()];
}

function isIn(scope: AwsScope): (place: AwsScope) => boolean {
  return (place) => place.account === scope.account && place.region === scope.region;
}

function operationsOf(
  scope: AwsScope,
  groups: readonly LogGroupRef[],
  input: CostInput,
): OperationForecast[] {
  const own = groups.filter(isIn(scope)).length;
  const calls: readonly (readonly [QuotaName, number])[] = [
    ['GetMetricData', metricCalls(scope, input)],
    ['FilterLogEvents', logCalls(own, groups.length, input)],
    ['ApiGatewayControlPlane', inventoryCalls(scope, input)],
    ['GetCallerIdentity', input.runsPerDay.inventory],
  ];
  return calls.map(([operation, callsPerDay]) => {
    const quota = quotaPerSecond(operation, scope.region, input.quotas);
    return {
      ...scope,
      operation,
      callsPerDay: Math.ceil(callsPerDay),
      quotaPerSecond: quota,
      quotaShare: callsPerDay / DAY_S / quota,
    };
  });
}

/** Calls of one steady read: what is new since the last one, together with what is revisited. */
function metricCalls(scope: AwsScope, input: CostInput): number {
  const { metrics, nowMs, runsPerDay } = input;
  const checkpointMs = nowMs - metrics.settleMs - DAY_MS / runsPerDay.metrics;
  const windows = planMetricWindows({ ...metrics, checkpointMs, nowMs, maxSpanMs: DAY_MS }).together;
  const series = input.series.filter(isIn(scope));
  const perRead = windows.reduce(
    (sum, window) => sum + planMetricCalls(series, window, nowMs).calls.length,
    0,
  );
  return perRead * runsPerDay.metrics;
}

/** Five statistics of a series in one call are billed as one metric; the sixth begins another. */
function billedMetrics(input: CostInput): number {
  return input.series.reduce(
    (sum, series) => sum + Math.ceil(series.statistics.length / STATISTICS_PER_BILLED_METRIC),
    0,
  );
}

/**
 * At least one call for each window of each pass, plus one for each further page that the events fill. The hot pass
 * reads its overlap again each time; every later pass reads all once more.
 */
function logCalls(own: number, all: number, input: CostInput): number {
  if (own === 0) return 0;
  const { logs, runsPerDay } = input;
  const hotSpanMs = DAY_MS / runsPerDay.logs;
  const rereadWindows = logs.rereadsMs.map((ageMs) => DAY_MS / Math.max(logs.sliceMs, ageMs / 12));
  const windows = runsPerDay.logs + rereadWindows.reduce((sum, count) => sum + count, 0);
  const timesRead = (hotSpanMs + logs.overlapMs) / hotSpanMs + logs.rereadsMs.length;
  const eventsPerPage = Math.max(1, Math.min(PAGE_EVENTS, PAGE_BYTES / logs.bytesPerEvent));
  const pages = (logs.eventsPerSecond * DAY_S * timesRead) / eventsPerPage;
  return own * windows + pages * (own / all);
}

function inventoryCalls(scope: AwsScope, input: CostInput): number {
  const apis = new Set(input.inventory.stages.filter(isIn(scope)).map(({ apiId }) => apiId));
  return input.runsPerDay.inventory * (2 + CALLS_PER_API * apis.size);
}
