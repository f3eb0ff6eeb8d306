import type { Reply } from '../http-exchange.ts';
import type { Caller } from './caller.ts';
import { cloudWatchReply, invalidValue, readDimensions } from './cloudwatch-model.ts';
import type { AwsContext } from './operation.ts';
import { type Fields, optionalNumber, optionalObjects, optionalText } from './request-fields.ts';

const OLDEST_MS = 14 * 86_400_000;
const NEWEST_MS = 2 * 3_600_000;
const MAX_DATA = 1_000;
const MAX_VALUES = 150;

/** PutMetricData with `Value` or `Values` and `Counts`; a statistic set is not known here. */
export function putMetricData(context: AwsContext, caller: Caller, fields: Fields): Reply {
  const namespace = optionalText(fields, 'Namespace', invalidValue) ?? '';
  if (!/^[^:].{0,254}$/.test(namespace) || namespace.startsWith('AWS/')) {
    throw invalidValue('The value for parameter Namespace is invalid.');
  }
  const data = optionalObjects(fields, 'MetricData', invalidValue) ?? [];
  if (data.length === 0 || data.length > MAX_DATA) {
    throw invalidValue(`The collection MetricData must have a size of 1 to ${MAX_DATA}.`);
  }
  const nowMs = context.now();
  // Nothing is taken of a request that is wrong anywhere.
  const taken = data.map((datum) => readDatum(datum, nowMs));
  const { account, region } = caller;
  for (const { metricName, dimensions, atMs, values } of taken) {
    context.publishedMetrics.add({ account, region, namespace, metricName, dimensions }, atMs, values);
  }
  return cloudWatchReply('');
}

function readDatum(datum: Fields, nowMs: number) {
  const metricName = optionalText(datum, 'MetricName', invalidValue) ?? '';
  if (metricName === '') throw invalidValue('The parameter MetricName is required.');
  const seconds = optionalNumber(datum, 'Timestamp', invalidValue);
  const atMs = seconds === undefined ? nowMs : seconds * 1_000;
  if (atMs < nowMs - OLDEST_MS || atMs > nowMs + NEWEST_MS) {
    throw invalidValue(
      'The parameter Timestamp must specify a time within the past two weeks and not in the future.',
    );
  }
  return { metricName, atMs, dimensions: readDimensions(datum), values: valuesOf(datum) };
}

function valuesOf(datum: Fields): readonly number[] {
  const value = optionalNumber(datum, 'Value', invalidValue);
  if (value !== undefined) return [value];
  const values = numbersIn(datum.Values, 'Values');
  const counts = datum.Counts === undefined ? values.map(() => 1) : numbersIn(datum.Counts, 'Counts');
  if (values.length === 0 || values.length > MAX_VALUES || counts.length !== values.length) {
    throw invalidValue(`Values must hold 1 to ${MAX_VALUES} numbers, and Counts as many.`);
  }
  return values.flatMap((one, index) => Array.from({ length: counts[index] ?? 0 }, () => one));
}

function numbersIn(value: unknown, name: string): readonly number[] {
  if (!Array.isArray(value)) throw invalidValue(`The parameter ${name} must be a list of numbers.`);
  return value.map((item: unknown) => {
    if (typeof item !== 'number' || !Number.isFinite(item))
      throw invalidValue(`${name} holds what is no number.`);
    return item;
  });
}
