import { z } from 'zod';
import { duration, text } from '../../core/config-fields.ts';
import { COMPARISON_OPERATORS } from '../../evaluate/comparison.ts';
import { LINT_RULE_IDS } from './lint-rule-ids.ts';

export const label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  .meta({
    description: 'A name of lower-case letters, digits and dashes, at most 63 long.',
    examples: ['server-errors'],
  });
/** `${…}` that gives the value when it is expanded. */
const expression = z
  .string()
  .regex(/^\$\{[^{}]+\}$/)
  .meta({ description: 'An expression over vars, each, set and alarm.', examples: ['$' + '{vars.limit}'] });
const number = z
  .union([z.number(), expression])
  .meta({ description: 'A number, or an expression that gives one.', examples: [5_000] });
const wholeNumber = z
  .union([z.int().min(1), expression])
  .meta({ description: 'A whole number from 1, or an expression that gives one.', examples: [3] });
export const texts = z.record(z.string(), z.string());
export const vars = z.record(
  z.string(),
  z
    .union([z.string(), z.number(), z.boolean()])
    .meta({ description: 'A text, a number, true or false.', examples: [5_000] }),
);

const actions = z
  .array(text().meta({ description: 'An ARN.', examples: ['arn:aws:sns:eu-west-1:111122223333:oncall'] }))
  .max(5);
const json: z.ZodType<unknown> = z.json();

/** Properties of AWS::CloudWatch::Alarm that an alarm may set, under CloudFormation's own names. */
const cloudFormation = {
  /** Instead of the name that `nameTemplate` gives. */
  AlarmName: text().optional(),
  /** Sent as it is: owner, runbook and id are then in the tags only. */
  AlarmDescription: z.string().max(1_024).optional(),
  Namespace: text().optional(),
  MetricName: text().optional(),
  Dimensions: z.array(z.strictObject({ Name: text(), Value: text() })).optional(),
  Statistic: z.enum(['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum']).optional(),
  ExtendedStatistic: z
    .string()
    .regex(/^(p(100|\d{1,2}(\.\d{1,10})?)|(tm|tc|ts|wm)\d{1,2}(\.\d+)?|IQM|(PR|TM|TC|TS|WM)\(.+\)|\$\{.+\})$/)
    .optional()
    .meta({
      description: 'A percentile or another extended statistic: p99, tm90, PR(:300), IQM.',
      examples: ['p99'],
    }),
  Period: z
    .union([z.literal([10, 20, 30]), z.int().min(60).max(604_800).multipleOf(60), expression])
    .optional()
    .meta({
      description: 'Seconds: 10, 20, 30 or a multiple of 60 up to 604800, or an expression that gives one.',
      examples: [60],
    }),
  EvaluationPeriods: wholeNumber.optional(),
  DatapointsToAlarm: wholeNumber.optional(),
  Threshold: number.optional(),
  ComparisonOperator: z.enum([...COMPARISON_OPERATORS]).optional(),
  TreatMissingData: z.enum(['missing', 'ignore', 'breaching', 'notBreaching']).optional(),
  EvaluateLowSampleCountPercentile: z.enum(['evaluate', 'ignore']).optional(),
  Metrics: z.array(z.record(z.string(), json)).max(20).optional(),
  Unit: text().optional(),
  ActionsEnabled: z.boolean().optional(),
  AlarmActions: actions.optional(),
  OKActions: actions.optional(),
  InsufficientDataActions: actions.optional(),
  WarmUpConfiguration: z
    .strictObject({ WarmUpPeriodDurationInMinutes: z.int().min(1).max(2_880) })
    .optional(),
  ActionConfiguration: z.record(z.string(), json).optional(),
  EvaluationWindow: z.record(z.string(), json).optional(),
};

/** Properties that are made from other fields, and that may differ in AWS on purpose all the same. */
const MADE = ['AlarmRule', 'ActionsSuppressor'] as const;
const propertyNames: readonly string[] = [...Object.keys(cloudFormation), ...MADE];

export const PORTABLE_METRICS = [
  'requests',
  'errors.server',
  'errors.client',
  'latency',
  'latency.integration',
  'integration.errors',
  'auth.failures',
  'auth.denials',
  'auth.latency',
  'throttles',
] as const;

const lifecycle = z.strictObject({
  prevent_destroy: z.boolean().optional(),
  ignore_changes: z.array(z.enum(propertyNames)).optional(),
  adopt: z.enum(['never', 'if-identical', 'always']).optional(),
});

/** Fields of our own, in lower case. */
const ours = {
  metric: z.enum(PORTABLE_METRICS).optional(),
  when: expression.optional(),
  enabled: z.boolean().optional(),
  severity: z.enum(['page', 'ticket', 'info']).optional(),
  min_samples: z.int().min(1).optional(),
  /** The metric's value divided by the number of requests of the same period. */
  per_request: z.boolean().optional(),
  labels: texts.optional(),
  annotations: texts.optional(),
  tags: texts.optional(),
  rule: text()
    .optional()
    .meta({ description: 'A rule over other alarms.', examples: ['ALARM(server-errors) OR ALARM(slow)'] }),
  suppress: z
    .strictObject({ by: text(), wait: duration().prefault('60s'), extension: duration().prefault('60s') })
    .optional(),
  lifecycle: lifecycle.optional(),
  /** Properties newer than this schema, sent as they are. */
  raw: z.record(z.string(), json).optional(),
  disable: z.array(z.enum(LINT_RULE_IDS)).optional(),
};

const use = text()
  .optional()
  .meta({ description: 'Id of a preset.', examples: ['apigw/latency-p99'] });

/** What may be set in layers below an alarm: everything but its identity and its preset. */
export const layer = z.strictObject({ ...cloudFormation, ...ours });

/** The fields of an alarm for some APIs; `null` takes away what a lower layer set. */
export const override = z.strictObject(
  Object.fromEntries(
    Object.entries({ ...cloudFormation, ...ours }).map(([name, schema]) => [name, schema.nullable()]),
  ),
);

export const alarm = z.strictObject({ id: label, use, ...cloudFormation, ...ours });
