import {
  DeleteMetricFilterCommand,
  DescribeMetricFiltersCommand,
  PutMetricFilterCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { Properties } from '../model/managed-resource.ts';
import type { AlarmCall, AlarmScope } from './alarm-scope.ts';
import { isTransformations, toJson, unfit } from './alarm-shapes.ts';
import { pagedListing } from './paged-listing.ts';
import { required } from './required-member.ts';

export interface DescribedFilter {
  readonly name: string;
  readonly logGroup: string;
  readonly properties: Properties;
}

/** Everybody's, of all log groups: without a group, AWS takes no name prefix. */
export function listFilters(scoped: AlarmScope, call: AlarmCall): AsyncIterable<readonly DescribedFilter[]> {
  return pagedListing('DescribeMetricFilters', async (token) => {
    const command = new DescribeMetricFiltersCommand(token === undefined ? {} : { nextToken: token });
    const note = scoped.note(call, 'DescribeMetricFilters', 'MetricFilters', 'metric filters');
    const page = await scoped.calls.send(command, (sent, options) => scoped.logs.send(sent, options), note);
    const items = (page.metricFilters ?? []).map((filter) => ({
      name: required(filter.filterName, 'filterName', 'a metric filter'),
      logGroup: required(filter.logGroupName, 'logGroupName', 'a metric filter'),
      properties: {
        filterPattern: filter.filterPattern ?? '',
        metricTransformations: toJson(filter.metricTransformations ?? []) ?? [],
      },
    }));
    return { items, next: page.nextToken };
  });
}

export async function putFilter(scoped: AlarmScope, call: AlarmCall & DescribedFilter): Promise<void> {
  const { filterPattern, metricTransformations } = call.properties;
  if (typeof filterPattern !== 'string' || !isTransformations(metricTransformations)) {
    throw unfit(call.name, 'filterPattern and metricTransformations');
  }
  const command = new PutMetricFilterCommand({
    logGroupName: call.logGroup,
    filterName: call.name,
    filterPattern,
    metricTransformations,
  });
  const note = scoped.note(call, 'PutMetricFilter', 'MetricFilters', `metric filter of ${call.logGroup}`);
  await scoped.calls.send(command, (sent, options) => scoped.logs.send(sent, options), note);
}

export async function deleteFilter(
  scoped: AlarmScope,
  call: AlarmCall & { readonly name: string; readonly logGroup: string },
): Promise<void> {
  const command = new DeleteMetricFilterCommand({ logGroupName: call.logGroup, filterName: call.name });
  const note = scoped.note(call, 'DeleteMetricFilter', 'MetricFilters', `metric filter of ${call.logGroup}`);
  await scoped.calls.send(command, (sent, options) => scoped.logs.send(sent, options), note);
}
