import type { AccessPart } from '../model/part.ts';
import type { RequestRecord } from '../model/request-record.ts';
import { accessFieldsOf, stageOfRecord } from './assemble.ts';
import { openForMs } from './correlate-settings.ts';
import { decideByLine } from './decide.ts';
import { sourceKey } from './ids.ts';
import { gatewayRefOf, isClaimedByName } from './invocation.ts';
import type { JoinStep } from './join-step.ts';
import { hasLate, isLate } from './late.ts';
import { routePart } from './route-part.ts';
import { type ParkedLine, readable } from './state-rows.ts';
import { finishWaiting, loadBodies } from './waiting-line.ts';
import { newWaiting, type Waiting } from './waiting-room.ts';

/**
 * Lets memory forget lines that were settled by their gateway request id. The journal keeps them by that id for as long
 * as any re-read may still bring the partner, or what contradicts the pair: there can be far more of them than memory takes.
 */
export async function parkLines(step: JoinStep, entries: readonly Waiting[]): Promise<void> {
  if (entries.length === 0) return;
  await loadBodies(step, entries);
  await step.parked.load(
    step.store,
    entries.map(({ route }) => route.ref),
  );
  for (const entry of entries) {
    step.at = entry;
    if (entry.part !== undefined)
      step.parked.add(entry.route.ref, parkedLine(entry, entry.part), entry.expiresMs);
    finishWaiting(step, entry);
  }
  step.memory.mayBeStored.parked = true;
}

export function parkedLine({ recordId, readMs, expiresMs, told }: Waiting, part: AccessPart): ParkedLine {
  const { role: _role, source, stage: _stage, startMs: _startMs, fields: _fields, ...rest } = part;
  const kept = { ...rest, recordId, eventId: source.eventId, readMs, expiresMs };
  return told === undefined ? kept : { ...kept, told };
}

/**
 * Takes parked lines back whose invocation, or what contradicts their pair, may have come now. Where these are more than a
 * batch has room for, those to come take the other groups: until then a group is settled without what is parked of it.
 */
export async function unparkLines(step: JoinStep): Promise<void> {
  const { unfinishedGateway: unfinished, mayBeStored } = step.memory;
  if (!mayBeStored.parked && unfinished.isEmpty) return;
  for (const ref of lateRefs(step)) if (!step.parkedTaken.has(ref)) unfinished.begin(ref, step.forgetMs);
  const lines: ParkedLine[] = [];
  const expiresMs = step.nowMs + openForMs(step.settings) + step.settings.latenessMs;
  for (let next = unfinished.next(); next !== undefined && step.room.gateway > 0; next = unfinished.next()) {
    const { ref } = next;
    await step.parked.load(step.store, [ref]);
    const some = step.parked.get(ref);
    lines.push(...some);
    if (some.length > 0) step.parked.clear(ref, expiresMs);
    // Asking for lines that are not there is work as well.
    step.room.gateway -= Math.max(1, some.length);
    finish(step, ref);
  }
  if (lines.length === 0) return;
  const records = await step.store.bodies(lines.map(({ recordId }) => recordId));
  for (const line of lines) {
    const record = records.get(line.recordId);
    if (record?.kind === 'request') unpark(step, line, record);
  }
}

/** The group of an earlier batch is settled again; its invocations had not to go out alone before. */
function finish(step: JoinStep, ref: string): void {
  step.parkedTaken.add(ref);
  if (!step.memory.unfinishedGateway.finish(ref)) return;
  step.gatewayArrivals.add(ref);
  for (const invocation of step.memory.invocations.byGatewayRef(ref))
    step.memory.schedule.addInvocation(invocation);
}

/**
 * Gateway request ids of what is so old that a line beside it may be parked, and those that lost an invocation so old to a
 * line that names it. How old is a matter of event time: what is read late because no worker ran is judged alike.
 */
function lateRefs(step: JoinStep): string[] {
  const refs = new Set<string>();
  for (const invocation of step.touched) {
    const ref = gatewayRefOf(invocation);
    if (ref === undefined || !isLate(step, invocation.endMs)) continue;
    if (!isClaimedByName(invocation) || step.gatewayRefs.has(ref)) refs.add(ref);
  }
  for (const ref of step.gatewayArrivals) if (hasLate(step, ref)) refs.add(ref);
  return [...refs];
}

/**
 * Waits again as one that has left. Undefined for one that waits already, or that cannot be joined; and for one that
 * cannot be read, which is logged: its record stays as it is.
 */
export function unpark(step: JoinStep, line: ParkedLine, record: RequestRecord): Waiting | undefined {
  const { logger } = step;
  const read = () => entryOf(step, line, record);
  const entry = readable(read, { key: line.recordId, what: 'a line that had left', logger });
  if (entry === undefined) return undefined;
  step.memory.waiting.add(entry);
  step.memory.schedule.addExpiry(entry);
  step.waitingNew.add(entry);
  step.waitingChanged.add(entry);
  return entry;
}

function entryOf(step: JoinStep, line: ParkedLine, record: RequestRecord): Waiting | undefined {
  const { recordId, eventId, readMs, expiresMs, told, ...rest } = line;
  const source = record.parts.find((part) => part.role === 'access' && part.eventId === eventId);
  if (source === undefined || step.refusals.has(sourceKey(source))) return undefined;
  const { role: _role, ...place } = source;
  const part: AccessPart = {
    ...rest,
    role: 'access',
    source: place,
    stage: stageOfRecord(record),
    startMs: record.eventMs,
    fields: accessFieldsOf(record),
  };
  const route = routePart(part, decideByLine(part));
  if (route.mode === 'done') return undefined;
  const entry = newWaiting(part, recordId, route, readMs);
  if (step.memory.waiting.get(entry.key) !== undefined) return undefined;
  entry.left = true;
  entry.told = told;
  entry.expiresMs = expiresMs;
  entry.closesMs = Math.min(expiresMs, step.nowMs + openForMs(step.settings));
  return entry;
}
