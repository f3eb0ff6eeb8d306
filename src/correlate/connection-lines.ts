import type { RequestRecord } from '../model/request-record.ts';
import type { AccessSide, Joined } from './assemble.ts';
import type { LineVerdict } from './decide.ts';
import { addTo } from './group-map.ts';
import type { JoinStep } from './join-step.ts';
import { outcomeWithoutPartner } from './route-part.ts';
import type { ConnectionDecision } from './state-rows.ts';

/** How far two hosts' clocks may be apart, milliseconds. */
const CLOCKS_APART_MS = 60_000;

/** What the record of a line says that lives on the decision of its connection, known or not. */
export function joinedByConnection(verdict: LineVerdict, decision: ConnectionDecision | undefined): Joined {
  if (decision === undefined) return { outcome: outcomeWithoutPartner(verdict), joinKey: 'none' };
  return { outcome: 'connection_decision', joinKey: 'connection_id', decider: decision.decider };
}

/**
 * Its record is out. The journal keeps which ones are, by connection, for as long as its `$connect` may be judged anew:
 * one row for all lines of a connection that go out together, and none of them read until then.
 */
export function noteConnectionLine(step: JoinStep, ref: string, side: AccessSide): void {
  const { recordId, verdict, own } = side;
  addTo(step.connectionLines, ref, { recordId, verdict, own });
  step.memory.mayBeStored.connectionLines = true;
}

/** True when lines of the connection may have left without its decision: they are held so long from when they are read. */
export function mayHaveGoneOut({ memory, nowMs, settings }: JoinStep, connect: RequestRecord): boolean {
  const heldSinceMs = nowMs - settings.maxHoldMs + CLOCKS_APART_MS;
  return (
    memory.mayBeStored.connectionLines && connect.eventMs < Math.max(heldSinceMs, memory.forgottenThroughMs)
  );
}
