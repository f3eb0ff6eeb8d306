import { deciderOf, type Joined } from './assemble.ts';
import {
  type Claim,
  canHaveCaused,
  gatewayRefOf,
  type Invocation,
  isBetterClaim,
  isClaimedByName,
} from './invocation.ts';
import { freeInvocation, type JoinStep, reviseLater } from './join-step.ts';

/** So many lines beside its claimant are remembered of one invocation, the best of them. */
const MOST_RIVALS = 64;

/** Two keys that name two known invocations, or a deny behind a request that got through: never merged. */
export function contradicts({ isTorn, verdict }: Claim, { decision }: Invocation): boolean {
  return isTorn === true || (verdict.decision === 'allow' && decision === 'deny');
}

/** What the record of a line says that names the invocation. */
export function joinedByName(claim: Claim, invocation: Invocation): Joined {
  if (contradicts(claim, invocation)) return { outcome: 'ambiguous', joinKey: 'none' };
  const { joinKey, verdict } = claim;
  const failed = verdict.decision === 'error';
  const decider = deciderOf(invocation);
  if (invocation.claim?.recordId !== claim.recordId) {
    return { outcome: failed ? 'authorizer_error' : 'cached_decision', joinKey, decider };
  }
  return { outcome: failed ? 'authorizer_error' : 'matched', joinKey, decider, invocation };
}

/**
 * Judges anew which of the lines that name the invocation it was made for: the claimant, its rivals, and a line that was
 * just read. Up to `MOST_RIVALS` lines, the outcome depends on which there are alone, not on the order in which they came;
 * beyond that the order can matter. Lines of a thin invocation must have been read back where its claim can move: where
 * that failed, it does not move.
 */
export function compete(step: JoinStep, invocation: Invocation, newcomer?: Claim): void {
  if (hasLostLines(invocation)) return;
  const { skewMs } = step.settings;
  const standing = isClaimedByName(invocation) ? invocation.claim : undefined;
  if (newcomer !== undefined && invocation.rivals === undefined && newcomer.recordId !== standing?.recordId) {
    if (!isRival(newcomer, invocation, skewMs)) return;
    if (standing === undefined && mayClaim(newcomer, invocation, skewMs)) {
      // Nearly always: the only line there is that may have caused it.
      step.touched.add(invocation);
      handOver(step, invocation, newcomer);
      return;
    }
  }
  const field = fieldOf(standing, invocation.rivals, newcomer);
  const winner = field.find((claim) => mayClaim(claim, invocation, skewMs));
  const rivals = field.filter((claim) => claim !== winner && isRival(claim, invocation, skewMs));
  invocation.rivals = rivals.length === 0 ? undefined : rivals.slice(0, MOST_RIVALS);
  step.touched.add(invocation);
  const before = invocation.claim?.recordId;
  handOver(step, invocation, winner);
  if (winner !== undefined && winner !== newcomer && winner.recordId !== before)
    reviseLater(step, winner, invocation);
}

/** Its lines were only in a record that is gone: there is nothing to hand over. */
function hasLostLines({ sources, linesInRecord }: Invocation): boolean {
  return sources.length === 0 && linesInRecord === undefined;
}

/** Best first. A line that is read again stands in for itself. */
function fieldOf(
  standing: Claim | undefined,
  rivals: readonly Claim[] | undefined,
  newcomer: Claim | undefined,
): Claim[] {
  const known = [...(standing === undefined ? [] : [standing]), ...(rivals ?? [])];
  if (newcomer === undefined) return known.sort(byRank);
  const others = known.filter(({ recordId }) => recordId !== newcomer.recordId);
  return others.length === 0 ? [newcomer] : [...others, newcomer].sort(byRank);
}

function byRank(a: Claim, b: Claim): number {
  return isBetterClaim(a, b) ? -1 : 1;
}

function mayClaim(claim: Claim, invocation: Invocation, skewMs: number): boolean {
  return !contradicts(claim, invocation) && mayHaveCaused(claim, invocation, skewMs);
}

function mayHaveCaused(claim: Claim, invocation: Invocation, skewMs: number): boolean {
  return canHaveCaused(claim, claim.verdict.decision === 'error', invocation, skewMs);
}

/**
 * False for a plain use of the cached decision: later than the invocation, it never comes to claim it. Only a failure can,
 * while the START line is to come: for failures the start decides.
 */
function isRival(claim: Claim, invocation: Invocation, skewMs: number): boolean {
  if (contradicts(claim, invocation) || mayHaveCaused(claim, invocation, skewMs)) return true;
  return claim.verdict.decision === 'error' && !invocation.begun;
}

/** Without a winner the invocation is free for a line that shares its gateway request id, or goes out alone. */
function handOver(step: JoinStep, invocation: Invocation, winner: Claim | undefined): void {
  const { claim: before, ambiguous } = invocation;
  const wasNamed = isClaimedByName(invocation);
  if (winner === undefined && !wasNamed) return;
  if (winner === undefined) freeInvocation(step, invocation);
  else {
    invocation.claim = winner;
    invocation.ambiguous = false;
  }
  if (before !== undefined && before.recordId === winner?.recordId) return;
  step.memory.invocations.index(invocation);
  if (wasNamed && before !== undefined) reviseLater(step, before, invocation);
  // Lines that share its gateway request id were settled with it, or without it: no longer so.
  const ref = gatewayRefOf(invocation);
  const isTheirs = wasNamed ? winner === undefined : before !== undefined || ambiguous;
  if (ref !== undefined && isTheirs) step.gatewayRefs.add(ref);
}

/** More is known of these invocations than when the lines that name them were judged. */
export function reconsider(step: JoinStep): void {
  for (const invocation of step.reconsidered) {
    step.at = invocation;
    compete(step, invocation);
    for (const rival of invocation.rivals ?? []) reviseLater(step, rival, invocation);
  }
  step.at = undefined;
}
