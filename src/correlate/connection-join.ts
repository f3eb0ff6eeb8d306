import type { AccessPart } from '../model/part.ts';
import type { RequestRecord } from '../model/request-record.ts';
import { accessSideOf, assembleRequest, deciderOfRecord, type Joined } from './assemble.ts';
import { decideByLine } from './decide.ts';
import type { Invocation } from './invocation.ts';
import type { JoinStep } from './join-step.ts';
import { isUndecided } from './lines-to-come.ts';
import { connectionRef, isConnectLine } from './route-part.ts';
import type { ConnectionDecision } from './state-rows.ts';
import { finishWaiting, keepLeft, leaveAlone, loadBodies, writeOnce } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/**
 * Keeps what the record of a `$connect` says: every later line of the connection lives on it. `invocation`: who decided,
 * where one is known; what it has yet to say is written into those lines when it comes.
 */
export function rememberConnection(step: JoinStep, record: RequestRecord, invocation?: Invocation): void {
  const part = { stage: record, fields: record };
  const ref = connectionRef(part);
  if (ref === undefined || !isConnectLine(part)) return;
  if (record.outcome === 'access_only' || record.outcome === 'ambiguous') return;
  const { longestConnectionMs, latenessMs } = step.settings;
  // A connection of the past is read now: its messages are still to come.
  const sinceMs = Math.max(record.eventMs, record.readMs);
  const expiresMs = sinceMs + longestConnectionMs + latenessMs;
  const isOpen = invocation !== undefined && isUndecided(step.memory, invocation);
  const decision: ConnectionDecision = {
    decider: deciderOfRecord(record),
    expiresMs,
    ...(isOpen && { isOpen }),
  };
  step.memory.connections.set(ref, decision);
  step.connectionsChanged.set(ref, decision);
  step.connectionRefs.add(ref);
}

/** Writes the waiting lines of every connection whose decision this batch brought or already knew. */
export async function settleConnections(step: JoinStep): Promise<void> {
  for (const ref of step.connectionRefs) {
    const decision = step.memory.connections.get(ref);
    if (decision === undefined) continue;
    const entries = step.memory.waiting.waitingFor('connection', ref);
    await loadBodies(step, entries);
    for (const entry of entries) {
      step.at = entry;
      if (entry.part !== undefined) writeOnDecision(step, entry, entry.part, decision);
    }
  }
  step.connectionRefs.clear();
}

function writeOnDecision(
  step: JoinStep,
  entry: Waiting,
  part: AccessPart,
  { decider, isOpen }: ConnectionDecision,
): void {
  const side = accessSideOf(part, entry.recordId, decideByLine(part), entry.readMs);
  const joined: Joined = { outcome: 'connection_decision', joinKey: 'connection_id', decider };
  writeOnce(step, entry, assembleRequest(side, joined));
  if (isOpen === true) keepLeft(step, entry, step.nowMs + step.settings.latenessMs);
  else finishWaiting(step, entry);
}

/** Their `$connect` was not read in all the time they were held. */
export async function leaveOverdueConnections(step: JoinStep, overdue: readonly Waiting[]): Promise<void> {
  const entries = overdue.filter((entry) => step.memory.waiting.get(entry.key) === entry);
  await loadBodies(step, entries);
  for (const entry of entries) {
    step.at = entry;
    if (entry.part !== undefined && !entry.left) leaveAlone(step, entry, entry.part);
  }
}

/** Forgets connections that must have ended; the oldest come first. */
export function expireConnections({ memory, nowMs }: JoinStep): void {
  for (const [ref, decision] of memory.connections) {
    if (decision.expiresMs >= nowMs) return;
    memory.connections.delete(ref);
  }
}
