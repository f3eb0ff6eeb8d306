import { isObject } from '../../core/json.ts';
import type { Reply } from '../http-exchange.ts';
import type { WorldPoint, WorldSeries } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue, readDimensions, seriesKey } from './cloudwatch-model.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf, readToken, type TokenPlace } from './page-token.ts';
import {
  boundedNumber,
  type Fields,
  optionalFlag,
  optionalNumber,
  optionalObjects,
  optionalText,
} from './request-fields.ts';

const MAX_QUERIES = 500;
const MAX_POINTS = 100_800;
const DAY_MS = 86_400_000;
const RECENT_MS = 3 * 3_600_000;

interface MetricQuery {
  readonly id: string;
  readonly label: string;
  readonly series: WorldSeries | undefined;
  /** Asked without dimensions: the only form a metric filter's metric has here. */
  readonly filterMetric: { readonly namespace: string; readonly metricName: string } | undefined;
  readonly metric: Pick<WorldSeries, 'namespace' | 'metricName' | 'dimensions'>;
  readonly forbidden: boolean;
  readonly stat: string;
  readonly periodS: number;
  readonly returnData: boolean;
}

interface MetricRequest {
  readonly queries: readonly MetricQuery[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly descending: boolean;
  readonly pagePoints: number;
  readonly mark: string;
  /** Where the page starts: query number, and the last timestamp already given of it (absent: none). */
  readonly start: { readonly query: number; readonly afterMs?: number };
}

interface MetricResult {
  readonly query: MetricQuery;
  readonly points: readonly WorldPoint[];
  readonly status: string;
  readonly message?: string;
}

/** Datapoints one page of the request may hold: what AWS's second quota counts. */
export function datapointsOf(context: AwsContext, fields: Fields): { count: number; recent: boolean } {
  const nowMs = context.now();
  const startMs = typeof fields.StartTime === 'number' ? fields.StartTime * 1_000 : nowMs;
  const endMs = typeof fields.EndTime === 'number' ? fields.EndTime * 1_000 : nowMs;
  const queries = Array.isArray(fields.MetricDataQueries) ? fields.MetricDataQueries : [];
  let count = 0;
  for (const query of queries) {
    const stat: unknown = isObject(query) ? query.MetricStat : undefined;
    const period = isObject(stat) && typeof stat.Period === 'number' ? stat.Period : 60;
    count += Math.max(0, Math.ceil((endMs - startMs) / (period * 1_000)));
  }
  return { count: Math.min(count, context.limits.metricPagePoints), recent: nowMs - startMs <= RECENT_MS };
}

/**
 * GetMetricData over raw series: real timestamps, newest first unless asked otherwise, an id continued on the next page
 * when a page is full, no placeholder for a minute without samples, no lists at all where there is no point.
 */
export function getMetricData(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const request = readRequest(context, caller, fields);
  const page = readPage(context, caller, request, pageSizeNow(context, caller, request));
  const results = withPartialResults(context, caller, page.results);
  return cloudWatchReply(writePage(results, page.next));
}

function readRequest(context: AwsContext, caller: Caller, fields: Fields): MetricRequest {
  const fromMs = requiredTime(fields, 'StartTime');
  const toMs = requiredTime(fields, 'EndTime');
  if (fromMs >= toMs) {
    throw invalidValue('The parameter StartTime must be less than the parameter EndTime.');
  }
  const scanBy = optionalText(fields, 'ScanBy', invalidValue) ?? 'TimestampDescending';
  if (scanBy !== 'TimestampDescending' && scanBy !== 'TimestampAscending') {
    throw invalidValue(`Expected ScanBy to be TimestampDescending or TimestampAscending, got ${scanBy}.`);
  }
  const queries = readQueries(context, caller, fields);
  const mark = markOf([caller.account, caller.region, fields.MetricDataQueries, fromMs, toMs, scanBy]);
  const pagePoints = boundedNumber(
    fields,
    'MaxDatapoints',
    { min: 1, max: MAX_POINTS, fallback: MAX_POINTS },
    invalidValue,
  );
  return {
    queries,
    fromMs: Math.floor(fromMs / 60_000) * 60_000,
    toMs,
    descending: scanBy === 'TimestampDescending',
    pagePoints: Math.min(pagePoints, context.limits.metricPagePoints),
    mark,
    start: readStart(context, optionalText(fields, 'NextToken', invalidValue), mark),
  };
}

function readStart(context: AwsContext, token: string | undefined, mark: string): MetricRequest['start'] {
  if (token === undefined) return { query: 0 };
  const fail = (why: string) => new AwsError('InvalidNextToken', why);
  const expected = { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs };
  const [query, afterMs] = readToken(token, expected, fail);
  if (typeof query !== 'number') throw fail('The specified nextToken is invalid.');
  return typeof afterMs === 'number' ? { query, afterMs } : { query };
}

function requiredTime(fields: Fields, name: string): number {
  const seconds = optionalNumber(fields, name, invalidValue);
  if (seconds === undefined) {
    throw new AwsError('MissingRequiredParameterException', `The parameter ${name} is required.`, {
      queryCode: 'MissingParameter',
    });
  }
  return Math.round(seconds * 1_000);
}

function readQueries(context: AwsContext, caller: Caller, fields: Fields): readonly MetricQuery[] {
  const raw = optionalObjects(fields, 'MetricDataQueries', invalidValue) ?? [];
  if (raw.length === 0) throw invalidValue('The parameter MetricDataQueries is required.');
  if (raw.length > MAX_QUERIES) {
    throw invalidValue(`The collection MetricDataQueries must not have a size greater than ${MAX_QUERIES}.`);
  }
  const ids = new Set<string>();
  return raw.map((query) => {
    const read = readQuery(context, caller, query);
    if (ids.has(read.id))
      throw invalidValue(`The values for parameter id in MetricDataQueries are not unique: ${read.id}.`);
    ids.add(read.id);
    return read;
  });
}

function readQuery(context: AwsContext, caller: Caller, query: Fields): MetricQuery {
  const id = optionalText(query, 'Id', invalidValue) ?? '';
  if (!/^[a-z][A-Za-z0-9_]{0,254}$/.test(id)) {
    throw invalidValue(
      `The value ${id} for parameter MetricDataQueries.member.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.`,
    );
  }
  const stat = query.MetricStat;
  if (!isObject(stat))
    throw invalidValue(`The sandbox evaluates MetricStat queries only; query ${id} has none.`);
  const metric = stat.Metric;
  if (!isObject(metric)) throw invalidValue(`The parameter Metric of query ${id} is required.`);
  const account = optionalText(query, 'AccountId', invalidValue) ?? caller.account;
  const unit = optionalText(stat, 'Unit', invalidValue);
  const metricName = optionalText(metric, 'MetricName', invalidValue) ?? '';
  const namespace = optionalText(metric, 'Namespace', invalidValue) ?? '';
  const dimensions = readDimensions(metric);
  const key = seriesKey({ account, region: caller.region, namespace, metricName, dimensions });
  return {
    id,
    label: optionalText(query, 'Label', invalidValue) ?? metricName,
    series:
      unit === undefined || unit === publishedUnit(metricName) ? seriesByKey(context).get(key) : undefined,
    metric: { namespace, metricName, dimensions },
    filterMetric: Object.keys(dimensions).length === 0 ? { namespace, metricName } : undefined,
    forbidden: account !== caller.account,
    stat: readStat(stat, id),
    periodS: readPeriod(stat, id),
    returnData: optionalFlag(query, 'ReturnData', invalidValue) ?? true,
  };
}

function readStat(stat: Fields, id: string): string {
  const name = optionalText(stat, 'Stat', invalidValue) ?? '';
  const known = /^(Average|Sum|SampleCount|Minimum|Maximum|p\d{1,2}(\.\d{1,10})?|p100)$/;
  if (!known.test(name))
    throw invalidValue(`The value ${name} for parameter Stat of query ${id} is not supported.`);
  return name;
}

function readPeriod(stat: Fields, id: string): number {
  const period = optionalNumber(stat, 'Period', invalidValue) ?? Number.NaN;
  const fits = [1, 5, 10, 20, 30].includes(period) || (period > 0 && period % 60 === 0);
  if (!fits) throw invalidValue(`Period of query ${id} must be 1, 5, 10, 20, 30 or a multiple of 60.`);
  return period;
}

/** A unit other than the published one finds nothing, as on AWS. */
function publishedUnit(metricName: string): string {
  if (metricName.endsWith('Latency')) return 'Milliseconds';
  return metricName === 'DataProcessed' ? 'Bytes' : 'Count';
}

const indexes = new WeakMap<
  readonly WorldSeries[],
  { size: number; byKey: ReadonlyMap<string, WorldSeries> }
>();

function seriesByKey({ world }: AwsContext): ReadonlyMap<string, WorldSeries> {
  const known = indexes.get(world.series);
  if (known !== undefined && known.size === world.series.length) return known.byKey;
  const byKey = new Map(world.series.map((series) => [seriesKey(series), series]));
  indexes.set(world.series, { size: world.series.length, byKey });
  return byKey;
}

function pageSizeNow(context: AwsContext, caller: Caller, request: MetricRequest): number {
  const small = context.faults.happens('partial', `small pages ${caller.account} ${caller.region}`);
  return small
    ? Math.min(request.pagePoints, 60 + Math.floor(context.faults.random('partial') * 300))
    : request.pagePoints;
}

function readPage(
  context: AwsContext,
  caller: Caller,
  request: MetricRequest,
  pagePoints: number,
): { results: readonly MetricResult[]; next: string | undefined } {
  const results: MetricResult[] = [];
  let room = pagePoints;
  for (let number = request.start.query; number < request.queries.length; number += 1) {
    const query = request.queries[number];
    if (query === undefined || !query.returnData) continue;
    if (room === 0) return { results, next: nextToken(context, request, [number]) };
    const points = pointsOf(context, caller, request, query, number);
    const given = points.length > room ? points.slice(0, room) : points;
    const last = given.at(-1);
    room -= given.length;
    if (given.length < points.length && last !== undefined) {
      results.push({ query, points: given, status: 'PartialData' });
      return { results, next: nextToken(context, request, [number, last.timestampMs]) };
    }
    results.push({ query, points: given, status: query.forbidden ? 'Forbidden' : 'Complete' });
  }
  return { results, next: undefined };
}

function nextToken(context: AwsContext, request: MetricRequest, place: TokenPlace): string {
  return makeToken(place, request.mark, context.now());
}

function pointsOf(
  context: AwsContext,
  caller: Caller,
  request: MetricRequest,
  query: MetricQuery,
  number: number,
): readonly WorldPoint[] {
  if (query.forbidden) return [];
  const nowMs = context.now();
  if (request.fromMs < nowMs - keptMs(query.periodS)) return [];
  const { fromMs, toMs, descending, start } = request;
  const points = readSeries(context, caller, query, { fromMs, toMs });
  const sign = descending ? -1 : 1;
  const sorted = points.toSorted((a, b) => sign * (a.timestampMs - b.timestampMs));
  const { afterMs } = start;
  if (number !== start.query || afterMs === undefined) return sorted;
  return sorted.filter((point) => sign * (point.timestampMs - afterMs) > 0);
}

function readSeries(
  context: AwsContext,
  caller: Caller,
  query: MetricQuery,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): readonly WorldPoint[] {
  const { series, filterMetric, stat, periodS } = query;
  const nowMs = context.now();
  if (series !== undefined) return context.world.points(series, stat, periodS, fromMs, toMs, nowMs);
  const span = { fromMs, toMs, periodMs: Math.max(60, periodS) * 1_000 };
  const published = context.publishedMetrics.points(caller, { ...query.metric, stat }, span);
  if (published !== undefined) return published;
  if (filterMetric === undefined) return [];
  return context.metricFilters.points(caller, { ...filterMetric, stat }, span, nowMs) ?? [];
}

/** How long points of a period are kept: 15 days of minutes, 63 days of five minutes, 455 days of hours. */
function keptMs(periodS: number): number {
  if (periodS < 60) return RECENT_MS;
  if (periodS % 3_600 === 0) return 455 * DAY_MS;
  return periodS % 300 === 0 ? 63 * DAY_MS : 15 * DAY_MS;
}

/**
 * The `partial` fault: one result of the page loses some or all of its points and says so. Only a result that ends on
 * this page: a later page's `Complete` would hide the loss.
 */
function withPartialResults(
  context: AwsContext,
  caller: Caller,
  results: readonly MetricResult[],
): readonly MetricResult[] {
  const ended = results.filter((result) => result.status === 'Complete');
  if (ended.length === 0) return results;
  if (!context.faults.happens('partial', `results ${caller.account} ${caller.region}`)) return results;
  const victim = ended[Math.floor(context.faults.random('partial') * ended.length)];
  return results.map((result) => (result === victim ? partialOf(context, result) : result));
}

function partialOf(context: AwsContext, result: MetricResult): MetricResult {
  if (context.faults.random('partial') < 0.5) {
    return { ...result, points: [], status: 'InternalError', message: 'An internal error has occurred.' };
  }
  const points = result.points.slice(0, Math.floor(result.points.length / 2));
  return { ...result, points, status: 'PartialData', message: 'Not all data could be read.' };
}

function writePage(results: readonly MetricResult[], next: string | undefined): string {
  const written = results.map(writeResult).join(',');
  const token = next === undefined ? '' : `,"NextToken":"${next}"`;
  return `{"MetricDataResults":[${written}]${token},"Messages":[]}`;
}

function writeResult({ query, points, status, message }: MetricResult): string {
  let timestamps = '';
  let values = '';
  for (const point of points) {
    timestamps += timestamps === '' ? point.timestampMs / 1_000 : `,${point.timestampMs / 1_000}`;
    values += values === '' ? point.value : `,${point.value}`;
  }
  const lists = points.length === 0 ? '' : `,"Timestamps":[${timestamps}],"Values":[${values}]`;
  const messages =
    message === undefined ? '' : `,"Messages":[{"Code":"${status}","Value":${JSON.stringify(message)}}]`;
  return `{"Id":"${query.id}","Label":${JSON.stringify(query.label)}${lists},"StatusCode":"${status}"${messages}}`;
}
