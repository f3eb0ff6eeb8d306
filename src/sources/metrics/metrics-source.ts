import type { AwsClients } from '../../aws/aws-clients.ts';
import type { AwsScope } from '../../aws/aws-settings.ts';
import type { MetricDataAnswer, MetricResult } from '../../aws/metric-data.ts';
import type { Clock } from '../../core/clock.ts';
import { HeldError, IncompleteReadError, messageOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Meter } from '../../core/meter.ts';
import type { MetricRecord, MetricSeries } from '../../model/metric-record.ts';
import type { Page, Source, Urgency, Window } from '../../model/source-event.ts';
import { type MetricCall, planMetricCalls } from './metric-calls.ts';
import { metricRecordsOf } from './metric-records.ts';

export interface MetricsSourceOptions extends AwsScope {
  /** The series of this account and Region, as the inventory has them at the moment of reading. */
  readonly series: () => readonly MetricSeries[];
  readonly client: Pick<AwsClients, 'getMetricData'>;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
}

/** What a call left open: statistics to ask again, and those that only a person can open. */
interface Shortfall {
  readonly incomplete: string[];
  readonly forbidden: string[];
}

const NOT_KEPT = 'CloudWatch keeps metric points 455 days';

export function metricsUnit(scope: AwsScope): string {
  return `metrics:${scope.account}:${scope.region}`;
}

/**
 * Metric points of one account and Region. A series is yielded only when *every* statistic of it came back `Complete`,
 * so that no half-read point is taken for a settled one. Calls do not spoil each other: what was read whole is yielded
 * first, then an `IncompleteReadError` (or a `HeldError`) names the rest.
 */
export function createMetricsSource(options: MetricsSourceOptions): Source<MetricRecord> {
  return {
    unit: metricsUnit(options),
    read: (window, signal, urgency) => readWindow(options, window, signal, urgency),
  };
}

async function* readWindow(
  options: MetricsSourceOptions,
  window: Window,
  signal: AbortSignal,
  urgency: Urgency = 'live',
): AsyncIterable<Page<MetricRecord>> {
  const plan = planMetricCalls(options.series(), window, options.clock.now());
  const gone = [...(plan.gone ? [{ ...plan.gone, reason: NOT_KEPT }] : []), ...plan.coarser];
  if (gone.length > 0) yield { items: [], read: 0, bytes: 0, gone };
  const short: Shortfall = { incomplete: [], forbidden: [] };
  for (const call of plan.calls) {
    signal.throwIfAborted();
    const answer = await answerOf(options, call, { signal, urgency }, short);
    if (answer) yield pageOf(options, call, answer, window, short);
  }
  throwIfShort(options, window, short);
}

/** One call. One that failed as a whole leaves all its series open; one that a person must mend ends the reading. */
async function answerOf(
  options: MetricsSourceOptions,
  call: MetricCall,
  how: { readonly signal: AbortSignal; readonly urgency: Urgency },
  short: Shortfall,
): Promise<MetricDataAnswer | undefined> {
  const { account, region } = options;
  const queries = call.entries.flatMap((entry) => entry.queries);
  const { fromMs, toMs } = call;
  try {
    return await options.client.getMetricData({ account, region, queries, fromMs, toMs, ...how });
  } catch (error) {
    if (!(error instanceof IncompleteReadError)) throw error;
    short.incomplete.push(`${queries.length} statistics (${error.message})`);
    return undefined;
  }
}

function pageOf(
  options: MetricsSourceOptions,
  call: MetricCall,
  answer: MetricDataAnswer,
  window: Window,
  short: Shortfall,
): Page<MetricRecord> {
  report(options, answer);
  const readMs = options.clock.now();
  const byId = new Map(answer.results.map((result) => [result.id, result]));
  const items: MetricRecord[] = [];
  let read = 0;
  for (const { series, queries } of call.entries) {
    const results = queries.map(({ id, stat }) => ({ stat, result: byId.get(id) ?? unanswered(id) }));
    const open = results.filter(({ result }) => result.status !== 'complete');
    for (const { stat, result } of open) noteOpen(short, series, stat, result, answer.failure);
    if (open.length > 0) continue;
    const records = metricRecordsOf(series, results, window, readMs);
    read += records.length;
    items.push(...records);
  }
  return { items, read, bytes: 0 };
}

function unanswered(id: string): MetricResult {
  return { id, status: 'incomplete', statusCode: 'not answered', messages: [], points: [] };
}

function noteOpen(
  short: Shortfall,
  series: MetricSeries,
  stat: string,
  result: MetricResult,
  failure: Error | undefined,
): void {
  const dimensions = Object.values(series.dimensions).join('/');
  const why = [result.statusCode, ...result.messages, ...(failure ? [messageOf(failure)] : [])].join('; ');
  const name = `${series.metricName} ${stat} of ${dimensions} (${why})`;
  (result.status === 'forbidden' ? short.forbidden : short.incomplete).push(name);
}

function report(options: MetricsSourceOptions, answer: MetricDataAnswer): void {
  const { account, region } = options;
  if (answer.notFinite > 0) {
    options.meter.count('gatewatch_metric_points_not_finite_total', answer.notFinite, { account, region });
    options.logger.warn(
      { account, region, points: answer.notFinite },
      'CloudWatch gave points that are no finite number; they are left out',
    );
  }
  const remarks = [
    ...answer.messages,
    ...answer.results.filter(isRemark).flatMap(({ messages }) => messages),
  ];
  if (remarks.length > 0)
    options.logger.warn({ account, region, remarks }, 'CloudWatch had remarks on a metric read');
}

function isRemark(result: MetricResult): boolean {
  return result.status === 'complete' && result.messages.length > 0;
}

/** How many are named in a message: enough to start from, few enough to read. */
const NAMED = 5;

function throwIfShort(options: MetricsSourceOptions, window: Window, short: Shortfall): void {
  const where = `account ${options.account}, ${options.region}, window ${new Date(window.fromMs).toISOString()} to ${new Date(window.toMs).toISOString()}`;
  if (short.forbidden.length > 0) {
    throw new HeldError(
      'aws_denied',
      `CloudWatch forbids reading ${listed(short.forbidden)} (${where}): allow cloudwatch:GetMetricData there`,
    );
  }
  if (short.incomplete.length > 0) {
    throw new IncompleteReadError(
      `CloudWatch did not complete ${listed(short.incomplete)} (${where}); they are read again`,
    );
  }
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return `${names.slice(0, NAMED).join(', ')}${more}`;
}
