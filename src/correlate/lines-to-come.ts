import type { Invocation } from './invocation.ts';
import type { JoinMemory } from './join-memory.ts';

/**
 * Nothing more to wait for: the invocation is there from START to end, and said what it decided. Lines are not read in
 * order: the one with the decision can come after the REPORT line, and without START the invocation may look as if it ran
 * inside a request that it began before. Functions that never log the one or the other are known by their past.
 */
export function isTelling(memory: Pick<JoinMemory, 'silent'>, invocation: Invocation): boolean {
  const { unit, begun, complete } = invocation;
  if (!complete) return false;
  return (begun || memory.silent.logsNoStart(unit)) && !isUndecided(memory, invocation);
}

/** True while the line that says what was decided, and for whom, may still come. */
export function isUndecided({ silent }: Pick<JoinMemory, 'silent'>, { unit, decision }: Invocation): boolean {
  return decision === undefined && !silent.logsNoDecision(unit);
}
