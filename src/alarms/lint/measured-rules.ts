import { percentileOf, samplesNeeded } from '../../evaluate/low-samples.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import { metricOf } from '../portable-metrics.ts';
import { type LintRule, metricKey } from './finding.ts';
import { inputName, watchedInputs } from './watched-inputs.ts';

const DAY_MINUTES = 1_440;

/** What needs to be looked up in CloudWatch, or a replay. */
export const MEASURED_RULES: readonly LintRule[] = [
  {
    id: 'dead-metric',
    severity: 'error',
    check: (instance, { alive }) => {
      if (alive === undefined) return undefined;
      const { account, region } = instance.resource.key;
      const dead = watchedInputs(instance).find(
        ({ metric }) =>
          alive.namespaces.has(metric.namespace) && !alive.keys.has(metricKey(account, region, metric)),
      );
      if (dead === undefined) return undefined;
      return {
        expected: `a point of ${inputName(dead)} in the last two weeks`,
        got: 'none: the API is idle, or the alarm looks at nothing',
        remedy: 'correct MetricName and Dimensions, or leave the stage out until it has traffic',
      };
    },
  },
  {
    id: 'thin-percentile',
    severity: 'warning',
    check: (instance, { requestsPerMinute }) => {
      const { model } = instance;
      const perMinute = requestsPerMinute?.get(countKey(instance) ?? '');
      if (perMinute === undefined || model.kind !== 'metric') return undefined;
      const [percentile] = model.inputs.flatMap(({ statistic }) => percentileOf(statistic) ?? []);
      if (percentile === undefined) return undefined;
      const inPeriod = (perMinute * model.settings.periodMs) / 60_000;
      const needed = samplesNeeded(percentile);
      if (inPeriod >= needed) return undefined;
      return {
        expected: `at least ${needed} requests in a period for p${percentile}`,
        got: `about ${Math.round(inPeriod)} at the measured traffic: it cannot be judged`,
        remedy: periodFor(needed, perMinute),
      };
    },
  },
  {
    id: 'never-breaching',
    severity: 'warning',
    check: ({ id }, { replayed }) => {
      const seen = replayed?.get(id);
      if (seen === undefined || seen.judged === 0 || seen.breaching > 0) return undefined;
      return {
        expected: 'a threshold that was crossed at least once in the replayed time',
        got: `none of ${seen.judged} windows beyond it`,
        remedy: 'lower it if that time had trouble worth knowing of',
      };
    },
  },
  {
    id: 'always-breaching',
    severity: 'error',
    check: ({ id }, { replayed }) => {
      const seen = replayed?.get(id);
      if (seen === undefined || seen.judged === 0 || seen.breaching < seen.judged) return undefined;
      return {
        expected: 'a threshold with windows on its good side',
        got: `all ${seen.judged} windows of the replayed time beyond it`,
        remedy: 'correct Threshold or ComparisonOperator',
      };
    },
  },
  {
    id: 'always-together',
    severity: 'warning',
    check: (instance, facts, all) => {
      const other = all.companionOf(instance, facts);
      if (other === undefined) return undefined;
      const times = facts.replayed?.get(instance.id)?.firedAtMs.length ?? 0;
      return {
        expected: 'an alarm that tells something others do not',
        got: `all ${times} firings in the same minutes as ${other.id}`,
        remedy: 'keep the one whose words help more',
      };
    },
  },
];

/** Key of the request count that tells how many samples a latency of this stage or route has. */
export function countKey({ each, resource }: AlarmInstance): string | undefined {
  const metric = metricOf('requests', each.stage, each.route);
  return metric === undefined ? undefined : metricKey(resource.key.account, resource.key.region, metric);
}

function periodFor(needed: number, perMinute: number): string {
  const minutes = perMinute === 0 ? Number.POSITIVE_INFINITY : Math.ceil(needed / perMinute);
  return minutes > DAY_MINUTES
    ? 'watch a lower percentile: no period up to a day is long enough'
    : `a period of ${minutes} minutes would do`;
}
