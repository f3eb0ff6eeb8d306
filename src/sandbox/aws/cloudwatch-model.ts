import type { Reply } from '../http-exchange.ts';
import type { WorldSeries } from '../world.ts';
import { AwsError } from './aws-errors.ts';
import { type Fields, optionalObjects, optionalText } from './request-fields.ts';

export function invalidValue(why: string): AwsError {
  return new AwsError('InvalidParameterValueException', why, { queryCode: 'InvalidParameterValue' });
}

export function cloudWatchReply(body: string): Reply {
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
}

/** A series is its exact dimension set: the order of dimensions does not matter, a dimension more does. */
export function seriesKey(series: WorldSeries): string {
  const dimensions = Object.entries(series.dimensions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return [series.account, series.region, series.namespace, series.metricName, ...dimensions].join('\n');
}

/** The `Dimensions` list of a metric. Throws on a name without a value, and on more than 30. */
export function readDimensions(metric: Fields): Readonly<Record<string, string>> {
  const list = optionalObjects(metric, 'Dimensions', invalidValue) ?? [];
  if (list.length > 30) throw invalidValue('The collection Dimensions must not have a size greater than 30.');
  const dimensions: Record<string, string> = {};
  for (const dimension of list) {
    const name = optionalText(dimension, 'Name', invalidValue);
    const value = optionalText(dimension, 'Value', invalidValue);
    if (name === undefined || value === undefined) throw invalidValue('A dimension needs Name and Value.');
    dimensions[name] = value;
  }
  return dimensions;
}
