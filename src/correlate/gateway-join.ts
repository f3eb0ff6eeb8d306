import type { AccessPart } from '../model/part.ts';
import { type AccessSide, accessSideOf, assembleRequest } from './assemble.ts';
import { loadPaired } from './closed-pairs.ts';
import { rememberConnection } from './connection-join.ts';
import { openForMs } from './correlate-settings.ts';
import { decideByLine } from './decide.ts';
import { type GatewayMatch, joinedByGatewayId, matchByGatewayId } from './gateway-group.ts';
import { canHaveCaused, type Invocation, spanOf } from './invocation.ts';
import { freeInvocation, type JoinStep } from './join-step.ts';
import { isLate } from './late.ts';
import { loadLonely } from './lonely-index.ts';
import { unparkLines } from './parked-lines.ts';
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
  // Lines that name an invocation may have taken it from a pair since the batch was taken in.
  await unparkLines(step);
  await loadLonely(step, step.gatewayRefs);
  await loadPaired(step, step.gatewayRefs);
  for (const ref of step.gatewayRefs) await settleGatewayGroup(step, ref);
}

/**
 * A group is settled as a whole, from nothing, whenever a line changed it: what overlaps in event time contradicts a pair
 * whenever it is read. A request of another time, which anybody can send under the same id, takes no invocation from its
 * record, and neither does anything from a line that is no longer open.
 */
async function settleGatewayGroup(step: JoinStep, ref: string): Promise<void> {
  const entries = step.memory.waiting.waitingFor('gateway', ref);
  await loadBodies(step, entries);
  const lines = entries.flatMap((entry) =>
    entry.part === undefined ? [] : [{ key: entry.key, part: entry.part, entry }],
  );
  const open = new Set(lines.map(({ entry }) => entry.recordId));
  const invocations = step.memory.invocations
    .byGatewayRef(ref)
    .filter(({ claim }) => claim === undefined || open.has(claim.recordId));
  const claimed = new Map(invocations.map(({ key, claim }) => [key, claim?.recordId]));
  for (const invocation of invocations) forgetSettling(step, invocation);
  const matches = matchByGatewayId(lines, invocations, ({ part, entry }, invocation) => {
    step.at = entry;
    const failed = decideByLine(part).decision === 'error';
    return canHaveCaused(spanOf(part), failed, invocation, step.settings.skewMs);
  });
  for (const { part, entry } of lines) {
    step.at = entry;
    const match = matches.get(entry.key) ?? { kind: 'none' };
    const isNew = match.kind === 'matched' && claimed.get(match.invocation.key) !== entry.recordId;
    const isDoubtful = isNew && isLate(step, entry.endMs) && isCrowded(step, ref);
    writeMatch(step, entry, part, doubted(match, isDoubtful || isRefuted(match, part)));
  }
}

/**
 * So much came under the id that the journal has not kept all that could contradict a pair of long ago. What could
 * contradict one of now is in memory still.
 */
function isCrowded({ parked, lonely }: JoinStep, ref: string): boolean {
  return parked.isFull(ref) || lonely.isFull(ref);
}

/** Neither a pair nor a doubt of an earlier settling outlives the line that changed the group. */
function forgetSettling(step: JoinStep, invocation: Invocation): void {
  if (invocation.claim === undefined && (!invocation.ambiguous || isClosed(step, invocation))) return;
  invocation.ambiguous = false;
  freeInvocation(step, invocation);
}

/** Read so long ago that lines which doubted it may be forgotten: the doubt stays. */
function isClosed({ forgetMs, settings }: JoinStep, { readMs }: Invocation): boolean {
  return readMs + settings.latenessMs < forgetMs;
}

/** A deny behind a request that got through. */
function isRefuted(match: GatewayMatch, part: AccessPart): boolean {
  return (
    match.kind === 'matched' &&
    match.invocation.decision === 'deny' &&
    decideByLine(part).decision === 'allow'
  );
}

/** An invocation that stays in doubt proves nothing for a line that comes later either. */
function doubted(match: GatewayMatch, isDoubtful: boolean): GatewayMatch {
  if (match.kind !== 'matched' || !(isDoubtful || match.invocation.ambiguous)) return match;
  return { kind: 'ambiguous', candidates: [match.invocation] };
}

function writeMatch(step: JoinStep, entry: Waiting, part: AccessPart, match: GatewayMatch): void {
  const verdict = decideByLine(part);
  const side = accessSideOf(part, entry.recordId, verdict, entry.readMs);
  if (match.kind === 'matched') claimByGatewayId(step, part, side, match.invocation);
  if (match.kind === 'ambiguous') disclaim(step, match.candidates);
  const record = assembleRequest(side, joinedByGatewayId(match, verdict));
  writeOnce(step, entry, record);
  keepSettled(step, entry, part, match);
  rememberConnection(step, record);
}

/**
 * Open for as long as any re-read may bring its partner, or what contradicts the pair: memory soon forgets it, the journal
 * does not. On HTTP APIs the gateway makes the id, so that nothing can contradict a pair.
 */
function keepSettled(step: JoinStep, entry: Waiting, part: AccessPart, { kind }: GatewayMatch): void {
  const closesMs = entry.left ? entry.closesMs : step.nowMs + openForMs(step.settings);
  const isProven = kind === 'matched' && part.stage.protocol === 'HTTP';
  const expiresMs = isProven ? closesMs : closesMs + step.settings.latenessMs;
  keepLeft(step, entry, expiresMs, closesMs);
  if (entry.expiresMs === expiresMs) return;
  entry.expiresMs = expiresMs;
  step.waitingChanged.add(entry);
}

function claimByGatewayId(step: JoinStep, part: AccessPart, side: AccessSide, invocation: Invocation): void {
  invocation.claim = {
    recordId: side.recordId,
    joinKey: 'gateway_request_id',
    verdict: side.verdict,
    own: side.own,
    ...spanOf(part),
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
