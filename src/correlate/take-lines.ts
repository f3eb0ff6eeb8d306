import type { AccessPart, AuthorizerLinePart, LogPart } from '../model/part.ts';
import { assembleUnparsed } from './assemble.ts';
import {
  addLine,
  type Invocation,
  invocationKey,
  isClaimedByName,
  namedBy,
  newInvocation,
} from './invocation.ts';
import { type JoinStep, writeRecord } from './join-step.ts';
import { loadInvocations } from './load-invocations.ts';
import { mayWantLines, readLinesBack } from './thin-invocation.ts';

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
  for (const part of parts) {
    step.at = part;
    sortPart(step, part, sorted);
  }
  await loadInvocations(step, namedInvocations(sorted));
  await readLinesBack(step.store, invocationsWanted(step, sorted));
  for (const { key, line } of sorted.authorizer) {
    step.at = line;
    takeAuthorizerLine(step, key, line);
  }
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
      writeRecord(step, assembleUnparsed(part, step.nowMs));
      return;
    case 'filtered':
    // Counted, and kept nowhere.
  }
}

function* namedInvocations({ access, authorizer }: Sorted): Generator<string> {
  for (const { key } of authorizer) yield key;
  for (const part of access) yield* namedBy(part);
}

/** Those whose lines are in a record and needed here: a late line came, or a line that may take them over. */
function invocationsWanted({ memory, settings }: JoinStep, { access, authorizer }: Sorted): Set<Invocation> {
  const wanted = new Set<Invocation>();
  for (const { key } of authorizer) {
    const invocation = memory.invocations.get(key);
    if (invocation?.linesInRecord !== undefined) wanted.add(invocation);
  }
  for (const part of access) {
    for (const key of namedBy(part)) {
      const invocation = memory.invocations.get(key);
      if (invocation !== undefined && mayWantLines(part, invocation, settings.skewMs)) wanted.add(invocation);
    }
  }
  return wanted;
}

/** True when a line that names it was judged by what was known of it. */
function isContested(invocation: Invocation): boolean {
  return isClaimedByName(invocation) || invocation.rivals !== undefined;
}

function takeAuthorizerLine(step: JoinStep, key: string, line: AuthorizerLinePart): void {
  const { invocations, schedule, silent } = step.memory;
  const known = invocations.get(key);
  const invocation = known ?? newInvocation(line, step.nowMs);
  if (isContested(invocation)) step.reconsidered.add(invocation);
  addLine(invocation, line);
  silent.observe(line);
  if (known === undefined) {
    invocations.add(invocation);
    if (step.memory.mayBeStored.torn) step.fresh.add(key);
    schedule.addInvocation(invocation);
  } else if (line.gatewayRequestId !== undefined) invocations.index(invocation);
  step.touched.add(invocation);
}
