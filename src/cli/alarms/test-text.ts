import { join } from 'node:path';
import type { Expansion } from '../../alarms/expand-alarms.ts';
import type { TestResult } from '../../alarms/testing/alarm-tests.ts';
import type { GeneratedResult } from '../../alarms/testing/generated-tests.ts';

export interface TestReport {
  readonly results: readonly TestResult[];
  readonly generated: readonly GeneratedResult[];
  /** `set/alarm` that no test of a file looks at. */
  readonly untested: readonly string[];
}

export function reportOf(
  results: readonly TestResult[],
  generated: readonly GeneratedResult[],
  expansion: Expansion,
): TestReport {
  const covered = new Set(results.flatMap((result) => result.covered));
  const all = new Set(expansion.instances.map(({ set, alarm }) => `${set}/${alarm}`));
  return { results, generated, untested: [...all].filter((name) => !covered.has(name)).sort() };
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
  const count = (kind: string) => report.results.filter(({ outcome }) => outcome.kind === kind).length;
  return `${[
    ...lines,
    ...bad,
    ...(report.untested.length === 0 ? [] : [`no test of yours looks at: ${report.untested.join(', ')}`]),
    `${count('passed')} passed, ${count('failed')} failed, ${count('inconclusive')} inconclusive; ` +
      `${report.generated.length - bad.length} of ${report.generated.length} generated checks hold.`,
  ].join('\n')}\n`;
}
