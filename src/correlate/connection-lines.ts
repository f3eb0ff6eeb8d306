import type { RequestRecord } from '../model/request-record.ts';
import { type AccessSide, accessSideOfRecord, assembleRequest, type Joined } from './assemble.ts';
import type { LineVerdict } from './decide.ts';
import { addTo } from './group-map.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { outcomeWithoutPartner } from './route-part.ts';
import {
  type ConnectionDecision,
  type ConnectionLine,
  readConnectionLines,
  STATE_KINDS,
} from './state-rows.ts';

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

/** Writes the records of lines again that have gone out by what is no longer the decision of their connection. */
export async function reviseConnections(step: JoinStep): Promise<void> {
  for (const ref of step.connectionsRevised) {
    const lines = await linesOf(step, ref);
    const missing = lines.filter(({ recordId }) => !step.records.has(recordId));
    const stored = await step.store.bodies(missing.map(({ recordId }) => recordId));
    const decision = step.memory.connections.get(ref);
    for (const line of lines) {
      const record = step.records.get(line.recordId) ?? stored.get(line.recordId);
      if (record?.kind !== 'request') continue;
      const side = accessSideOfRecord(record, line);
      writeRecord(step, assembleRequest(side, joinedByConnection(line.verdict, decision)));
    }
  }
}

async function linesOf(step: JoinStep, ref: string): Promise<readonly ConnectionLine[]> {
  const lines = [...(step.connectionLines.get(ref) ?? [])];
  for await (const { body } of step.store.allState(STATE_KINDS.connectionLines, `${ref}\n`)) {
    lines.push(...readConnectionLines(body));
  }
  return lines;
}
