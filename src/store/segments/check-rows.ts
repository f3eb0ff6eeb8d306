import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { numberIn, type Row } from '../row.ts';

const STEP_ROWS = 250;

/** A row whose content does not match its hash, or that is missing. */
export interface RowProblem {
  readonly seq: number;
  readonly problem: string;
}

export interface CheckedRows {
  readonly rows: number;
  readonly problems: readonly RowProblem[];
}

export interface CheckSpan {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** Problems that are named; more of one span are left out. */
const MOST_PROBLEMS = 1_000;

/**
 * Compares every row of a span with its own hash and looks for missing ones, in steps that let others work between.
 * `afterStep` is told the rows of each step and may wait.
 */
export async function checkRows(
  db: DatabaseSync,
  span: CheckSpan,
  afterStep: (rows: number) => Promise<unknown> = () => setImmediate(),
): Promise<CheckedRows> {
  const read = db.prepare('SELECT seq, sha256, body FROM record WHERE seq BETWEEN ? AND ? ORDER BY seq');
  const problems: RowProblem[] = [];
  let rows = 0;
  for (let from = span.firstSeq; from <= span.lastSeq; from += STEP_ROWS) {
    const to = Math.min(span.lastSeq, from + STEP_ROWS - 1);
    const step = checkStep(read.all(from, to), from, to);
    rows += step.rows;
    problems.push(...step.problems.slice(0, Math.max(0, MOST_PROBLEMS - problems.length)));
    await afterStep(step.rows);
  }
  return { rows, problems };
}

/** The rows that stand between two numbers, ends included, as `checkRows` finds them. */
export function checkStep(found: readonly Row[], from: number, to: number): CheckedRows {
  const problems: RowProblem[] = [];
  let expected = from;
  for (const row of found) {
    const seq = numberIn(row, 'seq');
    for (; expected < seq; expected += 1) problems.push({ seq: expected, problem: 'is missing' });
    expected = seq + 1;
    if (!matchesHash(row)) problems.push({ seq, problem: 'does not match its hash' });
  }
  for (; expected <= to; expected += 1) problems.push({ seq: expected, problem: 'is missing' });
  return { rows: found.length, problems };
}

/** Whether the body of a row is the one whose SHA-256 stands beside it. */
export function matchesHash({ sha256, body }: Row): boolean {
  if (!(sha256 instanceof Uint8Array) || typeof body !== 'string') return false;
  return hash('sha256', body, 'buffer').equals(sha256);
}
