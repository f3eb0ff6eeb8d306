import type { RequestRecord } from '../model/request-record.ts';
import { assembleInvocation } from './assemble.ts';
import type { Invocation } from './invocation.ts';
import { isWritten } from './invocation-book.ts';
import { type JoinStep, writeRecord } from './join-step.ts';

/** Writes an invocation that no access line answers to as a record of its own. */
export function writeLonely(step: JoinStep, invocation: Invocation): void {
  if (isWritten(invocation)) return;
  invocation.ownRecordId = rewriteLonely(step, invocation).recordId;
  step.touched.add(invocation);
}

/** Its own record again, after a late line or a change of what is known of it. */
export function rewriteLonely(step: JoinStep, invocation: Invocation): RequestRecord {
  const { stage, kind } = step.topology.stageOf(invocation.unit);
  const outcome = invocation.ambiguous ? 'ambiguous' : 'authorizer_only';
  const record = assembleInvocation(invocation, outcome, stage, kind, undefined);
  writeRecord(step, record);
  return record;
}

/** The line came after all: its record has the invocation's lines now, and the invocation's own record says so. */
export function supersedeLonely(step: JoinStep, invocation: Invocation, recordId: string): void {
  const { stage, kind } = step.topology.stageOf(invocation.unit);
  writeRecord(step, assembleInvocation(invocation, 'authorizer_only', stage, kind, recordId));
}
