import type { AccessPart } from '../model/part.ts';
import type { RequestRecord } from '../model/request-record.ts';
import { accessSideOf, assembleRequest, deciderOfRecord } from './assemble.ts';
import { joinedByConnection, mayHaveGoneOut, noteConnectionLine } from './connection-lines.ts';
import { decideByLine } from './decide.ts';
import type { JoinStep } from './join-step.ts';
import { connectionRef, isConnectLine } from './route-part.ts';
import type { ConnectionDecision } from './state-rows.ts';
import { finishWaiting, loadBodies, writeOnce } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/**
 * Keeps what the record of a `$connect` says: every later line of the connection lives on it. Where it says something else
 * than before, or takes it back, the records that have gone out by it follow.
 */
export function rememberConnection(step: JoinStep, record: RequestRecord): void {
  if (record.protocol !== 'WEBSOCKET') return;
  const part = { stage: record, fields: record };
  const ref = connectionRef(part);
  if (ref === undefined || !isConnectLine(part)) return;
  if (record.outcome === 'access_only' || record.outcome === 'ambiguous') takeBack(step, ref);
  else decide(step, ref, record);
}

function decide(step: JoinStep, ref: string, record: RequestRecord): void {
  const { memory, settings } = step;
  // A connection of the past is read now: its messages are still to come.
  const sinceMs = Math.max(record.eventMs, record.readMs);
  const decision: ConnectionDecision = {
    decider: deciderOfRecord(record),
    expiresMs: sinceMs + settings.longestConnectionMs + settings.latenessMs,
  };
  const before = memory.connections.get(ref);
  if (before !== undefined ? !isSame(before, decision) : mayHaveGoneOut(step, record))
    step.connectionsRevised.add(ref);
  memory.connections.set(ref, decision);
  step.connectionsChanged.set(ref, decision);
  step.connectionRefs.add(ref);
}

function isSame(a: ConnectionDecision, b: ConnectionDecision): boolean {
  return JSON.stringify(a.decider) === JSON.stringify(b.decider);
}

/** Who opened it is not known after all: what lives on it is as if its `$connect` had not been read. */
function takeBack(step: JoinStep, ref: string): void {
  if (!step.memory.connections.delete(ref)) return;
  step.connectionsChanged.set(ref, undefined);
  step.connectionsRevised.add(ref);
}

/** Writes the waiting lines of every connection whose decision this batch brought or already knew. */
export async function settleConnections(step: JoinStep): Promise<void> {
  for (const ref of step.connectionRefs) {
    const decision = step.memory.connections.get(ref);
    if (decision !== undefined)
      await writeLines(step, step.memory.waiting.waitingFor('connection', ref), decision);
  }
  step.connectionRefs.clear();
}

/** Their `$connect` was not read in all the time they were held. */
export async function leaveOverdueConnections(step: JoinStep, overdue: readonly Waiting[]): Promise<void> {
  const entries = overdue.filter((entry) => step.memory.waiting.get(entry.key) === entry);
  await writeLines(step, entries, undefined);
}

async function writeLines(
  step: JoinStep,
  entries: readonly Waiting[],
  decision: ConnectionDecision | undefined,
): Promise<void> {
  await loadBodies(step, entries);
  for (const entry of entries) {
    step.at = entry;
    if (entry.part !== undefined) writeLine(step, entry, entry.part, decision);
  }
}

function writeLine(
  step: JoinStep,
  entry: Waiting,
  part: AccessPart,
  decision: ConnectionDecision | undefined,
): void {
  const side = accessSideOf(part, entry.recordId, decideByLine(part), entry.readMs);
  writeOnce(step, entry, assembleRequest(side, joinedByConnection(side.verdict, decision)));
  noteConnectionLine(step, entry.route.ref, side);
  finishWaiting(step, entry);
}

/** Forgets connections that must have ended; the oldest come first. */
export function expireConnections({ memory, forgetMs }: JoinStep): void {
  for (const [ref, decision] of memory.connections) {
    if (decision.expiresMs >= forgetMs) return;
    memory.connections.delete(ref);
  }
}
