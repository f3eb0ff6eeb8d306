import { METRICS } from '../../catalog/metrics.ts';
import { breaches } from '../../evaluate/comparison.ts';
import type { AlarmInstance } from '../alarm-instance.ts';

export type Reachability =
  | { readonly kind: 'possible' }
  | {
      readonly kind: 'never' | 'always';
      readonly threshold: number;
      readonly range: string;
      readonly what: string;
    };

/** Least and most a statistic can be; undefined where there is no bound to tell. */
interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly what: string;
}

const POSSIBLE: Reachability = { kind: 'possible' };

/** Whether a threshold divides what a metric can be at all. A bound that nobody reaches in practice is not told here. */
export function canEverBreach({ model }: AlarmInstance): Reachability {
  if (model.kind !== 'metric') return POSSIBLE;
  const { comparison, threshold } = model.settings;
  const bounds = boundsOf(model);
  if (bounds === undefined) return POSSIBLE;
  const [atLeast, atMost] = [bounds.least, bounds.most].map((value) =>
    breaches(value, comparison, threshold),
  );
  if (atLeast !== atMost) return POSSIBLE;
  const { least, most, what } = bounds;
  const range = most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
  return { kind: atLeast ? 'always' : 'never', threshold, range, what };
}

function boundsOf(model: Extract<AlarmInstance['model'], { kind: 'metric' }>): Bounds | undefined {
  const [input] = model.inputs;
  if (input === undefined) return undefined;
  const { metric, statistic } = input;
  const isShare = model.expression?.includes('value / count') === true;
  if (isShare) return { least: 0, most: 1, what: 'a share of requests' };
  if (statistic.startsWith('PR(')) return { least: 0, most: 100, what: 'a percentile rank' };
  const kind = METRICS.find(({ name }) => name === metric.metricName)?.kind;
  const isOurs = metric.namespace === 'AWS/ApiGateway' && kind !== undefined;
  if (
    isOurs &&
    (kind === 'error' || kind === 'cache') &&
    ['Average', 'Minimum', 'Maximum'].includes(statistic)
  ) {
    return { least: 0, most: 1, what: `the ${statistic} of ${metric.metricName}` };
  }
  if (!isOurs && statistic !== 'SampleCount') return undefined;
  return { least: 0, most: Number.POSITIVE_INFINITY, what: `the ${statistic} of ${metric.metricName}` };
}
