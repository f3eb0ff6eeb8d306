import { expect, it } from 'vitest';
import type { Properties } from '../../../src/model/managed-resource.ts';
import { reasonSentence } from '../../../src/sources/alarm-changes/reason-sentence.ts';
import type { StateChange } from '../../../src/sources/alarm-changes/state-change.ts';
import { placeOf, watchedMetric } from '../../../src/sources/alarm-changes/watched-metric.ts';

const CHANGE: StateChange = {
  fromState: 'OK',
  toState: 'ALARM',
  summary: 'Alarm updated from OK to ALARM',
  reason: 'Threshold Crossed: 1 datapoint was greater than the threshold.',
  points: [],
  threshold: undefined,
  periodS: 300,
  sinceMs: undefined,
};
const P99: Properties = {
  Namespace: 'AWS/ApiGateway',
  MetricName: 'Latency',
  ExtendedStatistic: 'p99',
  Period: 300,
  ComparisonOperator: 'GreaterThanThreshold',
};
const stat = (MetricName: string, Stat: string) => ({
  MetricStat: { Metric: { Namespace: 'AWS/ApiGateway', MetricName }, Period: 60, Stat },
});
const SHARE: Properties = {
  Metrics: [
    stat('5XXError', 'Sum'),
    stat('Latency', 'SampleCount'),
    { Expression: 'IF(count >= 20, value / count)' },
  ],
  ComparisonOperator: 'GreaterThanThreshold',
};

function sentence(properties: Properties, change: Partial<StateChange>): string {
  const metric = watchedMetric(properties);
  return reasonSentence({ change: { ...CHANGE, ...change }, properties, metric, place: 'orders/prod' });
}

it.each<[string, Properties, Partial<StateChange>]>([
  [
    'P99 latency of orders/prod was up to 6.2 s, above 5 s, in 2 of 3 periods of 5 minutes',
    P99,
    { points: [40, 5_500, 6_200], threshold: 5_000 },
  ],
  [
    'P99 latency of orders/prod was 40 ms, not above 5 s, in 1 of 1 period of 5 minutes',
    P99,
    { toState: 'OK', points: [40], threshold: 5_000 },
  ],
  [
    'Share of server errors of orders/prod was 7.5 %, above 5 %, in 1 of 2 periods of 1 minute',
    SHARE,
    { points: [0, 0.075], threshold: 0.05, periodS: 60 },
  ],
  [
    'Denials of orders/prod were down to 1, below 3, in 2 of 2 periods of 1 minute',
    {
      ...P99,
      Namespace: 'Gatewatch/ApiGateway',
      MetricName: 'auth.denials/a1/prod',
      ExtendedStatistic: 'Sum',
      ComparisonOperator: 'LessThanThreshold',
    },
    { points: [1, 2], threshold: 3, periodS: 60 },
  ],
  ['P99 latency of orders/prod had no data: nothing to judge', P99, { toState: 'INSUFFICIENT_DATA' }],
  [
    'P99 latency of orders/prod had no data, which counts as firing',
    P99,
    { reason: 'Threshold Crossed: no datapoints were received for 3 periods' },
  ],
  [
    'p99 and errors fired',
    { AlarmRule: 'x' },
    {
      reason:
        'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:p99, arn:aws:cloudwatch:eu-west-1:111122223333:alarm:errors transitioned to ALARM',
    },
  ],
  [
    'p99 is well',
    { AlarmRule: 'x' },
    {
      toState: 'OK',
      reason: 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:p99 transitioned to OK at Sunday 22 November',
    },
  ],
  [CHANGE.reason, P99, {}],
])('a reason reads: %s', (wanted, properties, change) => {
  expect(sentence(properties, change)).toBe(wanted);
});

it('finds the API and stage of a metric that has no dimensions in its name', () => {
  const metric = watchedMetric({
    Namespace: 'Gatewatch/ApiGateway',
    MetricName: 'throttles/a1/prod',
    Statistic: 'Sum',
  });
  expect(metric && placeOf(metric, [])).toEqual({ apiId: 'a1', stage: 'prod' });
});
