import type { Invocation } from './invocation.ts';
import type { JoinStep } from './join-step.ts';
import { isLate } from './late.ts';
import { isTelling } from './lines-to-come.ts';
import { loadInvocations } from './load-invocations.ts';
import { takeParked, unparkNamed } from './parked-named.ts';
import type { ParkedLine } from './state-rows.ts';
import type { Place } from './unfinished.ts';
import type { Waiting } from './waiting-room.ts';

/** Lines that are told now what is known of the invocation they name. */
interface Taken {
  readonly ready: Waiting[];
  readonly parked: ParkedLine[];
}

/**
 * Lines that name what was read of an invocation now, be they in memory or parked. Of one invocation, or of all that come
 * back with a log group that could not be read, there can be any number: a batch takes what it has room for, and those to
 * come take the rest, together with what they bring. Until then a line is as good as not read again yet.
 */
export async function takeNamed(step: JoinStep): Promise<readonly Waiting[]> {
  const { unfinishedNamed: unfinished, mayBeStored } = step.memory;
  const taken: Taken = { ready: [], parked: [] };
  for (const invocation of step.touched) {
    const lines = readyFor(step, invocation);
    const mayBeParked = mayBeStored.parkedNamed && isLate(step, invocation.endMs);
    if (mayBeParked || lines.length > step.room.named || unfinished.has(invocation.key)) {
      unfinished.begin(invocation.key, step.forgetMs);
    } else if (lines.length > 0) {
      taken.ready.push(...lines);
      step.room.named -= lines.length;
    }
  }
  await carryOn(step, taken);
  return [...taken.ready, ...(await unparkNamed(step, taken.parked))];
}

/** What has left waits for nothing any more: whatever comes is told at once. */
function readyFor({ memory }: JoinStep, invocation: Invocation): readonly Waiting[] {
  const waiting = memory.waiting.waitingFor('named', invocation.key);
  if (waiting.length === 0 || isTelling(memory, invocation)) return waiting;
  return waiting.filter((entry) => entry.left);
}

async function carryOn(step: JoinStep, taken: Taken): Promise<void> {
  const { unfinishedNamed: unfinished } = step.memory;
  for (let next = unfinished.next(); next !== undefined && step.room.named > 0; next = unfinished.next()) {
    const before = taken.ready.length + taken.parked.length;
    const place = await advance(step, next.ref, next.place, taken);
    if (place === undefined) finish(step, next.ref);
    else unfinished.pause(next.ref, place);
    // Asking for lines that are not there is work as well.
    step.room.named -= Math.max(1, taken.ready.length + taken.parked.length - before);
  }
}

/** Takes as many lines of one invocation as there is room for. Returns where to go on, undefined at the end. */
async function advance(
  step: JoinStep,
  ref: string,
  place: Place,
  { ready, parked }: Taken,
): Promise<Place | undefined> {
  await loadInvocations(step, [ref]);
  const invocation = step.memory.invocations.get(ref);
  if (invocation === undefined) return undefined;
  const known = invocation.sources.length;
  const isWhole = isTelling(step.memory, invocation);
  const isTold = ({ told }: { readonly told?: number | undefined }) => !isWhole && told === known;
  const lines = readyFor(step, invocation).filter((entry) => !isTold(entry));
  const most = step.room.named;
  ready.push(...lines.slice(0, most));
  if (lines.length > most) return place;
  if (!step.memory.mayBeStored.parkedNamed) return undefined;
  const wanted = { from: place.from, most: most - lines.length, isTold };
  const from = await takeParked(step, ref, wanted, parked);
  return from === undefined ? undefined : { from, done: 0 };
}

/** It had not to go out alone while a line that claims it might be among those still to come. */
function finish({ memory }: JoinStep, ref: string): void {
  if (!memory.unfinishedNamed.finish(ref)) return;
  const invocation = memory.invocations.get(ref);
  if (invocation !== undefined) memory.schedule.addInvocation(invocation);
}
