import { percentileOf } from '../../evaluate/low-samples.ts';
import type { Reply } from '../http-exchange.ts';
import { statisticOf } from '../metric-points.ts';
import type { WorldLogGroup, WorldPoint } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { termMatcher } from './filter-pattern.ts';
import { jsonPattern, stepsOf, valueAt } from './json-filter-pattern.ts';
import { firstIndex, invalidParameter, logsReply, readGroup } from './logs-model.ts';
import type { AwsContext } from './operation.ts';
import { type Fields, optionalNumber, optionalObjects, optionalText } from './request-fields.ts';
import { spacePattern } from './space-filter-pattern.ts';

const MAX_FILTERS = 100;

interface StoredFilter {
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
  readonly fits: (message: string) => boolean;
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
    const value = filter.fits(event.message) ? metricValueOf(filter, event.message) : undefined;
    if (value !== undefined) values.push(value);
  }
  if (values.length === 0 && lines > 0 && filter.defaultValue !== undefined) return [filter.defaultValue];
  return values;
}

function metricValueOf(filter: StoredFilter, message: string): number | undefined {
  if (!filter.metricValue.startsWith('$')) return Number(filter.metricValue);
  try {
    const value = valueAt(JSON.parse(message), stepsOf(filter.metricValue));
    return typeof value === 'number' ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
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

export function putMetricFilter(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const group = readGroup(context, caller, fields);
  const name = optionalText(fields, 'filterName', invalidParameter) ?? '';
  if (!/^[^:*]{1,512}$/.test(name)) throw invalidParameter(`Invalid filterName: ${name}`);
  const pattern = optionalText(fields, 'filterPattern', invalidParameter);
  if (pattern === undefined || pattern.length > 1_024) throw invalidParameter('Invalid filterPattern.');
  const [transformation, ...more] = optionalObjects(fields, 'metricTransformations', invalidParameter) ?? [];
  if (transformation === undefined || more.length > 0) {
    throw invalidParameter('Exactly one of metricTransformations must be given.');
  }
  context.metricFilters.put({
    group,
    name,
    pattern,
    namespace: requiredText(transformation, 'metricNamespace'),
    metricName: requiredText(transformation, 'metricName'),
    metricValue: requiredText(transformation, 'metricValue'),
    defaultValue: optionalNumber(transformation, 'defaultValue', invalidParameter),
    unit: optionalText(transformation, 'unit', invalidParameter),
    createdMs: context.now(),
    fits: matcherOf(pattern),
  });
  return logsReply('');
}

function requiredText(fields: Fields, name: string): string {
  const value = optionalText(fields, name, invalidParameter);
  if (value === undefined || value === '') throw invalidParameter(`Invalid ${name}.`);
  return value;
}

function matcherOf(pattern: string): (message: string) => boolean {
  if (/^\s*\{/.test(pattern)) return jsonPattern(pattern);
  if (/^\s*\[/.test(pattern)) return spacePattern(pattern);
  return termMatcher(pattern);
}

export function describeMetricFilters(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const prefix = optionalText(fields, 'filterNamePrefix', invalidParameter) ?? '';
  const groupName = optionalText(fields, 'logGroupName', invalidParameter);
  const group = groupName === undefined ? undefined : readGroup(context, caller, fields);
  const found = [...context.metricFilters.all()]
    .filter((filter) => filter.group.account === caller.account && filter.group.region === caller.region)
    .filter((filter) => (group === undefined || filter.group === group) && filter.name.startsWith(prefix))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return logsReply(JSON.stringify({ metricFilters: found.map(describeFilter) }));
}

function describeFilter(filter: StoredFilter): Fields {
  return {
    filterName: filter.name,
    filterPattern: filter.pattern,
    logGroupName: filter.group.name,
    creationTime: filter.createdMs,
    metricTransformations: [
      {
        metricName: filter.metricName,
        metricNamespace: filter.namespace,
        metricValue: filter.metricValue,
        ...(filter.defaultValue === undefined ? {} : { defaultValue: filter.defaultValue }),
        ...(filter.unit === undefined ? {} : { unit: filter.unit }),
      },
    ],
  };
}

export function deleteMetricFilter(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const group = readGroup(context, caller, fields);
  context.metricFilters.delete(group, requiredText(fields, 'filterName'));
  return logsReply('');
}
