import { STANDARD_CLASS } from '../inventory/log-group-classes.ts';
import type { StageInventory } from '../model/inventory.ts';
import type { Properties } from '../model/managed-resource.ts';
import type { LogSignal, MetricRef } from './portable-metrics.ts';
import { filteredMetric, formatHas, publishedMetric, type SignalRule, signalRule } from './signal-rule.ts';
import { spacePattern } from './space-pattern.ts';

export type SignalPlan =
  | {
      readonly kind: 'filter';
      readonly logGroup: string;
      readonly properties: Properties;
      readonly metric: MetricRef;
    }
  | Refused;

/** Metric filter of a signal for one stage, or why there can be none. */
export function planSignal(signal: LogSignal, stage: StageInventory): SignalPlan {
  const { accessLogGroup, accessLogFormat, accessLogClass = STANDARD_CLASS } = stage;
  if (accessLogGroup === undefined || accessLogFormat === undefined) {
    return refused(
      `stage ${stage.apiName}/${stage.stage} writes no access log to CloudWatch Logs: turn it on`,
    );
  }
  if (accessLogClass !== STANDARD_CLASS) {
    return refused(
      `stage ${stage.apiName}/${stage.stage} logs to ${accessLogGroup.logGroup}, which is of class ${accessLogClass}, and metric ` +
        `filters take ${STANDARD_CLASS} only. A class cannot be changed: let the stage log to a new group of class ${STANDARD_CLASS}`,
    );
  }
  const fields = jsonFieldsOf(accessLogFormat);
  if (fields === undefined) return planLine(signal, stage, accessLogFormat, accessLogGroup.logGroup);
  const scoped = stageConditions(stage, fields);
  if (typeof scoped === 'string') return refused(scoped);
  const blind = blindSpot(signal, stage, fields);
  if (blind !== undefined) return refused(blind);
  const rule = signalRule(signal, (variable) => fields.has(variable));
  const made = typeof rule === 'string' ? rule : filterFor(rule, fields);
  if (typeof made === 'string') return refused(made);
  const pattern = `{ ${[...scoped, made.pattern].join(' && ')} }`;
  return filterOf({ signal, stage, logGroup: accessLogGroup.logGroup, pattern, value: made.value });
}

/** A format that is not JSON: counted where it is a line of fields, each in its place whatever the line says. */
function planLine(signal: LogSignal, stage: StageInventory, format: string, logGroup: string): SignalPlan {
  const rule = signalRule(signal, formatHas(format));
  const start = `what ${stage.apiName}/${stage.stage} logs is not JSON, and`;
  if (typeof rule === 'string') return refused(`${start} ${rule}`);
  const no = (reason: string) =>
    refused(
      `${start} ${reason}: a metric filter cannot count it for sure; let the worker publish the signal ` +
        `(alarms.publish: [${signal}] in gatewatch.yaml)`,
    );
  if (rule.kind === 'value') return no('whether a hyphen there would count as a number is not documented');
  // Two stages may share a log group: then the line itself must say whose it is.
  const made = spacePattern(format, [
    { variable: 'apiId', anyOf: [stage.apiId] },
    { variable: 'stage', anyOf: [stage.stage] },
    { variable: rule.variable, anyOf: rule.anyOf },
  ]);
  if ('reason' in made) return no(made.reason);
  return filterOf({ signal, stage, logGroup, pattern: made.pattern, value: '1' });
}

function filterOf(made: {
  readonly signal: LogSignal;
  readonly stage: StageInventory;
  readonly logGroup: string;
  readonly pattern: string;
  readonly value: string;
}): SignalPlan {
  const metric = filteredMetric({ signal: made.signal, apiId: made.stage.apiId, stage: made.stage.stage });
  return {
    kind: 'filter',
    logGroup: made.logGroup,
    metric,
    properties: {
      filterPattern: made.pattern,
      metricTransformations: [
        { metricName: metric.metricName, metricNamespace: metric.namespace, metricValue: made.value },
      ],
    },
  };
}

/** The metric the worker publishes of a signal: any format will do that has the field, for Gatewatch reads them all. */
export function publishedSignal(
  signal: LogSignal,
  stage: StageInventory,
): { readonly kind: 'published'; readonly metric: MetricRef } | Refused {
  const { apiId, apiName, accessLogFormat } = stage;
  if (stage.accessLogGroup === undefined || accessLogFormat === undefined) {
    return refused(`stage ${apiName}/${stage.stage} writes no access log to CloudWatch Logs: turn it on`);
  }
  const rule = signalRule(signal, formatHas(accessLogFormat));
  if (typeof rule === 'string') return refused(rule);
  return { kind: 'published', metric: publishedMetric({ signal, apiId, stage: stage.stage }) };
}

interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

function refused(reason: string): Refused {
  return { kind: 'refused', reason };
}

interface JsonField {
  readonly selector: string;
  readonly quoted: boolean;
}

/** Where each `$context` variable stands in a JSON format: `$.a.b`, and whether as a text. */
function jsonFieldsOf(format: string): ReadonlyMap<string, JsonField> | undefined {
  let inText = false;
  let marked = '';
  for (const piece of format.split(/(\$context\.[A-Za-z0-9_.]*[A-Za-z0-9_])/)) {
    if (piece.startsWith('$context.')) {
      marked += inText ? `\uE000q${piece.slice(9)}` : `"\uE000u${piece.slice(9)}"`;
    } else {
      marked += piece;
      if ((piece.match(/(?<!\\)"/g) ?? []).length % 2 === 1) inText = !inText;
    }
  }
  try {
    const fields = new Map<string, JsonField>();
    collect(JSON.parse(marked.replaceAll('\uE000', '\\uE000')), '$', fields);
    return fields;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function collect(value: unknown, selector: string, fields: Map<string, JsonField>): void {
  if (typeof value === 'string') {
    const match = /^\uE000([qu])([A-Za-z0-9_.]+)$/.exec(value);
    if (match?.[2] !== undefined) fields.set(match[2], { selector, quoted: match[1] === 'q' });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    // Selectors take plain names only; a field under any other name cannot be filtered on.
    if (/^[A-Za-z0-9_-]+$/.test(name)) {
      collect(inner, Array.isArray(value) ? `${selector}[${name}]` : `${selector}.${name}`, fields);
    }
  }
}

/** Variables that every line has, so that none of them is ever rendered as a hyphen. */
const ALWAYS_THERE = new Set([
  'accountId',
  'apiId',
  'dataProcessed',
  'httpMethod',
  'requestTimeEpoch',
  'responseLatency',
  'responseLength',
  'stage',
  'status',
]);

/**
 * A value that is absent is rendered as a hyphen: without quotes the line is then no JSON, and no JSON pattern matches it.
 * A request that is refused never reaches its integration, so with a bare latency of it no refusal would ever count.
 */
function blindSpot(
  signal: LogSignal,
  { apiName, stage }: StageInventory,
  fields: ReadonlyMap<string, JsonField>,
): string | undefined {
  // A line without a latency of its authorizer does not count for that latency anyway.
  const isHarmless = (variable: string) =>
    ALWAYS_THERE.has(variable) || (signal === 'auth.latency' && variable.startsWith('authorizer.'));
  const bare = [...fields].find(([variable, { quoted }]) => !quoted && !isHarmless(variable));
  if (bare === undefined) return undefined;
  return (
    `the access-log format of ${apiName}/${stage} writes $context.${bare[0]} without quotes: where there is none a line ends up ` +
    'as no JSON, and a metric filter would not count it; put the value in quotes, or let the worker publish the signal ' +
    `(alarms.publish: [${signal}] in gatewatch.yaml)`
  );
}

/** Two stages may share a log group: then the line itself must say whose it is. */
function stageConditions(
  stage: StageInventory,
  fields: ReadonlyMap<string, JsonField>,
): readonly string[] | string {
  const conditions: string[] = [];
  for (const [variable, wanted] of [
    ['apiId', stage.apiId],
    ['stage', stage.stage],
  ] as const) {
    const field = fields.get(variable);
    if (field === undefined) {
      return (
        `the access-log format of ${stage.apiName}/${stage.stage} lacks $context.${variable}: another stage may write to ` +
        'the same log group, and its lines would count here'
      );
    }
    conditions.push(`(${field.selector} = ${quoted(wanted)})`);
  }
  return conditions;
}

interface FilterParts {
  readonly pattern: string;
  readonly value: string;
}

function filterFor(rule: SignalRule, fields: ReadonlyMap<string, JsonField>): FilterParts | string {
  const field = fields.get(rule.variable);
  if (field === undefined) return `the access-log format has no $context.${rule.variable}: add it`;
  if (rule.kind === 'value') return latencyFilter(rule.variable, field);
  const isNumber = rule.variable === 'status' && !field.quoted;
  const tests = rule.anyOf.map((value) => `(${field.selector} = ${isNumber ? value : quoted(value)})`);
  return { pattern: tests.length === 1 ? (tests[0] ?? '') : `(${tests.join(' || ')})`, value: '1' };
}

function latencyFilter(variable: string, field: JsonField): FilterParts | string {
  if (field.quoted) {
    return (
      `$context.${variable} stands in quotes in the access-log format, and whether CloudWatch takes a quoted number as a ` +
      'value is not documented: let the worker publish it (alarms.publish: [auth.latency] in gatewatch.yaml)'
    );
  }
  return { pattern: `(${field.selector} >= 0)`, value: field.selector };
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
