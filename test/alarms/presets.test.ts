import { describe, expect, it } from 'vitest';
import { expand, setWith, stage } from './files.ts';

const PACK = (more = '') => ({
  'core.yaml': `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages }
  presets: aws-recommended
${more}`,
});

/** CloudWatch user guide, "Best practice alarm recommendations", stage by stage. */
const RECOMMENDED = {
  REST: [
    ['4XXError', 'Average', 'GreaterThanThreshold', 0.05, 60, 5, 5, 'missing'],
    ['5XXError', 'Average', 'GreaterThanThreshold', 0.05, 60, 3, 3, 'missing'],
    ['Count', 'SampleCount', 'LessThanThreshold', 84, 60, 10, 10, 'breaching'],
    ['Latency', 'p90', 'GreaterThanOrEqualToThreshold', 2_500, 60, 5, 5, 'missing'],
  ],
  HTTP: [
    ['4xx', 'Average', 'GreaterThanThreshold', 0.05, 60, 5, 5, 'missing'],
    ['5xx', 'Average', 'GreaterThanThreshold', 0.05, 60, 3, 3, 'missing'],
    ['Count', 'SampleCount', 'LessThanThreshold', 84, 60, 10, 10, 'breaching'],
    ['IntegrationLatency', 'p90', 'GreaterThanOrEqualToThreshold', 2_000, 60, 5, 5, 'missing'],
    ['Latency', 'p90', 'GreaterThanOrEqualToThreshold', 2_500, 60, 5, 5, 'missing'],
  ],
  WEBSOCKET: [
    ['ClientError', 'Average', 'GreaterThanThreshold', 0.05, 60, 5, 5, 'missing'],
    ['ExecutionError', 'Average', 'GreaterThanThreshold', 0.05, 60, 3, 3, 'missing'],
    ['IntegrationLatency', 'p90', 'GreaterThanOrEqualToThreshold', 2_000, 60, 5, 5, 'missing'],
    ['MessageCount', 'SampleCount', 'LessThanThreshold', 84, 60, 10, 10, 'breaching'],
  ],
} as const;

describe('the pack aws-recommended', () => {
  it.each(['REST', 'HTTP', 'WEBSOCKET'] as const)(
    'is what AWS recommends for %s, to the letter',
    (protocol) => {
      const { instances, refusals } = expand(
        PACK('  vars: { traffic_baseline: 84 }\n'),
        stage('orders', { protocol }),
      );
      const rows = instances.map(({ resource: { properties: p } }) => [
        p.MetricName,
        p.Statistic ?? p.ExtendedStatistic,
        p.ComparisonOperator,
        p.Threshold,
        p.Period,
        p.DatapointsToAlarm,
        p.EvaluationPeriods,
        p.TreatMissingData,
      ]);
      expect(rows.sort()).toEqual(RECOMMENDED[protocol]);
      expect(refusals).toEqual([]);
    },
  );

  it('watches traffic only where there is a baseline, and misses nobody elsewhere', () => {
    const { instances, refusals } = expand(PACK(), stage('orders'));
    expect(instances.map(({ alarm }) => alarm)).not.toContain('count');
    expect(refusals).toEqual([]);
  });
});

describe('presets that are measured by something', () => {
  const threshold = (alarm: string, more = {}, vars = '') =>
    expand(setWith(alarm, vars), stage('orders', more)).instances.map(
      ({ resource }) => resource.properties.Threshold,
    );

  it('refuse traffic-drop without a baseline, and say how to come by one', () => {
    const { instances, refusals } = expand(setWith('{ id: drop, use: apigw/traffic-drop }'), stage('orders'));
    expect(instances).toEqual([]);
    expect(refusals).toMatchObject([
      { id: 'core/drop[orders/prod]', reason: expect.stringContaining('gatewatch alarms baseline'), line: 7 },
    ]);
    const overrides = '  overrides: [{ match: { id: id-orders }, vars: { traffic_baseline: 42 } }]\n';
    expect(threshold('{ id: drop, use: apigw/traffic-drop }', {}, overrides)).toEqual([42]);
    expect(threshold('{ id: drop, use: apigw/traffic-drop, Threshold: 7 }')).toEqual([7]);
  });

  it("put near-timeout at nine tenths of the slowest route's time, or of its own", () => {
    const integrations = {
      'GET /a': { timeoutMs: 5_000 },
      'GET /b': { timeoutMs: 50_000 },
      'GET /c': { id: 'x' },
    };
    expect(threshold('{ id: near, use: apigw/near-timeout }', { integrations })).toEqual([45_000]);
    const routes = { 'GET /a': 'none', 'GET /b': 'none' };
    const perRoute = setWith('{ id: near, use: apigw/near-timeout }')['core.yaml']?.replace(
      'source: stages',
      'source: routes',
    );
    const expanded = expand({ 'core.yaml': perRoute ?? '' }, stage('orders', { integrations, routes }));
    expect(expanded.instances.map(({ resource }) => resource.properties.Threshold)).toEqual([4_500, 45_000]);
  });

  it('refuse near-timeout where no integration tells its time', () => {
    const { refusals, problems } = expand(
      setWith('{ id: near, use: apigw/near-timeout }'),
      stage('orders', { integrations: { 'GET /c': { id: 'x' } } }),
    );
    expect(problems).toEqual([]);
    expect(refusals).toMatchObject([{ reason: expect.stringContaining('no integration of orders/prod') }]);
  });
});
