import type { JournalRecord } from '../model/journal.ts';
import { accessSideOfRecord, assembleRequest } from './assemble.ts';
import { rememberConnection } from './connection-join.ts';
import type { Claim, Invocation } from './invocation.ts';
import { freeInvocation, type JoinStep, reviseLater, writeRecord } from './join-step.ts';
import { rewriteLonely, supersedeLonely } from './lonely-invocation.ts';
import { contradicts, joinedByName } from './rival-claims.ts';

/** Records as the journal has them, by id. */
type Stored = ReadonlyMap<string, JournalRecord>;

/**
 * Writes records again that this batch changed without touching their line: a claimed invocation got a late line or went to
 * another line, or had gone out alone.
 */
export async function reviseClaims(step: JoinStep): Promise<void> {
  for (const invocation of step.touched) dissolveRefuted(step, invocation);
  const stored = await readStanding(step);
  for (const { claim, invocation } of step.revised.values()) {
    step.at = invocation;
    rewrite(step, stored, claim, invocation);
  }
  for (const invocation of step.touched) {
    step.at = invocation;
    reviseTouched(step, stored, invocation);
  }
}

/** A pair that a gateway request id made, and whose invocation says deny after all behind a request that got through. */
function dissolveRefuted(step: JoinStep, invocation: Invocation): void {
  const { claim } = invocation;
  if (claim?.joinKey !== 'gateway_request_id' || !contradicts(claim, invocation)) return;
  invocation.ambiguous = true;
  freeInvocation(step, invocation);
  reviseLater(step, claim, invocation);
}

/** In one go, however many invocations got late lines. The record that alone has an invocation's lines stays as it is. */
async function readStanding({ store, records, touched, revised }: JoinStep): Promise<Stored> {
  const ids = new Set<string>();
  for (const id of revised.keys()) if (!records.has(id)) ids.add(id);
  for (const { claim, linesInRecord } of touched) {
    if (claim !== undefined && linesInRecord === undefined && !records.has(claim.recordId))
      ids.add(claim.recordId);
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
  rewrite(step, stored, claim, invocation);
}

/** From the record as it stands and what its line said by itself; a record that the journal has forgotten stays so. */
function rewrite(step: JoinStep, stored: Stored, claim: Claim, invocation: Invocation): void {
  const standing = step.records.get(claim.recordId) ?? stored.get(claim.recordId);
  if (standing === undefined || standing.kind !== 'request') return;
  const record = assembleRequest(accessSideOfRecord(standing, claim), joinedByName(claim, invocation));
  writeRecord(step, record);
  rememberConnection(step, record);
}
