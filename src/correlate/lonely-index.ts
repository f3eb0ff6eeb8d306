import { gatewayRefOf, type Invocation } from './invocation.ts';
import type { JoinStep } from './join-step.ts';
import { hasLate } from './late.ts';
import { loadInvocations } from './load-invocations.ts';
import { invocationExpiryMs } from './state-writing.ts';

/**
 * Notes under their gateway request id which invocations have gone out alone: memory forgets them, and a line that comes
 * late knows nothing else of them. The id itself can come later than the rest.
 */
export async function indexLonely(step: JoinStep): Promise<void> {
  const alone = new Map<Invocation, string>();
  for (const invocation of step.touched) {
    if (invocation.ownRecordId === undefined || invocation.claim !== undefined) continue;
    const ref = gatewayRefOf(invocation);
    if (ref !== undefined) alone.set(invocation, ref);
  }
  if (alone.size === 0) return;
  await step.lonely.load(step.store, alone.values());
  for (const [invocation, ref] of alone) {
    if (step.lonely.get(ref).includes(invocation.key)) continue;
    step.lonely.add(ref, invocation.key, invocationExpiryMs(step, invocation));
  }
  step.memory.mayBeStored.lonely = true;
}

/** Reads back invocations that went out alone, for the late lines of these groups. */
export async function loadLonely(step: JoinStep, refs: Iterable<string>): Promise<void> {
  if (!step.memory.mayBeStored.lonely) return;
  const late = [...refs].filter((ref) => hasLate(step, ref));
  if (late.length === 0) return;
  await step.lonely.load(step.store, late);
  await loadInvocations(
    step,
    late.flatMap((ref) => step.lonely.get(ref)),
  );
}
