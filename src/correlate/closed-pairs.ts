import { invocationKey } from './invocation.ts';
import type { JoinStep } from './join-step.ts';
import { hasLate } from './late.ts';
import { loadInvocations } from './load-invocations.ts';

/**
 * Reads back the invocations that lines of late groups were paired with by their gateway request id: memory may have
 * forgotten them, and without them a group that is settled again would give the line to another.
 */
export async function loadPaired(step: JoinStep, refs: Iterable<string>): Promise<void> {
  const { waiting } = step.memory;
  const late = [...refs].filter((ref) => hasLate(step, ref));
  const left = late.flatMap((ref) => waiting.waitingFor('gateway', ref)).filter((entry) => entry.left);
  if (left.length === 0) return;
  const records = await step.store.bodies(left.map(({ recordId }) => recordId));
  const keys: string[] = [];
  for (const { recordId, authorizerUnit } of left) {
    const record = records.get(recordId);
    if (record?.kind !== 'request' || record.joinKey !== 'gateway_request_id') continue;
    if (authorizerUnit === undefined || record.decisionRequestId === undefined) continue;
    keys.push(invocationKey(authorizerUnit, record.decisionRequestId));
  }
  await loadInvocations(step, keys);
}
