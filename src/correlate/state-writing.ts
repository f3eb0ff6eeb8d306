import type { StateChange } from '../model/journal.ts';
import { openForMs } from './correlate-settings.ts';
import type { Correlation } from './correlation.ts';
import type { Invocation } from './invocation.ts';
import { isSettled } from './invocation-book.ts';
import { allUnfinished } from './join-memory.ts';
import type { JoinStep } from './join-step.ts';
import { inRows, parkedNamedChanges, rowKey } from './parked-named.ts';
import { drop, put, putInvocation, STATE_KINDS, type WaitingBody } from './state-rows.ts';
import type { Waiting } from './waiting-room.ts';

/** Longest an authorizer's result may be cached (API Gateway: 3600 s). */
const LONGEST_TTL_MS = 3_600_000;

/** What the batch came to: its records, and every change of state as the journal keeps it. */
export function correlationOf(step: JoinStep): Correlation {
  const state: StateChange[] = [];
  for (const entry of step.waitingChanged) {
    step.at = entry;
    if (!step.waitingDone.has(entry)) pushWaiting(step, entry, state);
    else if (!step.waitingNew.has(entry) && !step.rowsLeftAlone.has(entry.key))
      state.push(drop(STATE_KINDS.waiting, entry.key));
  }
  for (const key of step.rowsGivenUp) state.push(drop(STATE_KINDS.waiting, key));
  // Before those that are written: a line of this batch may begin one of them anew.
  for (const key of step.invocationsGivenUp) state.push(drop(STATE_KINDS.openInvocation, key));
  for (const invocation of step.touched) {
    step.at = invocation;
    pushInvocation(step, invocation, state);
  }
  step.at = undefined;
  for (const { key } of step.refusals.invocations) {
    state.push(drop(STATE_KINDS.openInvocation, key), drop(STATE_KINDS.invocation, key));
  }
  state.push(...step.parked.changes(), ...step.lonely.changes(), ...step.torn.changes());
  state.push(...parkedNamedChanges(step));
  for (const [ref, decision] of step.connectionsChanged) {
    if (decision === undefined) state.push(drop(STATE_KINDS.connection, ref));
    else state.push(put(STATE_KINDS.connection, ref, decision, decision.expiresMs));
  }
  const expiresMs = step.nowMs + step.settings.latenessMs;
  for (const [ref, lines] of step.connectionLines) {
    for (const [, some] of inRows(lines))
      state.push(put(STATE_KINDS.connectionLines, rowKey(ref, some), { lines: some }, expiresMs));
  }
  for (const unfinished of allUnfinished(step.memory)) state.push(...unfinished.takeChanges());
  pushForgotten(step, state);
  const { leftEarly, refusals } = step;
  return {
    records: [...step.records.values()],
    state,
    ...(refusals.parts.size > 0 && { refused: refusals.parts }),
    ...(leftEarly > 0 && { leftEarly }),
  };
}

/** Kept for as long as it says more than the age of a line does. */
function pushForgotten({ memory, settings }: JoinStep, state: StateChange[]): void {
  const throughMs = memory.forgottenThroughMs;
  const hasUnread = memory.unread !== undefined;
  const { forgottenStored: stored } = memory;
  if (throughMs === stored.throughMs && hasUnread === stored.hasUnread) return;
  memory.forgottenStored = { throughMs, hasUnread };
  const expiresMs = hasUnread ? 0 : throughMs + openForMs(settings);
  state.push(put(STATE_KINDS.forgotten, 'lines', memory.forgottenStored, expiresMs));
}

function pushWaiting({ memory, nowMs }: JoinStep, entry: Waiting, state: StateChange[]): void {
  if (entry.part === undefined) return;
  const expiresMs = entry.left ? entry.expiresMs : 0;
  const { part, readMs, left, closesMs, told } = entry;
  const body: WaitingBody = {
    part,
    readMs,
    left,
    expiresMs,
    ...(closesMs !== expiresMs && { closesMs }),
    ...(told !== undefined && { told }),
  };
  state.push(put(STATE_KINDS.waiting, entry.key, body, expiresMs === 0 ? 0 : Math.max(expiresMs, nowMs)));
  memory.waiting.markStored(entry);
}

/** The row outlives every line that the decision may still be cached for. */
export function invocationExpiryMs(
  { settings, nowMs }: Pick<JoinStep, 'settings' | 'nowMs'>,
  { endMs }: Invocation,
): number {
  return Math.max(endMs, nowMs) + LONGEST_TTL_MS + settings.latenessMs;
}

function pushInvocation(step: JoinStep, invocation: Invocation, state: StateChange[]): void {
  const settled = isSettled(invocation, step.nowMs, openForMs(step.settings));
  const expiresMs = invocationExpiryMs(step, invocation);
  const kind = settled ? STATE_KINDS.invocation : STATE_KINDS.openInvocation;
  state.push(putInvocation(kind, invocation, expiresMs));
  const other = settled ? STATE_KINDS.openInvocation : STATE_KINDS.invocation;
  if (invocation.stored === other) state.push(drop(other, invocation.key));
  invocation.stored = kind;
}
