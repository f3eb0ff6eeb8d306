import type { AccessPart } from '../model/part.ts';
import type { RequestRecord } from '../model/request-record.ts';
import { accessSideOf, assembleRequest, deciderOfRecord } from './assemble.ts';
import { joinedByConnection, mayHaveGoneOut, noteConnectionLine } from './connection-lines.ts';
import { decideByLine } from './decide.ts';
import type { JoinStep } from './join-step.ts';
import { decisionOf, loadConnections } from './load-connections.ts';
import { connectionRef, isConnectLine } from './route-part.ts';
import type { ConnectionDecision } from './state-rows.ts';
import { behindRows } from './unfinished.ts';
import { finishWaiting, loadBodies, writeOnce } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/**
 * Keeps what the record of a `$connect` says: every later line of the connection lives on it. Where it says something else
 * than before, or takes it back, the records that have gone out by it follow. All of that when connections are settled.
 */
export function rememberConnection(step: JoinStep, record: RequestRecord): void {
  if (record.protocol !== 'WEBSOCKET') return;
  const part = { stage: record, fields: record };
  const ref = connectionRef(part);
  if (ref !== undefined && isConnectLine(part)) step.connectsWritten.set(ref, record);
}

/** A line of the connection waits: it can be told at once if its decision is known, in memory or in the journal. */
export function awaitDecision({ memory, connectionRefs }: JoinStep, ref: string): void {
  if (memory.connections.isForgetful || memory.connections.get(ref) !== undefined) connectionRefs.add(ref);
}

function decide(step: JoinStep, ref: string, record: RequestRecord): void {
  const { memory, settings } = step;
  // A connection of the past is read now: its messages are still to come.
  const sinceMs = Math.max(record.eventMs, record.readMs);
  const decision: ConnectionDecision = {
    decider: deciderOfRecord(record),
    expiresMs: sinceMs + settings.longestConnectionMs + settings.latenessMs,
  };
  const before = decisionOf(step, ref);
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
  if (decisionOf(step, ref) === undefined) return;
  step.memory.connections.delete(ref);
  step.connectionsChanged.set(ref, undefined);
  step.connectionsRevised.add(ref);
}

/** Writes the waiting lines of every connection whose decision this batch brought or already knew, as far as it has room. */
export async function settleConnections(step: JoinStep): Promise<void> {
  const { connectsWritten } = step;
  await loadConnections(step, [...connectsWritten.keys(), ...step.connectionRefs]);
  for (const [ref, record] of connectsWritten) {
    if (record.outcome === 'access_only' || record.outcome === 'ambiguous') takeBack(step, ref);
    else decide(step, ref, record);
  }
  connectsWritten.clear();
  for (const ref of step.connectionRefs) {
    if (await writeWaitingLines(step, ref)) continue;
    const { unfinishedConnections: unfinished } = step.memory;
    if (!unfinished.has(ref)) unfinished.begin(ref, step.forgetMs, behindRows(ref));
  }
  step.connectionRefs.clear();
}

/** False when there are more of them than the batch has room for. */
export async function writeWaitingLines(step: JoinStep, ref: string): Promise<boolean> {
  if (decisionOf(step, ref) === undefined) return true;
  const entries = step.memory.waiting.waitingFor('connection', ref);
  const { connections: room } = step.room;
  const now = entries.length > room ? entries.slice(0, room) : entries;
  step.room.connections -= now.length;
  await writeLines(step, now);
  return now === entries;
}

/** Their `$connect` was not read in all the time they were held, or a batch to come was to tell them of it. */
export async function leaveOverdueConnections(step: JoinStep, overdue: readonly Waiting[]): Promise<void> {
  const entries = overdue.filter((entry) => step.memory.waiting.get(entry.key) === entry);
  await loadConnections(
    step,
    entries.map(({ route }) => route.ref),
  );
  await writeLines(step, entries);
}

async function writeLines(step: JoinStep, entries: readonly Waiting[]): Promise<void> {
  await loadBodies(step, entries);
  for (const entry of entries) {
    step.at = entry;
    const decision = decisionOf(step, entry.route.ref);
    if (entry.part !== undefined) writeLine(step, entry, entry.part, decision);
    // The journal has forgotten it: nobody can tell it anything any more.
    else finishWaiting(step, entry);
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
