import { isEvaluatedHourly } from '../evaluate/evaluation-clock.ts';
import { percentileOf, samplesNeeded } from '../evaluate/low-samples.ts';
import type { AlarmInput, AlarmInstance } from './alarm-instance.ts';
import type { MetricRef } from './portable-metrics.ts';

export interface Finding {
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly words: string;
}

/** What was measured, where it was: rules that need it are silent without it. */
export interface LintFacts {
  /** `metricKey` of metrics that had a point in the last two weeks. */
  readonly alive?: ReadonlySet<string>;
  /** Requests a minute of a stage, by `metricKey` of its request count. */
  readonly requestsPerMinute?: ReadonlyMap<string, number>;
}

interface Rule {
  readonly id: string;
  readonly severity: Finding['severity'];
  /** What is wrong, with what to do; undefined when nothing is. */
  readonly check: (
    instance: AlarmInstance,
    facts: LintFacts,
    all: readonly AlarmInstance[],
  ) => string | undefined;
}

export function metricKey(account: string, region: string, metric: MetricRef): string {
  const dimensions = Object.entries(metric.dimensions)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return [account, region, metric.namespace, metric.metricName, ...dimensions].join('\n');
}

const MAX_ACTIONS = 5;

/** Each with an id, for `disable: [id]` in the alarm. */
export const LINT_RULES: readonly Rule[] = [
  {
    id: 'dead-metric',
    severity: 'error',
    check: ({ model, resource }, { alive }) => {
      if (alive === undefined || model.kind !== 'metric') return undefined;
      const { account, region } = resource.key;
      const dead = model.inputs.find(
        ({ metric }) =>
          metric.namespace === 'AWS/ApiGateway' && !alive.has(metricKey(account, region, metric)),
      );
      return dead === undefined
        ? undefined
        : `${nameOf(dead)} had no point in the last two weeks: the API is idle, or the alarm looks at nothing`;
    },
  },
  {
    id: 'thin-percentile',
    severity: 'warning',
    check: ({ model, each }, { requestsPerMinute }) => {
      if (requestsPerMinute === undefined || model.kind !== 'metric') return undefined;
      const percentile = model.inputs
        .map(({ statistic }) => percentileOf(statistic))
        .find((one) => one !== undefined);
      const perMinute = requestsPerMinute.get(`${each.stage.account}/${each.stage.region}/${each.key}`);
      if (percentile === undefined || perMinute === undefined) return undefined;
      const inPeriod = (perMinute * model.settings.periodMs) / 60_000;
      const needed = samplesNeeded(percentile);
      if (inPeriod >= needed) return undefined;
      const minutes = perMinute === 0 ? undefined : Math.ceil(needed / perMinute);
      const advice =
        minutes === undefined || minutes > 1_440
          ? 'no period up to a day is long enough'
          : `a period of ${minutes} minutes would do`;
      return `p${percentile} needs ${needed} requests in a period and gets about ${Math.round(inPeriod)}: it cannot be judged at this traffic; ${advice}`;
    },
  },
  {
    id: 'hourly-page',
    severity: 'error',
    check: ({ model, severity }) =>
      model.kind === 'metric' && severity === 'page' && isEvaluatedHourly(model.settings)
        ? 'EvaluationPeriods × Period is more than a day, so CloudWatch looks once an hour: too late for a page'
        : undefined,
  },
  {
    id: 'span-too-long',
    severity: 'error',
    check: ({ model }) => {
      if (model.kind !== 'metric') return undefined;
      const { periodMs, evaluationPeriods } = model.settings;
      const mostS = periodMs < 3_600_000 ? 86_400 : 604_800;
      return (periodMs * evaluationPeriods) / 1_000 > mostS
        ? `EvaluationPeriods × Period is ${(periodMs * evaluationPeriods) / 1_000} s, CloudWatch takes ${mostS} s at this period`
        : undefined;
    },
  },
  {
    id: 'm-above-n',
    severity: 'error',
    check: ({ model }) =>
      model.kind === 'metric' && model.settings.datapointsToAlarm > model.settings.evaluationPeriods
        ? `DatapointsToAlarm ${model.settings.datapointsToAlarm} is more than EvaluationPeriods ${model.settings.evaluationPeriods}: it can never fire`
        : undefined,
  },
  {
    id: 'page-without-runbook',
    severity: 'warning',
    check: ({ severity, annotations }) =>
      severity === 'page' && annotations.runbook_url === undefined
        ? 'it pages without annotations.runbook_url: whoever is woken starts with nothing'
        : undefined,
  },
  {
    id: 'nobody-told',
    severity: 'error',
    check: ({ severity, receivers, resource }) => {
      const written = resource.properties.AlarmActions;
      const told =
        receivers.some(({ sns }) => sns !== undefined) || (Array.isArray(written) && written.length > 0);
      return severity === 'page' && !told ? 'it pages and no receiver of Routing takes it' : undefined;
    },
  },
  {
    id: 'too-many-actions',
    severity: 'error',
    check: ({ resource }) => {
      const most = ['AlarmActions', 'OKActions', 'InsufficientDataActions'].find((list) => {
        const actions = resource.properties[list];
        return Array.isArray(actions) && actions.length > MAX_ACTIONS;
      });
      return most === undefined
        ? undefined
        : `${most} has more than ${MAX_ACTIONS} members: use one topic with several subscribers`;
    },
  },
  {
    id: 'breaching-on-sparse',
    severity: 'warning',
    check: ({ model }) =>
      model.kind === 'metric' &&
      model.settings.missingData === 'breaching' &&
      model.inputs[0]?.portable !== 'requests'
        ? 'missing data is breaching on a metric that an idle API does not publish: silence will fire it'
        : undefined,
  },
  {
    id: 'unit-set',
    severity: 'warning',
    check: ({ resource }) =>
      resource.properties.Unit === undefined
        ? undefined
        : 'Unit is set: a unit other than the published one matches no data at all',
  },
  {
    id: 'fill-with-all-points',
    severity: 'warning',
    check: ({ resource }) => {
      const { Metrics, DatapointsToAlarm, EvaluationPeriods } = resource.properties;
      const all = DatapointsToAlarm === undefined || DatapointsToAlarm === EvaluationPeriods;
      return JSON.stringify(Metrics ?? '').includes('FILL(') && all
        ? 'FILL decides the newest point before it is delivered, and M = N lets it stick: ask for fewer points than periods'
        : undefined;
    },
  },
  {
    id: 'shared-api-name',
    severity: 'error',
    check: ({ each }, _, all) => {
      const { stage } = each;
      const twin = all.find(
        (other) =>
          other.each.stage.protocol === 'REST' &&
          stage.protocol === 'REST' &&
          other.each.stage.apiName === stage.apiName &&
          other.each.stage.apiId !== stage.apiId &&
          other.each.stage.account === stage.account &&
          other.each.stage.region === stage.region,
      );
      return twin === undefined
        ? undefined
        : `REST APIs ${stage.apiId} and ${twin.each.stage.apiId} share the name ${stage.apiName}: CloudWatch publishes both as one series`;
    },
  },
];

/** Everything the rules find, but for what an alarm disables. */
export function lintAlarms(instances: readonly AlarmInstance[], facts: LintFacts = {}): readonly Finding[] {
  return instances.flatMap((instance) =>
    LINT_RULES.flatMap((rule): Finding[] => {
      if (instance.disabledRules.includes(rule.id)) return [];
      const words = rule.check(instance, facts, instances);
      if (words === undefined) return [];
      const { file, line } = instance.resource.origins.id ?? { file: instance.set, line: 1 };
      return [{ rule: rule.id, severity: rule.severity, id: instance.id, file, line, words }];
    }),
  );
}

function nameOf({ metric }: AlarmInput): string {
  return `${metric.metricName} of ${Object.values(metric.dimensions).join('/')}`;
}
