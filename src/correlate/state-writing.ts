import type { StateChange } from '../model/journal.ts';
import { openForMs } from './correlate-settings.ts';
import type { Correlation } from './correlation.ts';
import type { Invocation } from './invocation.ts';
import { isSettled } from './invocation-book.ts';
import type { JoinStep } from './join-step.ts';
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
    else if (!step.waitingNew.has(entry)) state.push(drop(STATE_KINDS.waiting, entry.key));
  }
  for (const invocation of step.touched) {
    step.at = invocation;
    pushInvocation(step, invocation, state);
  }
  step.at = undefined;
  for (const { key } of step.refusals.invocations) {
    state.push(drop(STATE_KINDS.openInvocation, key), drop(STATE_KINDS.invocation, key));
  }
  state.push(...step.parked.changes(), ...step.lonely.changes());
  for (const [ref, decision] of step.connectionsChanged) {
    state.push(put(STATE_KINDS.connection, ref, decision, decision.expiresMs));
  }
  const { parts } = step.refusals;
  return { records: [...step.records.values()], state, ...(parts.size > 0 && { refused: parts }) };
}

function pushWaiting({ memory, nowMs }: JoinStep, entry: Waiting, state: StateChange[]): void {
  if (entry.part === undefined) return;
  const expiresMs = entry.left ? entry.expiresMs : 0;
  const { part, readMs, left, closesMs } = entry;
  const body: WaitingBody = { part, readMs, left, expiresMs, ...(closesMs !== expiresMs && { closesMs }) };
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
