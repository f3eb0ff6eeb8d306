import { awaitDecision } from './connection-join.ts';
import { giveUpInvocation } from './give-up-invocation.ts';
import { giveUpRow } from './give-up-row.ts';
import type { JoinStep } from './join-step.ts';
import { LATE_SLACK_MS } from './late.ts';
import { restoreWaiting } from './restore-waiting.ts';
import type { Waiting } from './waiting-room.ts';

/** Share of the bound that one batch reads on of what the start has left in the journal. */
const READ_ON = 0.1;

/**
 * An earlier version, or a higher bound, can have left more waiting lines than memory takes. Each batch reads some more of
 * them, as if they had come with it; until then they are as good as not read yet. Returns those that have left by the
 * invocation they name: it may have come meanwhile. Call before anything of the batch is judged.
 */
export async function readWaitingOn(step: JoinStep): Promise<readonly Waiting[]> {
  const { memory, settings, nowMs } = step;
  // What is not read yet counts as forgotten: it may be of any time up to now.
  if (memory.forgottenThroughMs === Number.POSITIVE_INFINITY)
    memory.forgottenThroughMs = nowMs + LATE_SLACK_MS;
  const left: Waiting[] = [];
  const most = Math.max(1, Math.floor(settings.linesInMemory * READ_ON));
  for (let n = 0; memory.unread !== undefined && n < most; n += 1) {
    const next = await memory.unread.next();
    if (next.done === true) memory.unread = undefined;
    else {
      const entry = restoreWaiting(memory, next.value);
      if (entry !== undefined) arrive(step, entry, left);
    }
  }
  return left;
}

/** Call when all that this batch reads on is read. */
export function giveUpUnreadable(step: JoinStep): void {
  for (const { row, error } of step.memory.unreadable.splice(0)) {
    const hasLeft = row.expiresMs > 0;
    // One that has left says so until it expires: nothing of it is lost.
    if (giveUpRow(step, row, hasLeft, error) && !hasLeft) step.rowsGivenUp.add(row.key);
  }
  for (const { row, error } of step.memory.unreadableInvocations.splice(0)) {
    if (giveUpInvocation(step, row, error)) step.invocationsGivenUp.add(row.key);
  }
}

function arrive(step: JoinStep, entry: Waiting, left: Waiting[]): void {
  const { mode, ref } = entry.route;
  if (mode === 'gateway') step.gatewayArrivals.add(ref);
  else if (mode === 'connection') awaitDecision(step, ref);
  else if (entry.left) left.push(entry);
}
