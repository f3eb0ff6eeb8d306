import { describe, expect, it } from 'vitest';
import { ERRORS, exampleFiles, problemsOf, setWith } from './files.ts';

describe('loadAlarmFiles', () => {
  it('takes the example set of the repository', () => {
    expect(problemsOf(exampleFiles())).toEqual([]);
  });

  it.each([
    ['{ id: a, Periood: 60 }', /core\.yaml:7:\d+ .*unknown option Periood; did you mean Period\?/],
    [
      '{ id: a, treatMissingData: missing }',
      /unknown option treatMissingData; did you mean TreatMissingData\?/,
    ],
    ['{ id: a, Period: 90 }', /core\.yaml:7:\d+ +spec\.alarms\[0\]\.Period/],
    ['{ id: a, TreatMissingData: breachin }', /TreatMissingData/],
    ['{ id: A_b }', /spec\.alarms\[0\]\.id/],
    ['{ id: a, metric: latncy }', /spec\.alarms\[0\]\.metric/],
    ['{ id: a, severity: urgent }', /spec\.alarms\[0\]\.severity/],
    ['{ id: a, metric: latency, suppress: { by: x, wait: soon } }', /suppress\.wait/],
  ])('refuses %s with file, line and remedy', (alarm, message) => {
    const problems = problemsOf(setWith(alarm));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });

  it('tells the problems of all files at once', () => {
    const files = {
      ...setWith('{ id: a, Periood: 60 }'),
      'more.yaml': 'apiVersion: gatewatch/v1\nkind: AlarmSett\nmetadata: { name: x }\nspec: {}\n',
      'broken.yaml': 'kind: [',
    };
    const problems = problemsOf(files);
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual([
      'broken.yaml',
      'core.yaml',
      'more.yaml',
    ]);
    expect(problems.join('\n')).toContain('did you mean AlarmSet?');
  });

  it('refuses two sets of one name and a second routing', () => {
    const routing = (name: string) =>
      `apiVersion: gatewatch/v1\nkind: Routing\nmetadata: { name: ${name} }\nspec: { receivers: [], route: {} }\n`;
    const set = setWith(ERRORS)['core.yaml'] ?? '';
    const problems = problemsOf({
      'a.yaml': set,
      'b.yaml': set,
      'r1.yaml': routing('x'),
      'r2.yaml': routing('y'),
    });
    expect(problems[0]).toMatch(/b\.yaml:3:\d+ .*core, which a\.yaml has too/);
    expect(problems[1]).toMatch(/r2\.yaml.*one Routing.*r1\.yaml/);
  });

  it('follows ${env:NAME} and keeps expressions; a variable that is not set is a problem', () => {
    const files = setWith(ERRORS, '  vars: { topic: "${env:TOPIC}", other: "${each.stage}" }');
    expect(problemsOf(files)).toEqual([]);
    expect(problemsOf(setWith(ERRORS, '  vars: { topic: "${env:TOPICS}" }'))[0]).toContain(
      'did you mean TOPIC?',
    );
  });
});
