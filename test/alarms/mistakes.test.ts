import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expandAlarms } from '../../src/alarms/expand-alarms.ts';
import type { AlarmFiles } from '../../src/alarms/format/load-alarm-files.ts';
import { idleSelectors } from '../../src/alarms/idle-selectors.ts';
import { sampleStages } from '../../src/alarms/sample-stages.ts';
import { formatProblem } from '../../src/documents/problem.ts';
import { filesOf, load, stage } from './files.ts';

const SET = `apiVersion: gatewatch/v1
kind: AlarmSet
metadata:
  name: orders
  labels: { team: payments }
spec:
  for_each: { source: stages, match: { name: "orders*", stage: prod } }
  vars: { limit: 0.02 }
  alarms:
    - id: server-errors
      metric: errors.server
      Statistic: Average
      Threshold: \${vars.limit}
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 5
    - id: slow
      use: apigw/latency-p99
      annotations: { summary: slow }
    - id: impact
      rule: ALARM(server-errors)
  overrides:
    - match: { name: "orders-batch*" }
      alarms: { slow: { Threshold: 9000 } }
`;
const ROUTING = readFileSync(new URL('../../alarms/routing.yaml', import.meta.url), 'utf8');
const TEST = `apiVersion: gatewatch/v1
kind: AlarmTest
metadata: { name: t }
spec:
  files: [orders.yaml]
  tests: [{ name: t, alarm_test: [{ alarm: slow, max_fires: 1 }] }]
`;

/** Everything \`gatewatch alarms validate\` would say. */
function told(change: (text: string) => string): readonly string[] {
  const files = {
    'orders.yaml': change(SET),
    'routing.yaml': change(ROUTING),
    'orders.test.yaml': change(TEST),
  };
  const result = load(files);
  if (!result.ok) return result.problems.map(formatProblem);
  const { problems } = expandAlarms(result.files, { stages: sampleStages(result.files), complete: true });
  return [...new Set(problems.map(formatProblem))];
}

describe('a mistake in a file of alarms', () => {
  it('is not found where there is none', () => {
    expect(told((text) => text)).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    [
      'Threshold: ${',
      'Treshold: ${',
      /^orders\.yaml:13:7 .* got unknown option Treshold; did you mean Threshold\?$/,
    ],
    [
      'Threshold: ${vars.limit}',
      'Threshold: high',
      /^orders\.yaml:13:18 .* A number, .* got "high" .*; for example 5000$/,
    ],
    ['vars.limit}', 'vars.limitt}', /^orders\.yaml:13:1 .* got No such key: limitt; did you mean limit\?$/],
    ['vars.limit}', 'vras.limit}', /^orders\.yaml:13:1 .* got Unknown variable: vras; did you mean vars\?$/],
    [
      'vars.limit}',
      '5 / 100}',
      /^orders\.yaml:13:1 .* got two whole numbers, .*; write one of them with a decimal point/,
    ],
    [
      'vars.limit}',
      'vars.limit / 0}',
      /^orders\.yaml:13:1 .* Threshold to be a number, got Infinity; correct it here/,
    ],
    [
      'limit: 0.02',
      'limit: "0.02"',
      /^orders\.yaml:13:1 .* Threshold to be a number, got "0\.02"; correct it here/,
    ],
    [
      'summary: slow',
      'summary: "${each.api.nam}"',
      /^orders\.yaml:18:1 .* got No such key: nam; did you mean name\?$/,
    ],
    [
      'Statistic: Average',
      'when: "${size(each.authorizers)}"',
      /^orders\.yaml:12:1 .* true or false, got 1; compare it/,
    ],
    ['Statistic: Average', 'Statistic: p99', /^orders\.yaml:12:18 .* one of SampleCount, .* got "p99"/],
    [
      'Statistic: Average',
      'Period: 90',
      /^orders\.yaml:12:15 .* a multiple of 60 .* got 90 .*; for example 60$/,
    ],
    [
      '      Statistic: Average\n',
      '',
      /^orders\.yaml:10:1 .* expected Statistic or ExtendedStatistic, got none/,
    ],
    [
      'apigw/latency-p99',
      'apigw/latency-p99\n      Statistic: Average',
      /^orders\.yaml:18:1 .* one of Statistic and ExtendedStatistic, got "Average" and "p99": take one away/,
    ],
    [
      'Statistic: Average',
      'Statistic: Average\n      Dimensions: [{ Name: ApiId, Value: x }]',
      /^orders\.yaml:13:1 .* no Dimensions beside metric: "errors\.server", .* got some: remove them/,
    ],
    [
      'apigw/latency-p99',
      'apigw/latency-p98',
      /^orders\.yaml:17:12 .* the id of a preset \(.* got apigw\/latency-p98; did you mean apigw\/latency-p95\?$/,
    ],
    [
      'ALARM(server-errors)',
      'ALARM(server-error)',
      /^orders\.yaml:20:1 .* an alarm of the set orders .* got server-error; did you mean server-errors\?$/,
    ],
    [
      'ALARM(server-errors)',
      'ALARM(server-errors',
      /^orders\.yaml:20:1 .* expected "\)" in the rule .* got its end; write it like ALARM/,
    ],
    [
      'ALARM(server-errors)',
      'ALARM(impact)',
      /^orders\.yaml:20:1 .* got a circle: orders\/impact → orders\/impact; take one of them out$/,
    ],
    [
      'ALARM(server-errors)',
      'ALARM(server-errors)\n      Threshold: 3',
      /^orders\.yaml:21:18 .* got rule and Threshold: make it two alarms/,
    ],
    [
      'ALARM(server-errors)',
      'ALARM(server-errors)\n      suppress: { by: slw }',
      /^orders\.yaml:21:1 .* suppress\.by to be an id .* got slw; did you mean slow\?$/,
    ],
    [
      'id: slow',
      'id: server-errors',
      /^orders\.yaml:16:11 .* no other alarm of the set has, got server-errors, as in line 10; rename one/,
    ],
    [
      '{ slow: {',
      '{ slwo: {',
      /^orders\.yaml:23:23 .* an alarm of this set .* got slwo; did you mean slow\?$/,
    ],
    [
      '{ Threshold: 9000 }',
      '{ Treshold: 9000 }',
      /^orders\.yaml:23:25 .* got unknown option Treshold; did you mean Threshold\?$/,
    ],
    [
      'receiver: backlog',
      'receiver: backlogs',
      /^routing\.yaml:14:54 .* a receiver \(nobody, oncall, backlog\), got backlogs; did you mean backlog\?$/,
    ],
    [
      'severity="page"',
      'sevrity="page"',
      /^routing\.yaml:13:22 .* a label that an alarm has .* got sevrity; did you mean severity\?$/,
    ],
    [
      'severity="page"',
      'severity="paging"',
      /^routing\.yaml:13:22 .* a value of severity \(page, ticket, info\), got paging/,
    ],
    [
      'severity="page"',
      'severity: page',
      /^routing\.yaml:13:22 .* expected a matcher such as severity="page"/,
    ],
    [
      '${each.region}',
      '${each.regin}',
      /^routing\.yaml:8:28 .* got No such key: regin; did you mean region\?$/,
    ],
    [
      'files: [orders.yaml]',
      'files: [order.yaml]',
      /^orders\.test\.yaml:5:11 .* a file beside this one .* got order\.yaml; did you mean orders\.yaml\?$/,
    ],
  ])('%j written as %j is told once, with its place and what to do', (right, wrong, words) => {
    const problems = told((text) => text.replace(right, wrong));
    const own = problems.filter((problem) => words.test(problem));
    expect(own, problems.join('\n')).toHaveLength(1);
    // Whatever else is said is another effect of the same mistake, never a repetition.
    expect(problems.length).toBeLessThanOrEqual(2);
  });

  it.each([
    ['vars.limit * 2', 0.04],
    ['2 * vars.limit', 0.04],
    ['each.integration_timeout_ms * 0.9', 26_100],
    ['size(each.authorizers) + vars.limit', 1.02],
  ])('whole numbers and others mix in %s', (expression, value) => {
    const result = load({ 'orders.yaml': SET.replace('vars.limit}', `${expression}}`) });
    if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
    const { instances } = expandAlarms(result.files, { stages: sampleStages(result.files), complete: true });
    expect(instances[0]?.resource.properties.Threshold).toBeCloseTo(value, 10);
  });
});

describe('a selector that fits nothing', () => {
  const told = (files: AlarmFiles, complete = true) =>
    idleSelectors(files, { stages: [stage('orders'), stage('reports')], complete }).map(formatProblem);
  const files = (forEach: string, match: string) =>
    filesOf({
      'orders.yaml': SET.replace(/for_each: .*/, `for_each: ${forEach}`).replace(
        /match: \{ name: "orders-batch.*/,
        match,
      ),
    });

  it('is told for an override that changes no alarm, and for an exclusion that excludes no API', () => {
    expect(
      told(files('{ source: stages, exclude: [{ name: "reprots*" }] }', 'match: { name: "oders*" }')),
    ).toEqual([
      expect.stringMatching(
        /orders\.yaml:22:14 .*warning: expected a selector that fits a stage that this set is for, got .*oders/,
      ),
      expect.stringMatching(
        /orders\.yaml:7:\d+ .*warning: expected a selector that fits a stage that exists, got .*reprots/,
      ),
    ]);
  });

  it('is told of an override for an API that the set leaves out', () => {
    const leftOut = files('{ source: stages, exclude: [{ name: "reports" }] }', 'match: { name: reports }');
    expect(told(leftOut)).toHaveLength(1);
  });

  it('is not told while the listing is partial, or where it fits', () => {
    const idle = files('{ source: stages }', 'match: { name: "oders*" }');
    expect(told(idle, false)).toEqual([]);
    expect(
      told(files('{ source: stages, exclude: [{ name: reports }] }', 'match: { name: "ord*" }')),
    ).toEqual([]);
  });
});
