import { join } from 'node:path';
import type { CoverageCell } from '../../alarms/coverage.ts';
import type { Finding } from '../../alarms/lint/finding.ts';

const WORDS: Readonly<Record<CoverageCell['state'], string>> = {
  covered: 'covered',
  missing: 'MISSING',
  muted: 'muted',
  never_had_data: 'never had data',
  nobody_subscribed: 'NOBODY SUBSCRIBED',
};

/** One line for each stage, then what is wrong. */
export function coverageText(
  cells: readonly CoverageCell[],
  findings: readonly Finding[],
  dir: string,
): string {
  const stages = Map.groupBy(
    cells,
    ({ api, stage, account, region }) => `${api}/${stage} (${account}, ${region})`,
  );
  const lines = [...stages].map(([name, own]) => {
    const open = own.filter(({ state }) => state !== 'covered');
    const words = open.map(cellWords).join('; ');
    return `${name.padEnd(52)} ${own.length - open.length} of ${own.length} covered${words === '' ? '' : `   ${words}`}`;
  });
  const covered = cells.filter(({ state }) => state === 'covered').length;
  return `${[...lines, ...findingLines(findings, dir), `${covered} of ${cells.length} covered.`].join('\n')}\n`;
}

function cellWords({ expected, state, refused }: CoverageCell): string {
  return `${expected}: ${WORDS[state]}${refused === undefined ? '' : ` (refused: ${refused})`}`;
}

/** One line for each rule and place: an alarm of many stages would say the same thing many times. */
export function findingLines(findings: readonly Finding[], dir: string): readonly string[] {
  const groups = Map.groupBy(findings, ({ rule, file, line }) => `${join(dir, file)}:${line}\n${rule}`);
  return [...groups.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const { rule, severity, id, file, line, expected, got, remedy } = first;
    const more = same.length > 1 ? ` and ${same.length - 1} more` : '';
    return [
      `${join(dir, file)}:${line}  ${id}${more}  ${severity}: expected ${expected}, got ${got}; ${remedy} [${rule}]`,
    ];
  });
}
