import { expect, it } from 'vitest';
import { filteredMetric, publishedMetric, signalOfMetric } from '../../src/alarms/signal-rule.ts';
import { placeOf, wordsOf } from '../../src/sources/alarm-changes/watched-metric.ts';
import { ERRORS, expand, setWith, stage } from './files.ts';

const DEFAULT = { signal: 'throttles', apiId: 'e1f2a3b4c5', stage: '$default' } as const;

it('a signal of the stage $default has a name that CloudWatch takes, and is read back as that stage', () => {
  const throttles = ERRORS.replace('errors.server', 'throttles').replace('Average', 'Sum');
  const { resources } = expand(
    setWith(throttles),
    stage('mobile', { protocol: 'HTTP', apiId: DEFAULT.apiId, stage: DEFAULT.stage }),
  );
  const [filter, alarm] = resources;
  // MetricTransformation: neither `:`, `*` nor `$` in a name.
  expect(alarm?.properties.MetricName).toBe('throttles/e1f2a3b4c5/%24default');
  expect(filter?.properties.metricTransformations).toMatchObject([
    { metricName: 'throttles/e1f2a3b4c5/%24default' },
  ]);
  // What is compared with the line is the stage itself.
  expect(filter?.properties.filterPattern).toContain('"$default"');
  expect(signalOfMetric(filteredMetric(DEFAULT))).toEqual(DEFAULT);
  const watched = { ...filteredMetric(DEFAULT), statistic: 'Sum', isShare: false, periodS: 60 };
  expect(placeOf(watched, [])).toEqual({ apiId: DEFAULT.apiId, stage: '$default' });
});

it('a signal that the worker publishes itself is known by its dimensions', () => {
  const metric = publishedMetric(DEFAULT);
  expect(signalOfMetric(metric)).toEqual(DEFAULT);
  const watched = { ...metric, statistic: 'Sum', isShare: false, periodS: 60 };
  expect(placeOf(watched, [])).toEqual({ apiId: DEFAULT.apiId, stage: '$default' });
  expect(wordsOf(watched)).toEqual({ name: 'throttled requests', sample: 'throttles' });
});
