import type { Reply } from '../http-exchange.ts';
import { AwsError } from './aws-errors.ts';
import type { Caller } from './caller.ts';
import { termMatcher } from './filter-pattern.ts';
import { jsonPattern, stepsOf, valueAt } from './json-filter-pattern.ts';
import { classOf, invalidParameter, logsReply, readGroup } from './logs-model.ts';
import type { StoredFilter } from './metric-filter-store.ts';
import type { AwsContext } from './operation.ts';
import { type Fields, optionalNumber, optionalObjects, optionalText } from './request-fields.ts';
import { spacePattern } from './space-filter-pattern.ts';

export function putMetricFilter(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const group = readGroup(context, caller, fields);
  // Which error AWS gives is not published; this is the one that its list of errors has for it.
  if (classOf(context, group) !== 'STANDARD') {
    throw new AwsError(
      'InvalidOperationException',
      'Metric filters are supported for log groups of the Standard class only.',
    );
  }
  const name = optionalText(fields, 'filterName', invalidParameter) ?? '';
  if (!/^[^:*]{1,512}$/.test(name)) throw invalidParameter(`Invalid filterName: ${name}`);
  const pattern = optionalText(fields, 'filterPattern', invalidParameter);
  if (pattern === undefined || pattern.length > 1_024) throw invalidParameter('Invalid filterPattern.');
  const [transformation, ...more] = optionalObjects(fields, 'metricTransformations', invalidParameter) ?? [];
  if (transformation === undefined || more.length > 0) {
    throw invalidParameter('Exactly one of metricTransformations must be given.');
  }
  for (const member of ['metricName', 'metricNamespace']) {
    const value = requiredText(transformation, member);
    if (!/^[^:*$]{1,255}$/.test(value)) throw invalidParameter(`Invalid ${member}: ${value}`);
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
    valueOf: valueReader(pattern, requiredText(transformation, 'metricValue')),
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

/** Counts a line that fits as the metric value says: a fixed number, or a number of the line itself. */
function valueReader(pattern: string, metricValue: string): (message: string) => number | undefined {
  const fits = matcherOf(pattern);
  const read = metricValue.startsWith('$') ? numberReader(stepsOf(metricValue)) : () => Number(metricValue);
  return (message) => (fits(message) ? read(message) : undefined);
}

function numberReader(steps: readonly string[]): (message: string) => number | undefined {
  return (message) => {
    try {
      const value = valueAt(JSON.parse(message), steps);
      return typeof value === 'number' ? value : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  };
}
