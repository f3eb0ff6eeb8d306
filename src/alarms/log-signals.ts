import type { StageInventory } from '../model/inventory.ts';
import type { Properties } from '../model/managed-resource.ts';
import type { LogSignal, MetricRef } from './portable-metrics.ts';

/** Where metrics that we make from access logs are published. */
export const SIGNAL_NAMESPACE = 'Gatewatch/ApiGateway';

export type SignalPlan =
  | {
      readonly kind: 'filter';
      readonly logGroup: string;
      readonly properties: Properties;
      readonly metric: MetricRef;
    }
  | { readonly kind: 'refused'; readonly reason: string };

interface Condition {
  /** `$context` variable without `$context.`. */
  readonly variable: string;
  readonly anyOf: readonly string[];
}

/**
 * Answers of API Gateway that count as a signal, by `$context.error.responseType`. `MISSING_AUTHENTICATION_TOKEN` is none:
 * an unknown path gives it too. Source: developer guide, "Gateway response types".
 */
const RESPONSE_TYPES: Readonly<Record<Exclude<LogSignal, 'auth.latency'>, readonly string[]>> = {
  'auth.failures': ['AUTHORIZER_FAILURE', 'AUTHORIZER_CONFIGURATION_ERROR'],
  'auth.denials': [
    'UNAUTHORIZED',
    'ACCESS_DENIED',
    'EXPIRED_TOKEN',
    'INVALID_SIGNATURE',
    'INVALID_API_KEY',
    'WAF_FILTERED',
  ],
  throttles: ['THROTTLED', 'QUOTA_EXCEEDED'],
};

/** What to count where the format has no `error.responseType` (HTTP APIs do not): the status alone, where it is telling. */
const STATUSES: Partial<Readonly<Record<LogSignal, readonly string[]>>> = {
  'auth.denials': ['401', '403'],
  throttles: ['429'],
};

const LATENCY_VARIABLES = ['authorizer.latency', 'authorizer.integrationLatency'];

/** Metric filter of a signal for one stage, or why there can be none. */
export function planSignal(signal: LogSignal, stage: StageInventory): SignalPlan {
  const { accessLogGroup, accessLogFormat } = stage;
  if (accessLogGroup === undefined || accessLogFormat === undefined) {
    return refused(
      `stage ${stage.apiName}/${stage.stage} writes no access log to CloudWatch Logs: turn it on`,
    );
  }
  const fields = jsonFieldsOf(accessLogFormat);
  if (fields === undefined) {
    return refused(
      `the access-log format of ${stage.apiName}/${stage.stage} is not JSON: a metric filter cannot find its fields for sure`,
    );
  }
  const scoped = stageConditions(stage, fields);
  if (typeof scoped === 'string') return refused(scoped);
  const made = signal === 'auth.latency' ? latencyFilter(fields) : countingFilter(signal, fields);
  if (typeof made === 'string') return refused(made);
  const metric = {
    namespace: SIGNAL_NAMESPACE,
    metricName: `${signal}/${stage.apiId}/${stage.stage}`,
    dimensions: {},
  };
  return {
    kind: 'filter',
    logGroup: accessLogGroup.logGroup,
    metric,
    properties: {
      filterPattern: `{ ${[...scoped, made.pattern].join(' && ')} }`,
      metricTransformations: [
        { metricName: metric.metricName, metricNamespace: metric.namespace, metricValue: made.value },
      ],
    },
  };
}

function refused(reason: string): SignalPlan {
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

function countingFilter(
  signal: Exclude<LogSignal, 'auth.latency'>,
  fields: ReadonlyMap<string, JsonField>,
): { readonly pattern: string; readonly value: string } | string {
  const byType: Condition = { variable: 'error.responseType', anyOf: RESPONSE_TYPES[signal] };
  const byStatus: Condition = { variable: 'status', anyOf: STATUSES[signal] ?? [] };
  const found = [byType, byStatus].find(({ variable, anyOf }) => anyOf.length > 0 && fields.has(variable));
  const field = fields.get(found?.variable ?? '');
  if (found === undefined || field === undefined) {
    return 'the access-log format has no $context.error.responseType: add it, and this signal can be counted';
  }
  const tests = found.anyOf.map(
    (value) =>
      `(${field.selector} = ${found.variable === 'status' && !field.quoted ? value : quoted(value)})`,
  );
  return { pattern: tests.length === 1 ? (tests[0] ?? '') : `(${tests.join(' || ')})`, value: '1' };
}

function latencyFilter(
  fields: ReadonlyMap<string, JsonField>,
): { readonly pattern: string; readonly value: string } | string {
  const name = LATENCY_VARIABLES.find((variable) => fields.has(variable));
  const field = fields.get(name ?? '');
  if (field === undefined)
    return 'the access-log format has no $context.authorizer.latency: add it without quotes';
  if (field.quoted) {
    return (
      `$context.${name} stands in quotes in the access-log format, and whether CloudWatch takes a quoted number as a ` +
      'value is not documented: write it without quotes'
    );
  }
  return { pattern: `(${field.selector} >= 0)`, value: field.selector };
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
