import type { JoinStep } from './join-step.ts';
import { readableInvocation, STATE_KINDS } from './state-rows.ts';

/** Reads back from the journal the invocations among `keys` that memory let go of, or has not met since the start. */
export async function loadInvocations(
  { store, memory, refusals, logger }: Pick<JoinStep, 'store' | 'memory' | 'refusals' | 'logger'>,
  keys: Iterable<string>,
): Promise<void> {
  const missing = memory.invocations.missing(keys);
  if (missing.length === 0) return;
  for (const kind of [STATE_KINDS.invocation, STATE_KINDS.openInvocation]) {
    for (const [key, body] of await store.state(kind, missing)) {
      if (refusals.has(key)) continue;
      const invocation = readableInvocation(key, body, logger);
      if (invocation === undefined) continue;
      invocation.stored = kind;
      memory.invocations.add(invocation);
    }
  }
}
