import { percentileOf } from '../../evaluate/low-samples.ts';
import { statisticOf } from '../metric-points.ts';
import type { WorldLogGroup, WorldPoint } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { firstIndex } from './event-order.ts';

const MAX_FILTERS = 100;

export interface StoredFilter {
  readonly group: WorldLogGroup;
  readonly name: string;
  readonly pattern: string;
  readonly namespace: string;
  readonly metricName: string;
  /** `1`, another number, or `$.path` of the line. */
  readonly metricValue: string;
  readonly defaultValue: number | undefined;
  readonly unit: string | undefined;
  /** Filters count only what is ingested after they were made. */
  readonly createdMs: number;
  /** What a line counts for; undefined when it does not fit, or has no such number. */
  readonly valueOf: (message: string) => number | undefined;
}

/** Metric filters of all log groups, and the metrics they make. */
export class MetricFilters {
  readonly #filters = new Map<string, StoredFilter>();

  put(filter: StoredFilter): void {
    const key = keyOf(filter.group, filter.name);
    const known = this.#filters.get(key);
    if (known === undefined && this.of(filter.group).length >= MAX_FILTERS) {
      throw new AwsError('LimitExceededException', 'Resource limit exceeded.');
    }
    this.#filters.set(key, filter);
  }

  delete(group: WorldLogGroup, name: string): void {
    if (!this.#filters.delete(keyOf(group, name))) {
      throw new AwsError('ResourceNotFoundException', 'The specified metric filter does not exist.');
    }
  }

  of(group: WorldLogGroup): readonly StoredFilter[] {
    return [...this.#filters.values()].filter((filter) => filter.group === group);
  }

  all(): Iterable<StoredFilter> {
    return this.#filters.values();
  }

  /** Points of a metric that filters of this account and Region make; undefined when none does. */
  points(
    scope: Pick<Caller, 'account' | 'region'>,
    metric: { readonly namespace: string; readonly metricName: string; readonly stat: string },
    span: { readonly fromMs: number; readonly toMs: number; readonly periodMs: number },
    nowMs: number,
  ): readonly WorldPoint[] | undefined {
    const making = [...this.#filters.values()].filter(
      (filter) =>
        filter.group.account === scope.account &&
        filter.group.region === scope.region &&
        filter.namespace === metric.namespace &&
        filter.metricName === metric.metricName,
    );
    if (making.length === 0) return undefined;
    const points: WorldPoint[] = [];
    for (let atMs = span.fromMs; atMs < span.toMs; atMs += span.periodMs) {
      const values = making.flatMap((filter) => valuesOf(filter, atMs, atMs + span.periodMs, nowMs));
      const value = statistic(values, metric.stat);
      if (value !== undefined) points.push({ timestampMs: atMs, value });
    }
    return points;
  }
}

/** A line counts in the minute of its own time, once it was ingested. `defaultValue` stands in minutes with lines but no match. */
function valuesOf(filter: StoredFilter, fromMs: number, toMs: number, nowMs: number): readonly number[] {
  const { events } = filter.group;
  const values: number[] = [];
  let lines = 0;
  for (
    let index = firstIndex(events, (event) => event.timestampMs >= fromMs);
    index < events.length;
    index += 1
  ) {
    const event = events[index];
    if (event === undefined || event.timestampMs >= toMs) break;
    if (event.ingestionMs > nowMs || event.ingestionMs < filter.createdMs) continue;
    lines += 1;
    const value = filter.valueOf(event.message);
    if (value !== undefined) values.push(value);
  }
  if (values.length === 0 && lines > 0 && filter.defaultValue !== undefined) return [filter.defaultValue];
  return values;
}

function statistic(values: readonly number[], stat: string): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = percentileOf(stat) === undefined ? values : values.toSorted((one, other) => one - other);
  if (stat === 'Minimum') return Math.min(...values);
  if (stat === 'Maximum') return Math.max(...values);
  return statisticOf(stat)(sorted);
}

function keyOf(group: WorldLogGroup, name: string): string {
  return `${group.account}\n${group.region}\n${group.name}\n${name}`;
}
