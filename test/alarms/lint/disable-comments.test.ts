import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../../src/documents/problem.ts';
import { exampleFiles, expand, stage } from '../files.ts';

const SET = `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages }
  alarms:
    # gatewatch:disable unit-set
    # it was agreed on
    - metric: errors.server
      id: first
      Statistic: Average
      Threshold: 0.05          # gatewatch:disable dead-metric, nobody-told (no traffic before launch)
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 3

    - id: second
      use: apigw/latency-p99
`;

function disabled(text: string, name = 'core.yaml') {
  const { instances, problems } = expand({ [name]: text }, stage('orders'));
  return {
    rules: Object.fromEntries(instances.map(({ alarm, disabledRules }) => [alarm, disabledRules])),
    problems: problems.map(formatProblem),
  };
}

describe('comments that turn rules off', () => {
  it('speak of the alarm they stand above or in, and of no other', () => {
    expect(disabled(SET)).toEqual({
      rules: { first: ['unit-set', 'dead-metric', 'nobody-told'], second: [] },
      problems: [],
    });
  });

  it('speak of every alarm of the file when they say so', () => {
    const text = `# gatewatch:disable-file thin-percentile\n${SET}`;
    expect(disabled(text).rules).toEqual({
      first: ['thin-percentile', 'unit-set', 'dead-metric', 'nobody-told'],
      second: ['thin-percentile'],
    });
  });

  it('speak of all alarms of a pack', () => {
    const text = SET.replace(
      '  alarms:',
      '  presets: aws-recommended # gatewatch:disable dead-metric\n  alarms:',
    );
    expect(disabled(text).rules).toMatchObject({ '4xx': ['dead-metric'], second: [] });
  });

  it.each([
    ['# gatewatch:disable dead-metrics', 'core.yaml:7', 'got dead-metrics; did you mean dead-metric?'],
    ['# gatewatch:disabel dead-metric', 'core.yaml:7', 'got # gatewatch:disabel; did you mean disable?'],
    [
      '# gatewatch:disable (later)',
      'core.yaml:7',
      'expected ids of rules after # gatewatch:disable, got none',
    ],
  ])('%s is a problem where it stands', (comment, place, words) => {
    const [problem] = disabled(SET.replace('# gatewatch:disable unit-set', comment)).problems;
    expect(problem).toContain(place);
    expect(problem).toContain(words);
  });

  it('are a problem where no alarm is', () => {
    const stray = SET.replace('  for_each:', '  # gatewatch:disable dead-metric\n  for_each:');
    expect(disabled(stray).problems).toEqual([
      expect.stringMatching(/core\.yaml:5:1 .*no alarm there; move it, or write # gatewatch:disable-file/),
    ]);
    const routing =
      'apiVersion: gatewatch/v1\nkind: Routing\nmetadata: { name: r }\nspec: { receivers: [], route: {} } # gatewatch:disable nobody-told\n';
    const { problems } = expand({ 'core.yaml': SET, 'routing.yaml': routing }, stage('orders'));
    expect(problems.map(formatProblem)).toEqual([
      expect.stringMatching(/routing\.yaml:4:1 .*no alarm there/),
    ]);
  });

  it('are no comments inside a text', () => {
    const text = SET.replace(
      '      id: first',
      '      id: first\n      annotations: { summary: "see gatewatch:disable" }',
    );
    expect(disabled(text).problems).toEqual([]);
  });

  it('turn off an impossible burn rate at its window, and at no other', () => {
    const files = exampleFiles();
    const withTarget = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, text.replace('target: 0.999', 'target: 0.9')]),
    );
    const burn = 'slos/orders-burn.yaml';
    const impossible = (text: string) =>
      expand({ ...withTarget, [burn]: text }, stage('orders-api'))
        .problems.map(formatProblem)
        .filter((problem) => problem.includes('[impossible-burn-rate]'));
    const text = withTarget[burn] ?? '';
    expect(impossible(text)).toHaveLength(1);
    expect(impossible(text.replace(/(quick:.*)/, '$1 # gatewatch:disable impossible-burn-rate'))).toEqual([]);
    expect(impossible(text.replace(/(slow:.*)/, '$1 # gatewatch:disable impossible-burn-rate'))).toHaveLength(
      1,
    );
  });
});
