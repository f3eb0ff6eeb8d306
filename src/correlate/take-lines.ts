import type { AccessPart, AuthorizerLinePart, LogPart } from '../model/part.ts';
import { assembleUnparsed } from './assemble.ts';
import { addLine, invocationKey, newInvocation } from './invocation.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { readInvocation, STATE_KINDS } from './state-rows.ts';

interface Sorted {
  readonly access: AccessPart[];
  readonly authorizer: { readonly key: string; readonly line: AuthorizerLinePart }[];
}

/**
 * Takes in all lines of a batch but the access lines, which are returned: they are judged when every authorizer line of
 * the batch stands, so that the order inside a batch does not matter.
 */
export async function takeLines(step: JoinStep, parts: readonly LogPart[]): Promise<readonly AccessPart[]> {
  const sorted: Sorted = { access: [], authorizer: [] };
  for (const part of parts) sortPart(step, part, sorted);
  await loadInvocations(step, sorted);
  for (const { key, line } of sorted.authorizer) takeAuthorizerLine(step, key, line);
  return sorted.access;
}

function sortPart(step: JoinStep, part: LogPart, sorted: Sorted): void {
  switch (part.role) {
    case 'access':
      sorted.access.push(part);
      return;
    case 'authorizer':
      sorted.authorizer.push({ key: invocationKey(part.unit, part.lambdaRequestId), line: part });
      return;
    case 'unparsed':
      step.unparsed += 1;
      writeRecord(step, assembleUnparsed(part, step.nowMs));
      return;
    case 'filtered':
      step.filtered.set(part.rule, (step.filtered.get(part.rule) ?? 0) + 1);
  }
}

/** Reads back from the journal the invocations that the batch names and memory let go of. */
async function loadInvocations({ store, memory }: JoinStep, sorted: Sorted): Promise<void> {
  const missing = memory.invocations.missing(namedInvocations(sorted));
  if (missing.length === 0) return;
  for (const kind of [STATE_KINDS.invocation, STATE_KINDS.openInvocation]) {
    for (const body of (await store.state(kind, missing)).values()) {
      const invocation = readInvocation(body);
      invocation.stored = kind;
      memory.invocations.add(invocation);
    }
  }
}

function* namedInvocations({ access, authorizer }: Sorted): Generator<string> {
  for (const { key } of authorizer) yield key;
  for (const { authorizerUnit, authzRequestId, authorizerRequestId } of access) {
    if (authorizerUnit === undefined) continue;
    if (authzRequestId !== undefined) yield invocationKey(authorizerUnit, authzRequestId);
    if (authorizerRequestId !== undefined) yield invocationKey(authorizerUnit, authorizerRequestId);
  }
}

function takeAuthorizerLine(step: JoinStep, key: string, line: AuthorizerLinePart): void {
  const { invocations, schedule, silent } = step.memory;
  const known = invocations.get(key);
  const invocation = known ?? newInvocation(line, step.nowMs);
  addLine(invocation, line);
  silent.observe(line);
  if (known === undefined) {
    invocations.add(invocation);
    schedule.addInvocation(invocation);
  } else if (line.gatewayRequestId !== undefined) invocations.index(invocation);
  step.touched.add(invocation);
}
