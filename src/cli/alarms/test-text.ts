import { join } from 'node:path';
import type { Expansion } from '../../alarms/expand-alarms.ts';
import type { TestResult } from '../../alarms/testing/alarm-tests.ts';
import type { GeneratedResult } from '../../alarms/testing/generated-tests.ts';

/** What the tests of the files leave out; generated checks count for none of it. */
export interface TestCoverage {
  /** `set/alarm` of all alarms, and of those that a test names. */
  readonly alarms: readonly string[];
  readonly tested: readonly string[];
  readonly untested: readonly string[];
  /** Tested, and no test makes them fire. */
  readonly neverFire: readonly string[];
  /** They fire in a test, and in none of them clear again. */
  readonly neverClear: readonly string[];
  /** Receivers with a topic that no test tells of an alarm. */
  readonly unreached: readonly string[];
}

export interface TestReport {
  readonly results: readonly TestResult[];
  readonly generated: readonly GeneratedResult[];
  readonly coverage: TestCoverage;
}

export function reportOf(
  results: readonly TestResult[],
  generated: readonly GeneratedResult[],
  expansion: Expansion,
): TestReport {
  return { results, generated, coverage: coverageOf(results, expansion) };
}

function coverageOf(results: readonly TestResult[], { instances }: Expansion): TestCoverage {
  const shown = results.flatMap(({ covered }) => covered);
  const where = (holds: (one: (typeof shown)[number]) => boolean) =>
    new Set(shown.filter(holds).map(({ alarm }) => alarm));
  const [named, fire, clear] = [
    where(() => true),
    where(({ fired }) => fired),
    where(({ cleared }) => cleared),
  ];
  const alarms = [...new Set(instances.map(({ set, alarm }) => `${set}/${alarm}`))].sort();
  const tested = alarms.filter((alarm) => named.has(alarm));
  const told = new Set(shown.flatMap((one) => one.told));
  const receivers = instances.flatMap((instance) =>
    instance.receivers.flatMap(({ name, sns }) => (sns === undefined ? [] : [name])),
  );
  return {
    alarms,
    tested,
    untested: alarms.filter((alarm) => !named.has(alarm)),
    neverFire: tested.filter((alarm) => !fire.has(alarm)),
    neverClear: tested.filter((alarm) => fire.has(alarm) && !clear.has(alarm)),
    unreached: [...new Set(receivers)].filter((name) => !told.has(name)).sort(),
  };
}

/** Failed tests and failed generated checks; an inconclusive test is no pass either. */
export function failuresIn({ results, generated }: TestReport): number {
  return (
    results.filter(({ outcome }) => outcome.kind !== 'passed').length +
    generated.filter(({ failure }) => failure !== undefined).length
  );
}

export function testText(report: TestReport, dir: string): string {
  const lines = report.results.flatMap(({ file, line, name, outcome }) => [
    `${outcome.kind.padEnd(12)} ${name}   ${join(dir, file)}:${line}`,
    ...(outcome.kind === 'passed' ? [] : outcome.reasons.map((reason) => `             ${reason}`)),
  ]);
  const bad = report.generated.flatMap(({ id, check, failure }) =>
    failure === undefined ? [] : [`failed       ${id} ${check}: ${failure}`],
  );
  return `${[...lines, ...bad, ...coverageLines(report.coverage), countLine(report, bad.length)].join('\n')}\n`;
}

function coverageLines({ untested, neverFire, neverClear, unreached }: TestCoverage): readonly string[] {
  const gaps = [
    ['no test of yours looks at', untested],
    ['fires in no test of yours', neverFire],
    ['clears in no test of yours', neverClear],
    ['is told in no test of yours', unreached],
  ] as const;
  return gaps.flatMap(([words, names]) => (names.length === 0 ? [] : [`${words}: ${names.join(', ')}`]));
}

function countLine({ results, generated, coverage }: TestReport, bad: number): string {
  const count = (kind: string) => results.filter(({ outcome }) => outcome.kind === kind).length;
  const { tested, alarms } = coverage;
  return (
    `${count('passed')} passed, ${count('failed')} failed, ${count('inconclusive')} inconclusive; tests of yours look at ` +
    `${tested.length} of ${alarms.length} alarms; ${generated.length - bad} of ${generated.length} generated checks hold.`
  );
}
