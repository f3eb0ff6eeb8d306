import type { AccessPart } from '../model/part.ts';
import { type AccessSide, accessSideOf, assembleRequest, deciderOf, type Joined } from './assemble.ts';

import { rememberConnection } from './connection-join.ts';
import { openForMs } from './correlate-settings.ts';
import { decideByLine } from './decide.ts';
import {
  type Claim,
  canHaveCaused,
  gatewayRefOf,
  type Invocation,
  invocationKey,
  isBetterClaim,
} from './invocation.ts';
import type { JoinMemory } from './join-memory.ts';
import { freeInvocation, type JoinStep, writeRecord } from './join-step.ts';
import { isTelling, isUndecided } from './lines-to-come.ts';
import { loadInvocations } from './load-invocations.ts';
import type { NamedRoute } from './route-part.ts';
import { readLinesBack } from './thin-invocation.ts';
import { finishWaiting, keepLeft, leaveAlone, loadBodies } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/** A line, and by which of its keys it names an invocation. */
interface NamedLine {
  readonly part: AccessPart;
  readonly side: AccessSide;
  readonly joinKey: NamedRoute['joinKey'];
}

/** The common case: the invocation is there and whole, so the line never waits. False when it has to. */
export function admitNamed(
  step: JoinStep,
  part: AccessPart,
  side: AccessSide,
  { ref, joinKey }: NamedRoute,
): boolean {
  const invocation = step.memory.invocations.get(ref);
  if (invocation === undefined || !isTelling(step.memory, invocation)) return false;
  writeNamed(step, { part, side, joinKey }, invocation);
  return true;
}

/** Settles lines whose invocation is whole, or that have waited for it long enough. */
export async function settleNamed(step: JoinStep, entries: readonly Waiting[]): Promise<void> {
  await loadBodies(step, entries);
  // A line that waited through a restart may name one that nothing has asked for since.
  await loadInvocations(step, namedKeys(entries));
  await readLinesBack(step.store, namedInvocations(step, entries));
  reopenClaims(step, entries);
  for (const entry of entries) {
    if (entry.part !== undefined && entry.route.mode === 'named') {
      step.at = entry;
      settleEntry(step, entry, entry.part, entry.route);
    }
  }
}

function namedKeys(entries: readonly Waiting[]): string[] {
  return entries.flatMap(({ route }) => (route.mode === 'named' ? [route.ref] : []));
}

function* namedInvocations({ memory }: JoinStep, entries: readonly Waiting[]): Generator<Invocation> {
  for (const { route } of entries) {
    const invocation = route.mode === 'named' ? memory.invocations.get(route.ref) : undefined;
    if (invocation !== undefined) yield invocation;
  }
}

function settleEntry(step: JoinStep, entry: Waiting, part: AccessPart, { ref, joinKey }: NamedRoute): void {
  const invocation = step.memory.invocations.get(ref);
  if (invocation === undefined) {
    leaveAlone(step, entry, part);
    return;
  }
  const side = accessSideOf(part, entry.recordId, decideByLine(part), entry.readMs);
  writeNamed(step, { part, side, joinKey }, invocation);
  if (isTelling(step.memory, invocation)) {
    finishWaiting(step, entry);
    return;
  }
  const { latenessMs } = step.settings;
  const isOpen = isUndecided(step.memory, invocation);
  keepLeft(step, entry, step.nowMs + (isOpen ? latenessMs : openForMs(step.settings)));
}

/** Lines that left on thin evidence compete again once there is more: none keeps what it claimed too early. */
function reopenClaims(step: JoinStep, entries: readonly Waiting[]): void {
  for (const { route, recordId } of entries) {
    const invocation = route.mode === 'named' ? step.memory.invocations.get(route.ref) : undefined;
    if (invocation !== undefined) giveUpClaim(step, recordId, invocation);
  }
}

function writeNamed(step: JoinStep, line: NamedLine, invocation: Invocation): void {
  const record = assembleRequest(line.side, joinNamed(step, line, invocation));
  writeRecord(step, record);
  rememberConnection(step, record, invocation);
}

function joinNamed(step: JoinStep, line: NamedLine, invocation: Invocation): Joined {
  const { side, joinKey } = line;
  if (isConflicting(step.memory, line, invocation)) {
    giveUpClaim(step, side.recordId, invocation);
    return { outcome: 'ambiguous', joinKey: 'none' };
  }
  const failed = side.verdict.decision === 'error';
  const decider = deciderOf(invocation);
  if (!claimByName(step, line, invocation)) {
    return { outcome: failed ? 'authorizer_error' : 'cached_decision', joinKey, decider };
  }
  return { outcome: failed ? 'authorizer_error' : 'matched', joinKey, decider, invocation };
}

/** Two keys that name two known invocations, or a deny behind a request that got through: never merged. */
function isConflicting(
  { invocations }: JoinMemory,
  { part, side }: NamedLine,
  invocation: Invocation,
): boolean {
  if (side.verdict.decision === 'allow' && invocation.decision === 'deny') return true;
  const other = part.authorizerRequestId;
  if (other === undefined || other === invocation.lambdaRequestId) return false;
  return invocations.get(invocationKey(invocation.unit, other)) !== undefined;
}

/** A claim made before the contradiction was read falls; the invocation is free for another line, or goes out alone. */
function giveUpClaim(step: JoinStep, recordId: string, invocation: Invocation): void {
  if (invocation.claim?.recordId !== recordId) return;
  freeInvocation(step, invocation);
  step.memory.invocations.index(invocation);
  settleGatewayGroupLater(step, invocation);
}

/** Lets the line claim the invocation when it ran inside the request and no better claim stands. */
function claimByName(step: JoinStep, line: NamedLine, invocation: Invocation): boolean {
  const failed = line.side.verdict.decision === 'error';
  if (!canHaveCaused(line.part, failed, invocation, step.settings.skewMs)) return false;
  const claim = claimOf(line);
  const standing = invocation.claim;
  if (standing !== undefined && standing.recordId !== claim.recordId) {
    if (!isBetterClaim(claim, standing)) return false;
    if (standing.joinKey === 'gateway_request_id') settleGatewayGroupLater(step, invocation);
    else step.demoted.push({ claim: standing, invocation });
  }
  invocation.claim = claim;
  step.memory.invocations.index(invocation);
  step.touched.add(invocation);
  return true;
}

function claimOf({ part, side, joinKey }: NamedLine): Claim {
  return {
    recordId: side.recordId,
    joinKey,
    verdict: side.verdict,
    own: side.own,
    echoed: part.authzApigwRequestId !== undefined && part.authzApigwRequestId === part.fields.requestId,
    requestStartMs: part.startMs,
  };
}

/** The lines that share its gateway request id were settled with it, or without it: no longer so. */
function settleGatewayGroupLater({ gatewayRefs }: JoinStep, invocation: Invocation): void {
  const ref = gatewayRefOf(invocation);
  if (ref !== undefined) gatewayRefs.add(ref);
}
