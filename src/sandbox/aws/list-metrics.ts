import type { Reply } from '../http-exchange.ts';
import type { WorldSeries } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue } from './cloudwatch-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf, readToken } from './page-token.ts';
import { type Fields, optionalFlag, optionalObjects, optionalText } from './request-fields.ts';

/** `RecentlyActive=PT3H` may show series up to 50 minutes older. */
const RECENT_MS = (3 * 60 + 50) * 60_000;

/** ListMetrics: a filter on one dimension also matches series with more dimensions. */
export function listMetrics(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const { NextToken, ...rest } = fields;
  const mark = markOf([caller.account, caller.region, rest]);
  const matching = matchingSeries(context, caller, fields);
  const start = startOf(context, optionalText({ NextToken }, 'NextToken', invalidValue), mark);
  const end = start + context.limits.listMetricsPage;
  const page = matching.slice(start, end);
  const body: Record<string, unknown> = { Metrics: page.map(metricOf) };
  if (optionalFlag(fields, 'IncludeLinkedAccounts', invalidValue)) {
    body.OwningAccounts = page.map((series) => series.account);
  }
  if (end < matching.length) body.NextToken = makeToken([end], mark, context.now());
  return cloudWatchReply(JSON.stringify(body));
}

function startOf(context: AwsContext, token: string | undefined, mark: string): number {
  if (token === undefined) return 0;
  const fail = (why: string) => new AwsError('InvalidNextToken', why);
  const expected = { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs };
  const [start] = readToken(token, expected, fail);
  if (typeof start !== 'number') throw fail('The specified nextToken is invalid.');
  return start;
}

function matchingSeries(context: AwsContext, caller: Caller, fields: Fields): readonly WorldSeries[] {
  const namespace = optionalText(fields, 'Namespace', invalidValue);
  const metricName = optionalText(fields, 'MetricName', invalidValue);
  const recently = optionalText(fields, 'RecentlyActive', invalidValue);
  if (recently !== undefined && recently !== 'PT3H') {
    throw invalidValue(`Expected RecentlyActive to be PT3H, got ${recently}.`);
  }
  const dimensions = readFilters(fields);
  const { world } = context;
  const nowMs = context.now();
  return [...world.series, ...context.publishedMetrics.all()].filter(
    (series) =>
      series.account === caller.account &&
      series.region === caller.region &&
      (namespace === undefined || series.namespace === namespace) &&
      (metricName === undefined || series.metricName === metricName) &&
      dimensions.every((filter) => hasDimension(series, filter)) &&
      (recently === undefined ||
        world.points(series, 'SampleCount', 60, nowMs - RECENT_MS, nowMs, nowMs).length > 0),
  );
}

interface DimensionFilter {
  readonly name: string;
  readonly value: string | undefined;
}

function readFilters(fields: Fields): readonly DimensionFilter[] {
  const list = optionalObjects(fields, 'Dimensions', invalidValue) ?? [];
  if (list.length > 10) throw invalidValue('The collection Dimensions must not have a size greater than 10.');
  return list.map((filter) => {
    const name = optionalText(filter, 'Name', invalidValue);
    if (name === undefined) throw invalidValue('A dimension filter needs Name.');
    return { name, value: optionalText(filter, 'Value', invalidValue) };
  });
}

function hasDimension(series: WorldSeries, filter: DimensionFilter): boolean {
  const value = series.dimensions[filter.name];
  return value !== undefined && (filter.value === undefined || filter.value === value);
}

function metricOf(series: WorldSeries): Record<string, unknown> {
  return {
    Namespace: series.namespace,
    MetricName: series.metricName,
    Dimensions: Object.entries(series.dimensions).map(([Name, Value]) => ({ Name, Value })),
  };
}
