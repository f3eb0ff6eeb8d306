import { describe, expect, it } from 'vitest';
import { coverageOf } from '../../src/alarms/coverage.ts';
import { LINT_RULES, lintAlarms, metricKey } from '../../src/alarms/lint.ts';
import { metricOf } from '../../src/alarms/portable-metrics.ts';
import type { StageInventory } from '../../src/model/inventory.ts';
import { ERRORS, exampleFiles, expand, filesOf, setWith, stage } from './files.ts';

function rulesFor(
  alarm: string,
  facts: Parameters<typeof lintAlarms>[1] = {},
  ...stages: readonly StageInventory[]
) {
  const { instances } = expand(setWith(alarm), ...(stages.length === 0 ? [stage('orders')] : stages));
  return [...new Set(lintAlarms(instances, facts).map(({ rule }) => rule))];
}

const with_ = (fields: string, from = ERRORS) => from.replace(' }', `, ${fields} }`);
const LATENCY =
  '{ id: p99, metric: latency, ExtendedStatistic: p99, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
const alive = (...stages: readonly StageInventory[]) =>
  new Set(
    stages.flatMap((one) => {
      const metric = metricOf('errors.server', one);
      return metric === undefined ? [] : [metricKey(one.account, one.region, metric)];
    }),
  );

describe('lintAlarms', () => {
  it('finds nothing in the example set', () => {
    const { instances } = expand(exampleFiles(), stage('orders-api'), stage('pay', { protocol: 'HTTP' }));
    expect(lintAlarms(instances)).toEqual([]);
  });

  it.each<[string, readonly string[]]>([
    [with_('severity: page'), ['page-without-runbook', 'nobody-told']],
    [
      with_('severity: page, Period: 86400', ERRORS.replace('Periods: 3', 'Periods: 2')),
      ['hourly-page', 'page-without-runbook', 'nobody-told'],
    ],
    [ERRORS.replace('Periods: 3', 'Periods: 1441'), ['span-too-long']],
    [with_('DatapointsToAlarm: 4'), ['m-above-n']],
    [with_('TreatMissingData: breaching'), ['breaching-on-sparse']],
    [with_('TreatMissingData: breaching', ERRORS.replace('errors.server', 'requests')), []],
    [with_('Unit: Count'), ['unit-set']],
    [with_(`raw: { AlarmActions: [a, b, c, d, e, f] }`), ['too-many-actions']],
    [
      '{ id: f, ComparisonOperator: GreaterThanThreshold, Threshold: 1, EvaluationPeriods: 2, Metrics: [{ Id: e, Expression: "FILL(m, 0)" }] }',
      ['fill-with-all-points'],
    ],
    [with_('severity: page, disable: [page-without-runbook, nobody-told]'), []],
  ])('%s gives %j', (alarm, rules) => {
    expect(rulesFor(alarm)).toEqual(rules);
  });

  it('finds an alarm that looks at nothing, where it was measured', () => {
    expect(rulesFor(ERRORS, { alive: new Set() })).toEqual(['dead-metric']);
    expect(rulesFor(ERRORS, { alive: alive(stage('orders')) })).toEqual([]);
  });

  it('finds a percentile that cannot be judged at the measured traffic, and says what would do', () => {
    const at = (perMinute: number) => {
      const requestsPerMinute = new Map([['111122223333/eu-west-1/orders/prod', perMinute]]);
      return lintAlarms(expand(setWith(LATENCY), stage('orders')).instances, { requestsPerMinute });
    };
    expect(at(1_000)).toEqual([]);
    expect(at(100)[0]?.words).toContain('p99 needs 1000 requests in a period and gets about 100');
    expect(at(100)[0]?.words).toContain('a period of 10 minutes would do');
    expect(at(0)[0]?.words).toContain('no period up to a day is long enough');
  });

  it('finds two REST APIs of one name, whose metrics are one series', () => {
    expect(rulesFor(ERRORS, {}, stage('orders', { apiId: 'a' }), stage('orders', { apiId: 'b' }))).toEqual([
      'shared-api-name',
    ]);
  });

  it('has an id for every rule, once', () => {
    const ids = LINT_RULES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('coverageOf', () => {
  const stages = [stage('orders'), stage('bare', { accessLogFormat: 'not json' })];
  const mute = {
    schedule: 'cron(0 2 * * SUN)',
    duration: 'PT4H',
    match: { api: 'orders', alarm: '5xx-ratio' },
  };
  const cellsWith = (heard: readonly string[], hadData: boolean, mutes: readonly (typeof mute)[] = []) => {
    const { instances } = expand(exampleFiles(), ...stages, stage('orders-api'));
    const cells = coverageOf(stages, instances, mutes, { heard: new Set(heard), hadData: () => hadData });
    return Object.fromEntries(cells.map(({ api, expected, state }) => [`${api} ${expected}`, state]));
  };
  const topics = ['oncall', 'backlog'].map((name) => `arn:aws:sns:eu-west-1:111122223333:${name}`);

  it('tells covered, missing, muted, silent and unheard apart', () => {
    const covered = cellsWith(topics, true);
    expect(covered['orders errors.server']).toBe('covered');
    expect(covered['bare auth.failures']).toBe('missing');
    expect(cellsWith(topics, false)['orders latency']).toBe('never_had_data');
    expect(cellsWith(['arn:aws:sns:eu-west-1:111122223333:backlog'], true)['orders errors.server']).toBe(
      'nobody_subscribed',
    );
    expect(cellsWith(topics, true, [mute])['orders errors.server']).toBe('muted');
    expect(cellsWith(topics, true, [mute])['bare errors.server']).toBe('covered');
  });

  it('reads mute rules from files', () => {
    const files = filesOf({
      'm.yaml':
        'apiVersion: gatewatch/v1\nkind: MuteRule\nmetadata: { name: m }\nspec: { schedule: "cron(0 2 * * SUN)", duration: PT4H, match: { severity: ticket } }\n',
    });
    expect(files.mutes[0]?.value.spec.match).toEqual({ severity: 'ticket' });
  });
});
