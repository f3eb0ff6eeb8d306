import { type CloudWatchClient, GetMetricDataCommand, ListMetricsCommand } from '@aws-sdk/client-cloudwatch';
import { HeldError, IncompleteReadError } from '../core/errors.ts';
import type { AwsScope } from './aws-settings.ts';
import type { LimitedCalls } from './limited-calls.ts';
import {
  createMetricDataMerge,
  type MetricDataAnswer,
  type MetricDataRead,
  type MetricQuery,
  type RawMetricPage,
} from './metric-data.ts';
import { pagedListing } from './paged-listing.ts';

export interface ListedMetric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface MetricListing extends AwsScope {
  readonly namespace: string;
  readonly metricName?: string;
  readonly signal: AbortSignal;
}

/**
 * Reads every page of one GetMetricData call. A page that fails does not spoil those before it: they are in the answer,
 * with the reason in `failure`. A first page that fails throws, because then there is nothing to keep.
 */
export async function getMetricData(
  client: CloudWatchClient,
  calls: LimitedCalls,
  read: MetricDataRead,
): Promise<MetricDataAnswer> {
  const merge = createMetricDataMerge(read.queries);
  const tokens = new Set<string>();
  let token: string | undefined;
  do {
    try {
      const page = await fetchMetricPage(client, calls, read, token);
      merge.add(page);
      token = page.NextToken || undefined;
    } catch (error) {
      read.signal.throwIfAborted();
      if (token === undefined || !isReadFailure(error)) throw error;
      return merge.finish(error);
    }
    if (token !== undefined && tokens.has(token)) {
      return merge.finish(
        new IncompleteReadError('GetMetricData gave the same token twice; it is read again'),
      );
    }
    if (token !== undefined) tokens.add(token);
  } while (token !== undefined);
  return merge.finish();
}

function isReadFailure(error: unknown): error is IncompleteReadError | HeldError {
  return error instanceof IncompleteReadError || error instanceof HeldError;
}

function fetchMetricPage(
  client: CloudWatchClient,
  calls: LimitedCalls,
  read: MetricDataRead,
  token: string | undefined,
): Promise<RawMetricPage> {
  const command = new GetMetricDataCommand({
    StartTime: new Date(read.fromMs),
    EndTime: new Date(read.toMs),
    ScanBy: 'TimestampAscending',
    MetricDataQueries: read.queries.map(toDataQuery),
    ...(token === undefined ? {} : { NextToken: token }),
  });
  return calls.send(command, (sent, options) => client.send(sent, options), {
    operation: 'GetMetricData',
    quota: 'GetMetricData',
    permission: 'cloudwatch:GetMetricData',
    resource: `${read.queries.length} metric queries`,
    ...(read.urgency !== undefined && { urgency: read.urgency }),
    signal: read.signal,
  });
}

/** No `Unit`: one that differs from what was published returns nothing at all. */
function toDataQuery(query: MetricQuery) {
  return {
    Id: query.id,
    MetricStat: {
      Metric: {
        Namespace: query.namespace,
        MetricName: query.metricName,
        Dimensions: Object.entries(query.dimensions).map(([Name, Value]) => ({ Name, Value })),
      },
      Period: query.periodS,
      Stat: query.stat,
    },
    ReturnData: true,
  };
}

export function listMetrics(
  client: CloudWatchClient,
  calls: LimitedCalls,
  listing: MetricListing,
): AsyncIterable<readonly ListedMetric[]> {
  return pagedListing('ListMetrics', async (token) => {
    const command = new ListMetricsCommand({
      Namespace: listing.namespace,
      ...(listing.metricName ? { MetricName: listing.metricName } : {}),
      ...(token ? { NextToken: token } : {}),
    });
    const page = await calls.send(command, (sent, options) => client.send(sent, options), {
      operation: 'ListMetrics',
      quota: 'ListMetrics',
      permission: 'cloudwatch:ListMetrics',
      resource: `namespace ${listing.namespace}`,
      signal: listing.signal,
    });
    const items = (page.Metrics ?? []).map((metric) => ({
      namespace: metric.Namespace ?? listing.namespace,
      metricName: metric.MetricName ?? '',
      dimensions: dimensionsOf(metric.Dimensions),
    }));
    return { items, next: page.NextToken };
  });
}

function dimensionsOf(
  dimensions:
    | readonly { readonly Name?: string | undefined; readonly Value?: string | undefined }[]
    | undefined,
): Record<string, string> {
  return Object.fromEntries((dimensions ?? []).map(({ Name, Value }) => [Name ?? '', Value ?? '']));
}
