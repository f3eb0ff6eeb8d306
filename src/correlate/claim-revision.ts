import type { JournalRecord } from '../model/journal.ts';
import { accessSideOfRecord, assembleRequest, deciderOf, type Joined } from './assemble.ts';
import { rememberConnection } from './connection-join.ts';
import type { Claim, Invocation } from './invocation.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { rewriteLonely, supersedeLonely } from './lonely-invocation.ts';

/** Records as the journal has them, by id. */
type Stored = ReadonlyMap<string, JournalRecord>;

/**
 * Writes records again that this batch changed without touching their line: a claimed invocation got a late line, lost
 * its line to a better one, or had gone out alone.
 */
export async function reviseClaims(step: JoinStep): Promise<void> {
  const stored = await readStanding(step);
  for (const { claim, invocation } of step.demoted) {
    step.at = invocation;
    rewrite(step, stored, claim, invocation, joinedAs('cached_decision', claim, invocation));
  }
  for (const invocation of step.touched) {
    step.at = invocation;
    reviseTouched(step, stored, invocation);
  }
}

/** In one go, however many invocations got late lines. */
async function readStanding({ store, records, touched, demoted }: JoinStep): Promise<Stored> {
  const ids = new Set<string>();
  for (const { claim } of demoted) if (!records.has(claim.recordId)) ids.add(claim.recordId);
  for (const { claim } of touched) {
    if (claim !== undefined && !records.has(claim.recordId)) ids.add(claim.recordId);
  }
  return ids.size === 0 ? NOTHING : store.bodies([...ids]);
}

const NOTHING: Stored = new Map();

function reviseTouched(step: JoinStep, stored: Stored, invocation: Invocation): void {
  const { claim, ownRecordId } = invocation;
  if (claim === undefined) {
    if (ownRecordId !== undefined) rewriteLonely(step, invocation);
    return;
  }
  if (ownRecordId !== undefined) supersedeLonely(step, invocation, claim.recordId);
  if (step.records.has(claim.recordId)) return;
  rewrite(step, stored, claim, invocation, { ...joinedAs('matched', claim, invocation), invocation });
}

/** An authorizer's failure stays one, whichever of its lines has the invocation. */
function joinedAs(outcome: 'matched' | 'cached_decision', claim: Claim, invocation: Invocation): Joined {
  const failed = claim.verdict.decision === 'error';
  return {
    outcome: failed ? 'authorizer_error' : outcome,
    joinKey: claim.joinKey,
    decider: deciderOf(invocation),
  };
}

/** From the record as it stands and what its line said by itself; a record that the journal has forgotten stays so. */
function rewrite(step: JoinStep, stored: Stored, claim: Claim, invocation: Invocation, joined: Joined): void {
  const standing = step.records.get(claim.recordId) ?? stored.get(claim.recordId);
  if (standing === undefined || standing.kind !== 'request') return;
  const record = assembleRequest(accessSideOfRecord(standing, claim), joined);
  writeRecord(step, record);
  rememberConnection(step, record, invocation);
}
