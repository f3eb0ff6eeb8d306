import { z } from 'zod';
import { duration, glob, text } from '../../core/config-fields.ts';
import { COMPARISON_OPERATORS } from '../../evaluate/comparison.ts';

/** `apiVersion` of every file but OpenSLO's. */
export const API_VERSION = 'gatewatch/v1';

const label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
/** `${…}` that gives the value when it is expanded. */
const expression = z.string().regex(/^\$\{[^{}]+\}$/);
const number = z.union([z.number(), expression]);
const wholeNumber = z.union([z.int().min(1), expression]);
const texts = z.record(z.string(), z.string());
const vars = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const metadata = z.strictObject({
  name: label,
  displayName: z.string().optional(),
  labels: texts.optional(),
  annotations: texts.optional(),
});

export const selector = z.strictObject({
  protocol: z
    .array(z.enum(['REST', 'HTTP', 'WEBSOCKET']))
    .min(1)
    .optional(),
  name: glob().optional(),
  id: text().optional(),
  stage: glob().optional(),
  region: text().optional(),
  account: text().optional(),
  tags: texts.optional(),
});

const forEach = z.strictObject({
  source: z.enum(['stages', 'routes', 'list']),
  match: selector.optional(),
  exclude: z.array(selector).optional(),
  values: z.array(z.union([z.string(), z.record(z.string(), z.string())])).optional(),
  on_empty: z.enum(['error', 'warn', 'ok']).prefault('error'),
});

const actions = z.array(text()).max(5);
const json: z.ZodType<unknown> = z.json();

/** Properties of AWS::CloudWatch::Alarm that an alarm may set, under CloudFormation's own names. */
const cloudFormation = {
  Namespace: text().optional(),
  MetricName: text().optional(),
  Dimensions: z.array(z.strictObject({ Name: text(), Value: text() })).optional(),
  Statistic: z.enum(['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum']).optional(),
  ExtendedStatistic: z
    .string()
    .regex(/^(p(100|\d{1,2}(\.\d{1,10})?)|(tm|tc|ts|wm)\d{1,2}(\.\d+)?|IQM|(PR|TM|TC|TS|WM)\(.+\)|\$\{.+\})$/)
    .optional(),
  Period: z
    .union([z.literal([10, 20, 30]), z.int().min(60).max(604_800).multipleOf(60), expression])
    .optional(),
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
  ignore_changes: z.array(text()).optional(),
  adopt: z.enum(['never', 'if-identical', 'always']).optional(),
});

/** Fields of our own, in lower case. */
const ours = {
  use: text().optional(),
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
  rule: text().optional(),
  suppress: z
    .strictObject({ by: text(), wait: duration().prefault('60s'), extension: duration().prefault('60s') })
    .optional(),
  lifecycle: lifecycle.optional(),
  /** Properties newer than this schema, sent as they are. */
  raw: z.record(z.string(), json).optional(),
  disable: z.array(text()).optional(),
};

/** Lists what may be set in layers below an alarm: everything but its identity. */
const layer = z.strictObject({ ...cloudFormation, ...ours });
/** `null` takes away what a lower layer set. */
const override = z.record(z.string(), z.json());
const alarm = z.strictObject({ id: label, ...cloudFormation, ...ours });

const budget = z.strictObject({
  monthly_usd: z.number().min(0).optional(),
  pages_per_week: z.number().min(0).optional(),
});

function kindOf<K extends string, T extends z.ZodType>(kind: K, spec: T) {
  return z.strictObject({ apiVersion: z.literal(API_VERSION), kind: z.literal(kind), metadata, spec });
}

export const defaultsFile = kindOf(
  'Defaults',
  z.strictObject({
    workspace: label.optional(),
    nameTemplate: text().optional(),
    owner: text().optional(),
    tags: texts.optional(),
    alarm: layer.optional(),
    vars: vars.optional(),
    budget: budget.optional(),
  }),
);

export const alarmSetFile = kindOf(
  'AlarmSet',
  z.strictObject({
    for_each: forEach,
    vars: vars.optional(),
    defaults: layer.optional(),
    /** A whole pack: every preset of it that fits the protocol. */
    presets: z.enum(['default', 'aws-recommended']).optional(),
    alarms: z.array(alarm).prefault([]),
    overrides: z
      .array(
        z.strictObject({
          match: selector,
          vars: vars.optional(),
          alarms: z.record(z.string(), override).optional(),
        }),
      )
      .optional(),
  }),
);

const window = z.strictObject({
  errorBudgetPercent: z.number().gt(0).max(100),
  shortWindow: duration({ minMs: 60_000 }),
  longWindow: duration({ minMs: 60_000 }),
});
const windows = z.strictObject({ quick: window.optional(), slow: window.optional() });

export const burnRateFile = kindOf(
  'BurnRateAlerts',
  z.strictObject({
    sloRef: label,
    for_each: forEach.optional(),
    page: windows.optional(),
    ticket: windows.optional(),
    min_events: z.int().min(1).optional(),
    annotations: texts.optional(),
    labels: texts.optional(),
    backend: z.literal('alarms').prefault('alarms'),
  }),
);

export interface Route {
  readonly receiver?: string | undefined;
  readonly matchers?: readonly string[] | undefined;
  readonly continue?: boolean | undefined;
  readonly routes?: readonly Route[] | undefined;
}

const route: z.ZodType<Route> = z.lazy(() =>
  z.strictObject({
    receiver: label.optional(),
    matchers: z.array(text()).optional(),
    continue: z.boolean().optional(),
    routes: z.array(route).optional(),
  }),
);

export const routingFile = kindOf(
  'Routing',
  z.strictObject({
    receivers: z.array(
      z.strictObject({
        name: label,
        sns: text().optional(),
        on: z
          .array(z.enum(['ALARM', 'OK', 'INSUFFICIENT_DATA']))
          .min(1)
          .prefault(['ALARM']),
      }),
    ),
    route,
  }),
);

export const muteRuleFile = kindOf(
  'MuteRule',
  z.strictObject({
    schedule: z.string().regex(/^(cron|at)\(.+\)$/),
    duration: z.string().regex(/^P/),
    timezone: text().optional(),
    match: texts.optional(),
    start: text().optional(),
    expire: text().optional(),
    reason: text().optional(),
  }),
);

const metricSource = z.strictObject({
  metricSource: z.strictObject({
    type: z.literal('APIGateway'),
    spec: z.strictObject({
      metric: z.enum(PORTABLE_METRICS),
      api: glob().optional(),
      stage: glob().optional(),
    }),
  }),
});

/** As much of OpenSLO v1 as an API of API Gateway can be held to: a ratio of bad to total, or a latency below a threshold. */
export const openSloFile = z.strictObject({
  apiVersion: z.literal('openslo/v1'),
  kind: z.literal('SLO'),
  metadata,
  spec: z.strictObject({
    service: text(),
    description: z.string().optional(),
    indicator: z.strictObject({
      metadata: metadata.optional(),
      spec: z.strictObject({
        description: z.string().optional(),
        ratioMetric: z
          .strictObject({ counter: z.boolean().optional(), bad: metricSource, total: metricSource })
          .optional(),
        thresholdMetric: metricSource.optional(),
      }),
    }),
    timeWindow: z
      .array(z.strictObject({ duration: duration({ minMs: 86_400_000 }), isRolling: z.literal(true) }))
      .length(1),
    budgetingMethod: z.literal('Occurrences'),
    objectives: z
      .array(
        z.strictObject({
          displayName: z.string().optional(),
          target: z.number().gt(0).lt(1),
          /** Milliseconds, for a threshold metric: slower is bad. */
          value: z.number().optional(),
          op: z.enum(['lt', 'lte']).optional(),
        }),
      )
      .length(1),
  }),
});

const state = z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']);

export const alarmTestFile = kindOf(
  'AlarmTest',
  z.strictObject({
    files: z.array(text()).min(1),
    evaluation_interval: duration({ minMs: 60_000 }).prefault('1m'),
    tests: z
      .array(
        z.strictObject({
          name: text(),
          each: z.record(z.string(), z.json()).optional(),
          interval: duration({ minMs: 60_000 }).prefault('1m'),
          initial_state: state.optional(),
          input_series: z
            .array(z.strictObject({ series: text(), stat: text().optional(), values: text() }))
            .optional(),
          recording: text().optional(),
          alarm_test: z
            .array(
              z.strictObject({
                alarm: text(),
                eval_time: duration().optional(),
                exp_state: state.optional(),
                exp_transitions: z.array(z.strictObject({ at: duration(), to: state })).optional(),
                strict: z.boolean().optional(),
                exp_receivers: z.array(label).optional(),
                must_fire_within: duration().optional(),
                max_fires: z.int().min(0).optional(),
              }),
            )
            .min(1),
        }),
      )
      .min(1),
  }),
);

export const FILE_KINDS = {
  Defaults: defaultsFile,
  AlarmSet: alarmSetFile,
  BurnRateAlerts: burnRateFile,
  Routing: routingFile,
  MuteRule: muteRuleFile,
  SLO: openSloFile,
  AlarmTest: alarmTestFile,
} as const;

export type FileKind = keyof typeof FILE_KINDS;
export type FileOf<K extends FileKind> = z.output<(typeof FILE_KINDS)[K]>;
export type AlarmEntry = z.output<typeof alarm>;
export type Selector = z.output<typeof selector>;
export type ForEach = z.output<typeof forEach>;
