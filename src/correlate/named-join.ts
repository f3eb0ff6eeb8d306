import type { AccessPart } from '../model/part.ts';
import { type AccessSide, accessSideOf, assembleRequest } from './assemble.ts';
import { rememberConnection } from './connection-join.ts';
import { openForMs } from './correlate-settings.ts';
import { decideByLine } from './decide.ts';
import { addTo } from './group-map.ts';
import { type Claim, type Invocation, invocationKey, namedBy, spanOf } from './invocation.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { isTelling, isUndecided } from './lines-to-come.ts';
import { loadInvocations } from './load-invocations.ts';
import { compete, joinedByName } from './rival-claims.ts';
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
  for (const entry of entries) {
    step.at = entry;
    // The journal has forgotten it: nobody can tell it anything any more.
    if (entry.part === undefined) finishWaiting(step, entry);
    else if (entry.route.mode === 'named') settleEntry(step, entry, entry.part, entry.route);
  }
}

/** What the lines name, by whichever of their keys. */
function namedKeys(entries: readonly Waiting[]): string[] {
  return entries.flatMap(({ part }) => (part === undefined ? [] : namedBy(part)));
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
  noteTold(step, entry, invocation);
  const closesMs = step.nowMs + openForMs(step.settings);
  const isOpen = isUndecided(step.memory, invocation);
  keepLeft(step, entry, isOpen ? step.nowMs + step.settings.latenessMs : closesMs, closesMs);
}

/** While more lines are to be told than a batch takes, the journal notes which have been. */
function noteTold(step: JoinStep, entry: Waiting, { key, sources }: Invocation): void {
  if (entry.told === sources.length) return;
  entry.told = sources.length;
  if (step.memory.unfinishedNamed.has(key)) step.waitingChanged.add(entry);
}

function writeNamed(step: JoinStep, line: NamedLine, invocation: Invocation): void {
  const claim = claimOf(step, line, invocation);
  compete(step, invocation, claim);
  const record = assembleRequest(line.side, joinedByName(claim, invocation));
  writeRecord(step, record);
  rememberConnection(step, record);
}

function claimOf(step: JoinStep, { part, side, joinKey }: NamedLine, invocation: Invocation): Claim {
  const { authzApigwRequestId: seen, authorizerRequestId: other } = part;
  const { recordId, verdict, own } = side;
  const span = spanOf(part);
  const isEchoed = seen !== undefined && seen === part.fields.requestId;
  const claim: Claim = { recordId, joinKey, verdict, own, ...span, ...(isEchoed && { isEchoed }) };
  if (other === undefined || other === invocation.lambdaRequestId) return claim;
  return tornClaim(step, claim, invocation, invocationKey(invocation.unit, other));
}

/** The line names two: in doubt where both are known, and remembered for when the second becomes known. */
function tornClaim(step: JoinStep, claim: Claim, { key: first }: Invocation, other: string): Claim {
  if (step.memory.invocations.get(other) !== undefined) return { ...claim, isTorn: true };
  addTo(step.tornNew, other, { first, claim });
  return claim;
}
