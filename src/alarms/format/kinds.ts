import { z } from 'zod';
import { duration, glob, text } from '../../core/config-fields.ts';
import { alarm, label, layer, override, PORTABLE_METRICS, texts, vars } from './alarm-schema.ts';
import { checkMuteSchedule } from './mute-schedule.ts';

/** `apiVersion` of every file but OpenSLO's. */
export const API_VERSION = 'gatewatch/v1';

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

const onEmpty = z.enum(['error', 'warn', 'ok']).prefault('error').meta({
  description: 'What it means when nothing fits: nearly always a typo.',
});

const discovered = {
  match: selector.optional(),
  exclude: z.array(selector).optional(),
  on_empty: onEmpty,
};

const place = z.strictObject({
  api: text().meta({ description: 'Name or id of an API.', examples: ['orders-api'] }),
  stage: text().meta({ description: 'Name of a stage of it.', examples: ['prod'] }),
  route: text()
    .optional()
    .meta({ description: 'One of its routes.', examples: ['GET /orders'] }),
  account: text().optional(),
  region: text().optional(),
  vars: vars.optional().meta({ description: 'Variables of this item alone.' }),
});

/** What a set is for: stages or routes that a selector takes, or a list of them by name. */
const forEach = z.discriminatedUnion('source', [
  z.strictObject({ source: z.literal('stages'), ...discovered }),
  z.strictObject({ source: z.literal('routes'), ...discovered }),
  z.strictObject({
    source: z.literal('list'),
    values: z
      .array(
        z.union([text(), place]).meta({
          description: 'A stage or route by name, as a text or as a map with variables of its own.',
          examples: ['orders-api/prod', 'orders-api/prod GET /orders', { api: 'orders-api', stage: 'prod' }],
        }),
      )
      .min(1),
    on_empty: onEmpty,
  }),
]);

const budget = z.strictObject({
  monthly_usd: z.number().min(0).optional(),
  pages_per_week: z.number().min(0).optional(),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

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
    timezone: text().refine(isTimeZone).optional().meta({
      description:
        'A time zone such as Europe/Berlin; a backtest counts pages from 22:00 to 06:00 there as pages at night.',
    }),
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

/** CloudWatch takes no seconds here. */
const wholeMinute = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:00)?Z$/);

export const muteRuleFile = kindOf(
  'MuteRule',
  z
    .strictObject({
      schedule: z.string().regex(/^(cron|at)\(.+\)$/),
      duration: z.string().regex(/^P/),
      timezone: text().optional(),
      /** Labels that an alarm must have to be muted; without any, all alarms are. */
      match: texts.optional(),
      start: wholeMinute.optional(),
      expire: wholeMinute.optional(),
      reason: text().optional(),
    })
    .check(checkMuteSchedule),
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
export type ListItem = Extract<ForEach, { source: 'list' }>['values'][number];
