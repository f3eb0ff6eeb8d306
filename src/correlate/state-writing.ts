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
    if (!step.waitingDone.has(entry)) pushWaiting(step, entry, state);
    else if (!step.waitingNew.has(entry)) state.push(drop(STATE_KINDS.waiting, entry.key));
  }
  for (const invocation of step.touched) pushInvocation(step, invocation, state);
  for (const [ref, decision] of step.connectionsChanged) {
    state.push(put(STATE_KINDS.connection, ref, decision, decision.expiresMs));
  }
  return { records: [...step.records.values()], state };
}

function pushWaiting({ memory, nowMs }: JoinStep, entry: Waiting, state: StateChange[]): void {
  if (entry.part === undefined) return;
  const expiresMs = entry.left ? entry.expiresMs : 0;
  const body: WaitingBody = { part: entry.part, readMs: entry.readMs, left: entry.left, expiresMs };
  state.push(put(STATE_KINDS.waiting, entry.key, body, expiresMs === 0 ? 0 : Math.max(expiresMs, nowMs)));
  memory.waiting.markStored(entry);
}

/** The row outlives every line that the decision may still be cached for. */
function pushInvocation({ settings, nowMs }: JoinStep, invocation: Invocation, state: StateChange[]): void {
  const settled = isSettled(invocation, nowMs, openForMs(settings));
  const sinceMs = Math.max(invocation.endMs, nowMs);
  const expiresMs = sinceMs + LONGEST_TTL_MS + settings.latenessMs;
  const kind = settled ? STATE_KINDS.invocation : STATE_KINDS.openInvocation;
  state.push(putInvocation(kind, invocation, expiresMs));
  const other = settled ? STATE_KINDS.openInvocation : STATE_KINDS.invocation;
  if (invocation.stored === other) state.push(drop(other, invocation.key));
  invocation.stored = kind;
}
