import type { AccessPart } from '../model/part.ts';
import { type AccessSide, accessSideOf, assembleRequest } from './assemble.ts';
import { openForMs } from './correlate-settings.ts';
import { decideByLine } from './decide.ts';
import { type GatewayMatch, joinedByGatewayId, matchByGatewayId } from './gateway-group.ts';
import { canHaveCaused, type Invocation } from './invocation.ts';
import { freeInvocation, type JoinStep } from './join-step.ts';
import { keepLeft, loadBodies, writeOnce } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/** A line that comes after its group was settled contradicts or completes it: the group is settled again. */
export function reopenGatewayGroups(step: JoinStep): void {
  for (const ref of step.gatewayArrivals) if (hasLeft(step, ref)) step.gatewayRefs.add(ref);
}

/** True when lines of the group have gone out already. */
export function hasLeft({ memory }: JoinStep, ref: string): boolean {
  return memory.waiting.waitingFor('gateway', ref).some((entry) => entry.left);
}

export async function settleGatewayGroups(step: JoinStep): Promise<void> {
  for (const ref of step.gatewayRefs) await settleGatewayGroup(step, ref);
}

/** A group is settled as a whole, from nothing, whenever a line changed it. */
async function settleGatewayGroup(step: JoinStep, ref: string): Promise<void> {
  const entries = step.memory.waiting.waitingFor('gateway', ref);
  await loadBodies(step, entries);
  const lines = entries.flatMap((entry) =>
    entry.part === undefined ? [] : [{ key: entry.key, part: entry.part, entry }],
  );
  const invocations = step.memory.invocations.byGatewayRef(ref);
  for (const invocation of invocations) forgetSettling(step, invocation);
  const matches = matchByGatewayId(lines, invocations, (part, invocation) =>
    canHaveCaused(part, decideByLine(part).decision === 'error', invocation, step.settings.skewMs),
  );
  for (const { part, entry } of lines) {
    writeMatch(step, entry, part, matches.get(entry.key) ?? { kind: 'none' });
  }
}

/** Neither a pair nor a doubt of an earlier settling outlives the line that changed the group. */
function forgetSettling(step: JoinStep, invocation: Invocation): void {
  if (invocation.claim === undefined && !invocation.ambiguous) return;
  invocation.ambiguous = false;
  freeInvocation(step, invocation);
}

function writeMatch(step: JoinStep, entry: Waiting, part: AccessPart, match: GatewayMatch): void {
  const verdict = decideByLine(part);
  const side = accessSideOf(part, entry.recordId, verdict, entry.readMs);
  if (match.kind === 'matched') claimByGatewayId(step, part, side, match.invocation);
  if (match.kind === 'ambiguous') disclaim(step, match.candidates);
  writeOnce(step, entry, assembleRequest(side, joinedByGatewayId(match, verdict)));
  keepLeft(step, entry, step.nowMs + openForMs(step.settings));
}

function claimByGatewayId(step: JoinStep, part: AccessPart, side: AccessSide, invocation: Invocation): void {
  invocation.claim = {
    recordId: side.recordId,
    joinKey: 'gateway_request_id',
    verdict: side.verdict,
    own: side.own,
    echoed: false,
    requestStartMs: part.startMs,
  };
  step.touched.add(invocation);
}

/** No line gets any of them; those that no line names either go out alone, and say why. */
function disclaim(step: JoinStep, candidates: readonly Invocation[]): void {
  for (const invocation of candidates) {
    invocation.ambiguous = true;
    freeInvocation(step, invocation);
  }
}
