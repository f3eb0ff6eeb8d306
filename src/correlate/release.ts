import { leaveOverdueConnections, settleConnections } from './connection-join.ts';
import { reopenGatewayGroups, settleGatewayGroups } from './gateway-join.ts';
import { gatewayRefOf, type Invocation } from './invocation.ts';
import { isWritten } from './invocation-book.ts';
import type { JoinStep } from './join-step.ts';
import { aboveBound, takeEarly } from './line-bound.ts';
import { writeLonely } from './lonely-invocation.ts';
import { settleNamed } from './named-join.ts';
import { parkLines } from './parked-lines.ts';
import { parkNamed } from './parked-named.ts';
import { type Due, lineDueMs, queueUnitOf } from './release-schedule.ts';
import { finishWaiting } from './waiting-line.ts';
import type { Waiting } from './waiting-room.ts';

/** What the watermarks and the clock let go, by how it is settled; gateway groups go to `JoinStep.gatewayRefs`. */
interface Released {
  readonly named: Waiting[];
  readonly overdueConnections: Waiting[];
  readonly lonely: Invocation[];
  /** Not yet: another unit has to be read past it first. */
  readonly requeued: { readonly unit: string; readonly dueMs: number; readonly due: Due }[];
}

/** Lets go of everything whose partner would have been read by now, or that has been held for long enough. */
export async function release(step: JoinStep): Promise<void> {
  reopenGatewayGroups(step);
  const released = takeDue(step);
  for (const entry of takeEarly(step, [...released.named, ...released.overdueConnections]))
    takeLine(step, entry, released);
  await settleNamed(step, released.named);
  await settleGatewayGroups(step);
  await settleConnections(step);
  await leaveOverdueConnections(step, released.overdueConnections);
  writeAllLonely(step, released.lonely);
  await expireWaiting(step);
  const { schedule, waiting } = step.memory;
  schedule.sweep((due) => isHeld(step, due));
  schedule.sweepExpiries((key) => waiting.get(key) !== undefined);
}

function writeAllLonely(step: JoinStep, invocations: readonly Invocation[]): void {
  const { schedule } = step.memory;
  for (const invocation of invocations) {
    step.at = invocation;
    // A line that claims it may be due as well, and left to the next batch: the invocation comes after it then.
    if (step.isCutShort && isAwaited(step, invocation)) schedule.defer(invocation, step.nowMs);
    else writeLonely(step, invocation);
  }
}

function isBeingTakenBack({ memory }: JoinStep, invocation: Invocation): boolean {
  const ref = gatewayRefOf(invocation);
  if (memory.unfinishedNamed.has(invocation.key)) return true;
  return ref !== undefined && memory.unfinishedGateway.has(ref);
}

function isAwaited({ memory: { waiting } }: JoinStep, invocation: Invocation): boolean {
  const ref = gatewayRefOf(invocation);
  const isHere = ({ left }: Waiting) => !left;
  if (waiting.waitingFor('named', invocation.key).some(isHere)) return true;
  return ref !== undefined && waiting.waitingFor('gateway', ref).some(isHere);
}

function takeDue(step: JoinStep): Released {
  const { schedule } = step.memory;
  const released: Released = { named: [], overdueConnections: [], lonely: [], requeued: [] };
  takeEach(step, schedule.popRead(step.watermarkOf), (due) => takeRead(step, due, released));
  takeEach(step, schedule.popOverdue(step.nowMs), (due) => takeOverdue(step, due, released));
  // Only now: live reading may be far beyond a line of the past, whose queue would be popped for ever.
  for (const { unit, dueMs, due } of released.requeued) schedule.requeue(unit, dueMs, due);
  return released;
}

/** As many as the batch has room for: what is left stays due. */
function takeEach(step: JoinStep, dues: Iterable<Due>, take: (due: Due) => void): void {
  if (step.isCutShort) return;
  for (const due of dues) {
    take(due);
    if (step.room.released > 0) continue;
    step.isCutShort = true;
    return;
  }
}

/** The unit it was queued behind has been read past it: it goes if every other that could bring its partner has, too. */
function takeRead(step: JoinStep, due: Due, released: Released): void {
  if (due.what === 'line') {
    takeReadLine(step, due, released);
    return;
  }
  const invocation = unwrittenInvocation(step, due);
  if (invocation === undefined) return;
  const dueMs = step.memory.schedule.invocationDueMs(invocation);
  const unit = unitBehind(step, invocation, dueMs);
  if (unit === undefined) takeInvocation(step, invocation, released);
  else released.requeued.push({ unit, dueMs, due });
}

function takeReadLine(step: JoinStep, due: Due, released: Released): void {
  const entry = heldLine(step, due);
  // No watermark tells when a `$connect` must have been read: it can be hours older.
  if (entry === undefined || entry.route.mode === 'connection') return;
  const dueMs = lineDueMs(entry);
  const unit = entry.route.mode === 'gateway' ? entry.unit : queueUnitOf(entry);
  if (isBehind(step, unit, dueMs)) released.requeued.push({ unit, dueMs, due });
  else takeLine(step, entry, released);
}

/** Held for as long as anything is, whatever has been read. */
function takeOverdue(step: JoinStep, due: Due, released: Released): void {
  if (due.what === 'invocation') {
    const invocation = unwrittenInvocation(step, due);
    if (invocation !== undefined) takeInvocation(step, invocation, released);
    return;
  }
  const entry = heldLine(step, due);
  if (entry !== undefined) takeLine(step, entry, released);
}

function takeInvocation(step: JoinStep, invocation: Invocation, released: Released): void {
  // A line that claims it can be among those still to be taken back; it comes again when they are.
  if (isBeingTakenBack(step, invocation)) return;
  step.room.released -= 1;
  released.lonely.push(invocation);
}

function takeLine(step: JoinStep, entry: Waiting, released: Released): void {
  step.room.released -= 1;
  switch (entry.route.mode) {
    case 'named':
      released.named.push(entry);
      return;
    case 'gateway':
      step.gatewayRefs.add(entry.route.ref);
      return;
    case 'connection':
      released.overdueConnections.push(entry);
  }
}

function isHeld(step: JoinStep, due: Due): boolean {
  return (due.what === 'line' ? heldLine(step, due) : unwrittenInvocation(step, due)) !== undefined;
}

function unwrittenInvocation({ memory }: JoinStep, { key }: Due): Invocation | undefined {
  const invocation = memory.invocations.get(key);
  return invocation === undefined || isWritten(invocation) ? undefined : invocation;
}

function heldLine({ memory }: JoinStep, { key }: Due): Waiting | undefined {
  const entry = memory.waiting.get(key);
  return entry === undefined || entry.left ? undefined : entry;
}

/** The first unit not yet read to where the last line of the invocation, or the access line it was made for, can be. */
function unitBehind(step: JoinStep, invocation: Invocation, dueMs: number): string | undefined {
  if (isBehind(step, invocation.unit, dueMs)) return invocation.unit;
  return step.topology.accessUnitsOf(invocation.unit).find((unit) => isBehind(step, unit, dueMs));
}

/** False as well for a unit that nobody reads: there is nothing to wait for. */
function isBehind({ watermarkOf }: JoinStep, unit: string, dueMs: number): boolean {
  const watermark = watermarkOf(unit, dueMs);
  return watermark !== undefined && watermark <= dueMs;
}

function takeExpired(step: JoinStep): Waiting[] {
  const { memory, nowMs, room } = step;
  const expired: Waiting[] = [];
  for (const key of memory.schedule.popExpired(nowMs)) {
    const entry = memory.waiting.get(key);
    if (entry === undefined) continue;
    expired.push(entry);
    room.parked -= 1;
    if (room.parked > 0) continue;
    step.isCutShort = true;
    break;
  }
  return expired;
}

/** Forgets lines that no partner can revise any more, and hands those over to the journal that have none yet. */
async function expireWaiting(step: JoinStep): Promise<void> {
  const named: Waiting[] = [];
  const gateway: Waiting[] = [];
  const expired = takeExpired(step);
  for (const entry of [...expired, ...aboveBound(step, expired.length)]) {
    if (entry.expiresMs <= step.forgetMs || entry.route.mode === 'connection') finishWaiting(step, entry);
    else if (entry.route.mode === 'named') named.push(entry);
    else gateway.push(entry);
  }
  await parkNamed(step, named);
  await parkLines(step, gateway);
}
