import { isObject } from '../core/json.ts';
import type { JsonValue } from '../model/managed-resource.ts';

const LONGEST = 240;

/** `before -> after` of one property as people read it. Of a text of several lines, only the lines that differ. */
export function changeText(
  property: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): string {
  if (isLong(before) && isLong(after)) return lineChanges(before.split('\n'), after.split('\n'));
  return `${valueText(property, before)} -> ${valueText(property, after)}`;
}

function isLong(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && value.includes('\n');
}

function lineChanges(before: readonly string[], after: readonly string[]): string {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- "${line}"`);
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ "${line}"`);
  return clipped([...gone, ...come].join('  '));
}

export function valueText(property: string, value: JsonValue | undefined): string {
  if (value === undefined) return '(none)';
  if (property === 'Metrics' && Array.isArray(value)) return clipped(mathText(value));
  if (property === 'Dimensions' && Array.isArray(value)) return clipped(dimensionsText(value));
  return clipped(typeof value === 'string' ? value.replaceAll('\n', '⏎') : JSON.stringify(value));
}

function clipped(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/** `IF(count >= 20, value) with value = Average of 5XXError (ApiName=orders, Stage=prod) per 60 s, count = …`. */
function mathText(queries: readonly unknown[]): string {
  const known = queries.filter(isObject);
  const result = known.find(({ ReturnData }) => ReturnData !== false);
  const stats = known.flatMap(({ Id, MetricStat }) =>
    isObject(MetricStat) ? [`${String(Id)} = ${statText(MetricStat)}`] : [],
  );
  const expression = result?.Expression;
  return `${typeof expression === 'string' ? expression : JSON.stringify(queries)} with ${stats.join(', ')}`;
}

function statText({ Metric, Stat, Period }: Readonly<Record<string, unknown>>): string {
  const metric = isObject(Metric) ? Metric : {};
  const of = Array.isArray(metric.Dimensions) ? dimensionsText(metric.Dimensions) : '';
  return `${String(Stat)} of ${String(metric.MetricName)}${of === '' ? '' : ` (${of})`} per ${String(Period)} s`;
}

function dimensionsText(dimensions: readonly unknown[]): string {
  return dimensions
    .filter(isObject)
    .map(({ Name, Value }) => `${String(Name)}=${String(Value)}`)
    .join(', ');
}
