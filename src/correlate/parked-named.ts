import { sha256Id } from '../core/hash.ts';
import type { StateChange } from '../model/journal.ts';
import { addTo } from './group-map.ts';
import type { JoinStep } from './join-step.ts';
import { parkedLine, unpark } from './parked-lines.ts';
import { drop, type ParkedLine, put, readParkedNamed, STATE_KINDS } from './state-rows.ts';
import { finishWaiting, loadBodies } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/** Lines in a row at most. */
const ROW_LINES = 200;

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

/**
 * Takes up to `most` parked lines of one invocation out of their rows, from a row on; `isTold` says which have been told
 * all there is. Returns where to go on, or undefined at the end.
 */
export async function takeParked(
  step: JoinStep,
  ref: string,
  { from, most, isTold }: { from: string; most: number; isTold: (line: ParkedLine) => boolean },
  taken: ParkedLine[],
): Promise<string | undefined> {
  let room = most;
  for await (const row of step.store.allState(STATE_KINDS.parkedNamed, `${ref}\n`, from)) {
    const { key } = row;
    const lines = readParkedNamed(row, step.logger);
    const wanted = lines.filter((line) => !isTold(line));
    if (wanted.length === 0) continue;
    if (room === 0) return key;
    const now = new Set(wanted.slice(0, room));
    taken.push(...now);
    room -= now.size;
    const kept = lines.filter((line) => !now.has(line));
    step.namedRows.set(key, kept.length <= ROW_LINES ? kept : []);
    if (kept.length > ROW_LINES)
      for (const [at, rows] of inRows(kept)) step.namedRows.set(`${key}\n${at}`, rows);
    if (now.size < wanted.length) return key;
  }
  return undefined;
}

/** Takes lines back that were taken out of their rows: they wait again as ones that have left. */
export async function unparkNamed(step: JoinStep, lines: readonly ParkedLine[]): Promise<Waiting[]> {
  if (lines.length === 0) return [];
  const records = await step.store.bodies(lines.map(({ recordId }) => recordId));
  return lines.flatMap((line) => {
    const record = records.get(line.recordId);
    return (record?.kind === 'request' ? unpark(step, line, record) : undefined) ?? [];
  });
}

/** Lines of an invocation that are parked together share rows. */
export function parkedNamedChanges({ namedParked, namedRows }: JoinStep): StateChange[] {
  const changes = [...namedRows].map(([key, lines]) =>
    lines.length === 0 ? drop(STATE_KINDS.parkedNamed, key) : parkedRow(key, lines),
  );
  for (const [ref, lines] of namedParked)
    for (const [, some] of inRows(lines)) changes.push(parkedRow(rowKey(ref, some), some));
  return changes;
}

function parkedRow(key: string, lines: readonly ParkedLine[]): StateChange {
  let expiresMs = 0;
  for (const line of lines) expiresMs = Math.max(expiresMs, line.expiresMs);
  return put(STATE_KINDS.parkedNamed, key, { lines }, expiresMs);
}

/** A row is small against what a batch takes, and numbered so that rows sort as they came. */
export function* inRows<L>(lines: readonly L[]): Generator<readonly [at: string, lines: readonly L[]]> {
  for (let at = 0; at < lines.length; at += ROW_LINES)
    yield [String(at).padStart(9, '0'), lines.slice(at, at + ROW_LINES)];
}

/** The key of a row of lines that belong to one thing: the same lines have the same, others another. */
export function rowKey(ref: string, lines: readonly { readonly recordId: string }[]): string {
  const [first, ...others] = lines.map(({ recordId }) => recordId);
  return `${ref}\n${others.length === 0 ? first : sha256Id([first, ...others].join('\n'))}`;
}
