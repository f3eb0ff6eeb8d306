/** Where something stands in a file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export type DocumentPath = readonly (string | number)[];

/**
 * One thing that is wrong with a file, complete enough to mend it without looking anything up. `got` never holds a
 * secret: values behind references and values of secret fields are described, not shown.
 */
export interface Problem extends Position {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** Dotted, with list positions in brackets: `authorizers[0].match.name`; empty for the file as a whole. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
  readonly remedy: string;
}

/** `metrics`, `period` → `metrics.period`; list positions in brackets; names that need it in quotes. */
export function formatPath(path: DocumentPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(clip(step))}]`;
  }
  return text;
}

/** One line for people: `gatewatch.yaml:12:11  metrics.period  expected …, got …; remedy`. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const subject = problem.path === '' ? '' : `${problem.path}  `;
  const warning = problem.severity === 'warning' ? 'warning: ' : '';
  return `${place}  ${subject}${warning}expected ${problem.expected}, got ${problem.got}; ${problem.remedy}`;
}

/** In the order a reader meets them. */
export function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort(
    (a, b) => a.line - b.line || a.column - b.column || a.path.localeCompare(b.path, 'en'),
  );
}

/** Text from a file as it may be shown: short, and without control characters that would steer a terminal. */
export function clip(text: string, length = 60): string {
  const printable = text.replace(/\p{C}/gu, '�');
  return printable.length <= length ? printable : `${printable.slice(0, length - 1)}…`;
}
