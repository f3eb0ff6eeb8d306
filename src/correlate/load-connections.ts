import type { JoinStep } from './join-step.ts';
import { type ConnectionDecision, readableConnection, STATE_KINDS } from './state-rows.ts';

/** Reads back from the journal what connections live on that memory let go of, or has not met since the start. */
export async function loadConnections(
  { store, memory, connectionsChanged, logger }: JoinStep,
  refs: Iterable<string>,
): Promise<void> {
  const missing = memory.connections.missing(refs).filter((ref) => !connectionsChanged.has(ref));
  if (missing.length === 0) return;
  for (const [ref, body] of await store.state(STATE_KINDS.connection, missing)) {
    const decision = readableConnection(ref, body, logger);
    if (decision !== undefined) memory.connections.set(ref, decision);
  }
}

/** What the connection lives on; undefined as well once it must have ended. It must have been loaded. */
export function decisionOf(
  { memory, forgetMs }: Pick<JoinStep, 'memory' | 'forgetMs'>,
  ref: string,
): ConnectionDecision | undefined {
  const decision = memory.connections.get(ref);
  return decision === undefined || decision.expiresMs < forgetMs ? undefined : decision;
}
