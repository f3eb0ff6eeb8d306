import type { DesiredResource, JsonValue, ObservedResource } from '../model/managed-resource.ts';
import type { Change } from '../plan/plan-changes.ts';
import type { AlarmPlan } from './plan-alarms.ts';

/** Dollars a month. List prices of us-east-1 from third-party pages: UNVERIFIED, so they are settings. */
export interface AlarmPrices {
  /** One metric that a standard alarm reads. */
  readonly alarmMetric: number;
  /** The same with a period below a minute. */
  readonly highResolutionMetric: number;
  readonly composite: number;
  /** The metric that a metric filter publishes. */
  readonly customMetric: number;
}

export const UNVERIFIED_ALARM_PRICES: AlarmPrices = {
  alarmMetric: 0.1,
  highResolutionMetric: 0.3,
  composite: 0.5,
  customMetric: 0.3,
};

/** What one resource costs a month. Whether a math alarm is billed for each metric it reads is not confirmed; it is assumed. */
export function monthlyPrice(
  resource: Pick<DesiredResource | ObservedResource, 'key' | 'properties'>,
  prices: AlarmPrices,
): number {
  switch (resource.key.type) {
    case 'composite_alarm':
      return prices.composite;
    case 'metric_filter':
      return prices.customMetric;
    case 'mute_rule':
      return 0;
    case 'metric_alarm': {
      const { Metrics, Period } = resource.properties;
      const read = Array.isArray(Metrics) ? Metrics.filter(readsMetric).length : 1;
      const isFast = typeof Period === 'number' && Period < 60;
      return read * (isFast ? prices.highResolutionMetric : prices.alarmMetric);
    }
  }
}

function readsMetric(query: JsonValue): boolean {
  return typeof query === 'object' && query !== null && 'MetricStat' in query;
}

/** Difference that one change makes to the monthly bill. */
export function priceOfChange(change: Change, prices: AlarmPrices): number {
  switch (change.verb) {
    case 'create':
      return monthlyPrice({ key: change.desired.key, properties: change.properties }, prices);
    case 'update':
    case 'adopt':
    case 'replace': {
      const after = monthlyPrice({ key: change.desired.key, properties: change.properties }, prices);
      return change.verb === 'adopt' ? after : after - monthlyPrice(change.observed, prices);
    }
    case 'delete':
      return -monthlyPrice(change.observed, prices);
    case 'conflict':
    case 'withheld':
      return 0;
  }
}

/** Dollars a month for everything of the workspace, as it is and once a plan is applied. */
export function monthlyTotals(
  { owned, changes }: Pick<AlarmPlan, 'owned' | 'changes'>,
  prices: AlarmPrices,
): { readonly before: number; readonly after: number } {
  const before = owned.reduce((sum, resource) => sum + monthlyPrice(resource, prices), 0);
  return { before, after: before + changes.reduce((sum, change) => sum + priceOfChange(change, prices), 0) };
}
