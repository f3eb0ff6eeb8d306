import { UserError } from '../core/errors.ts';
import { parseRule, type RuleNode } from '../evaluate/composite-rule.ts';
import type { JsonValue, Origin } from '../model/managed-resource.ts';
import { PlacedError } from './format/expressions.ts';
import { type FieldValues, isMap } from './format/layers.ts';

/** One field that cannot be right, whatever layer it came from. */
export interface FieldFault {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** Fields that an alarm on one metric has, and neither hand-written `Metrics` nor a `rule` can have beside it. */
const OF_ONE_METRIC = ['metric', 'MetricName', 'Namespace', 'Dimensions', 'Statistic', 'ExtendedStatistic'];
const GUARDS = ['min_samples', 'per_request'];

type Check = (fields: FieldValues) => FieldFault | undefined;

/** In the order in which they are told: the first fault of an alarm is the cause of the others more often than not. */
const CHECKS: readonly Check[] = [
  numberFault('Threshold', 'a number', (value) => Number.isFinite(value)),
  numberFault('EvaluationPeriods', 'a whole number from 1', isCount),
  numberFault('DatapointsToAlarm', 'a whole number from 1', isCount),
  numberFault('Period', '10, 20, 30 or a multiple of 60 up to 604800', isPeriod),
  sourceFault,
  statisticFault,
  namespaceFault,
  dimensionsFault,
  guardFault,
];

/** What is wrong with the merged fields of an alarm, expressions evaluated. Nothing is left out in silence. */
export function faultIn(fields: FieldValues): FieldFault | undefined {
  for (const check of CHECKS) {
    const fault = check(fields);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function numberFault(field: string, expected: string, fits: (value: number) => boolean): Check {
  return (fields) => {
    const value = fields[field];
    if (value === undefined || (typeof value === 'number' && fits(value))) return undefined;
    return { field, expected: `${field} to be ${expected}`, got: shown(value) };
  };
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}

function isPeriod(value: number): boolean {
  return [10, 20, 30].includes(value) || (value > 0 && value <= 604_800 && value % 60 === 0);
}

/** What is watched is said once. `rule` is not looked at: layers below a composite are made for metric alarms. */
function sourceFault(fields: FieldValues): FieldFault | undefined {
  if (fields.rule !== undefined) return undefined;
  const sources = ['metric', 'MetricName', 'Metrics'].filter((name) => fields[name] !== undefined);
  const [, second] = sources;
  if (second === undefined) return undefined;
  return {
    field: second,
    expected: 'one of metric, MetricName and Metrics',
    got: `${sources.join(' and ')}: take one away, with null where it comes from below`,
  };
}

function statisticFault({ rule, Statistic, ExtendedStatistic }: FieldValues): FieldFault | undefined {
  if (rule !== undefined || Statistic === undefined || ExtendedStatistic === undefined) return undefined;
  return {
    field: 'Statistic',
    expected: 'one of Statistic and ExtendedStatistic',
    got: `${shown(Statistic)} and ${shown(ExtendedStatistic)}: take one away, with null where it comes from below`,
  };
}

function namespaceFault({ MetricName, Namespace }: FieldValues): FieldFault | undefined {
  if ((MetricName === undefined) === (Namespace === undefined)) return undefined;
  return MetricName === undefined
    ? { field: 'Namespace', expected: 'MetricName beside Namespace', got: 'none' }
    : { field: 'MetricName', expected: 'Namespace beside MetricName', got: 'none' };
}

function dimensionsFault({ metric, Dimensions }: FieldValues): FieldFault | undefined {
  if (metric === undefined || Dimensions === undefined) return undefined;
  return {
    field: 'Dimensions',
    expected: `no Dimensions beside metric: ${shown(metric)}, which brings its own`,
    got: 'some: remove them, or write MetricName and Namespace instead of metric',
  };
}

function guardFault(fields: FieldValues): FieldFault | undefined {
  const guard = GUARDS.find((name) => fields[name] !== undefined && fields[name] !== false);
  if (guard === undefined || fields.Metrics === undefined) return undefined;
  return {
    field: guard,
    expected: `no ${guard} beside Metrics written by hand`,
    got: 'both: write the guard into the expression, IF(count >= n, value)',
  };
}

/** Fields of an alarm itself that a composite has no use for, or that only a composite has. */
export function kindFault(own: FieldValues): FieldFault | undefined {
  if (own.rule === undefined) {
    if (own.suppress === undefined || own.use !== undefined) return undefined;
    return { field: 'suppress', expected: 'suppress in an alarm with a rule', got: 'no rule' };
  }
  const useless = [...OF_ONE_METRIC, ...GUARDS, 'Metrics', 'Threshold', 'Period', 'EvaluationPeriods'].find(
    (name) => own[name] !== undefined,
  );
  if (useless === undefined) return undefined;
  return {
    field: useless,
    expected: 'an alarm with a rule, or one on a metric',
    got: `rule and ${useless}: make it two alarms`,
  };
}

function shown(value: JsonValue): string {
  if (isMap(value) || Array.isArray(value)) return 'a list or map';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** A `when` that gives anything else would leave the alarm out in silence. */
export function asBoolean(value: JsonValue, origin: Origin): boolean {
  if (typeof value === 'boolean') return value;
  throw new PlacedError(origin, {
    expected: 'when to give true or false',
    got: shown(value),
    remedy: 'compare it with something: size(each.authorizers) > 0',
  });
}

/** @throws {PlacedError} for a rule that cannot be read. */
export function readRule(rule: JsonValue, origin: Origin): RuleNode {
  try {
    return parseRule(String(rule));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [expected = '', got = ''] = error.message.replace(/^Expected /, '').split(/, got /);
    const remedy = 'write it like ALARM(server-errors) OR (ALARM(slow) AND NOT OK(other))';
    throw new PlacedError(origin, { expected, got, remedy }, error);
  }
}
