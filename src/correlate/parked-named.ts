import { sha256Id } from '../core/hash.ts';
import type { StateChange } from '../model/journal.ts';
import { addTo } from './group-map.ts';
import type { Invocation } from './invocation.ts';
import type { JoinStep } from './join-step.ts';
import { isLate } from './late.ts';
import { parkedLine, unpark } from './parked-lines.ts';
import { drop, type ParkedLine, put, readParkedNamed, STATE_KINDS } from './state-rows.ts';
import { finishWaiting, loadBodies } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/**
 * Lets memory forget lines whose invocation did not come, or has not said what it decided. While an authorizer's group
 * cannot be read, those are all lines there are: the journal keeps them, by the invocation they name.
 */
export async function parkNamed(step: JoinStep, entries: readonly Waiting[]): Promise<void> {
  if (entries.length === 0) return;
  await loadBodies(step, entries);
  for (const entry of entries) {
    step.at = entry;
    if (entry.part !== undefined) addTo(step.namedParked, entry.route.ref, parkedLine(entry, entry.part));
    finishWaiting(step, entry);
  }
  step.memory.mayBeStored.parkedNamed = true;
}

/** Takes back the lines that name what was read of an invocation now. */
export async function unparkNamed(step: JoinStep): Promise<void> {
  if (!step.memory.mayBeStored.parkedNamed) return;
  for (const invocation of step.touched) {
    if (isLate(step, invocation.endMs)) await unparkLinesOf(step, invocation);
  }
}

async function unparkLinesOf(step: JoinStep, { key: ref }: Invocation): Promise<void> {
  const lines: ParkedLine[] = [];
  for await (const { key, body } of step.store.allState(STATE_KINDS.parkedNamed, `${ref}\n`)) {
    lines.push(...readParkedNamed(body));
    step.namedUnparked.add(key);
  }
  if (lines.length === 0) return;
  const records = await step.store.bodies(lines.map(({ recordId }) => recordId));
  for (const line of lines) {
    const record = records.get(line.recordId);
    if (record?.kind === 'request') unpark(step, line, record);
  }
}

/** One row for all lines of an invocation that are parked together. */
export function parkedNamedChanges({ namedParked, namedUnparked }: JoinStep): StateChange[] {
  const dropped = [...namedUnparked].map((key) => drop(STATE_KINDS.parkedNamed, key));
  const added = [...namedParked].map(([ref, lines]) => {
    const expiresMs = Math.max(...lines.map((line) => line.expiresMs));
    return put(STATE_KINDS.parkedNamed, rowKey(ref, lines), { lines }, expiresMs);
  });
  return [...dropped, ...added];
}

/** The key of a row of lines that belong to one thing: the same lines have the same, others another. */
export function rowKey(ref: string, lines: readonly { readonly recordId: string }[]): string {
  const [first, ...others] = lines.map(({ recordId }) => recordId);
  return `${ref}\n${others.length === 0 ? first : sha256Id([first, ...others].join('\n'))}`;
}
