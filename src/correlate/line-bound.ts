import type { JoinStep } from './join-step.ts';
import { LATE_SLACK_MS } from './late.ts';
import type { Waiting } from './waiting-room.ts';

/** Memory is brought down to this share of its bound, so that not every batch has to. */
const DOWN_TO = 0.98;

/**
 * Lines that leave before their time because more wait than memory takes, the oldest first and those of whose invocation
 * nothing is known before others. Mostly a group of an authorizer cannot be read, so that they would leave without a
 * partner anyway; if it comes, their records are revised. `taken` leave by themselves. Every line of the batch must stand.
 */
export function takeEarly(step: JoinStep, taken: readonly Waiting[]): readonly Waiting[] {
  const { waiting } = step.memory;
  if (waiting.size <= step.settings.linesInMemory) return [];
  const mayGo = new Set(taken);
  const held: Waiting[] = [];
  for (const entry of waiting.all()) {
    if (!(entry.left || mayGo.has(entry) || isSettledAnyway(step, entry))) held.push(entry);
  }
  const most = mostAfter(step);
  if (held.length <= most) return [];
  const hopeless = held.filter((entry) => !isInvocationKnown(step, entry));
  const others = held.filter((entry) => isInvocationKnown(step, entry));
  const early = [...hopeless, ...others].slice(0, held.length - most);
  for (const entry of early) noteForgotten(step, entry);
  step.leftEarly += early.length;
  return early;
}

function isSettledAnyway({ gatewayRefs, connectionRefs }: JoinStep, { route }: Waiting): boolean {
  if (route.mode === 'gateway') return gatewayRefs.has(route.ref);
  return route.mode === 'connection' && connectionRefs.has(route.ref);
}

function isInvocationKnown({ memory }: JoinStep, { route }: Waiting): boolean {
  return route.mode === 'named' && memory.invocations.get(route.ref) !== undefined;
}

/** Lines that have left and that memory forgets before their `closesMs`, the first to close first. */
export function* aboveBound(step: JoinStep, forgotten: number): Generator<Waiting> {
  const { waiting, schedule } = step.memory;
  let surplus = waiting.size - forgotten;
  if (surplus <= step.settings.linesInMemory) return;
  surplus -= mostAfter(step);
  for (const key of schedule.popExpired(Number.POSITIVE_INFINITY)) {
    const entry = waiting.get(key);
    if (entry !== undefined) {
      noteForgotten(step, entry);
      yield entry;
      surplus -= 1;
    }
    if (surplus <= 0) return;
  }
}

function mostAfter({ settings }: JoinStep): number {
  return Math.floor(settings.linesInMemory * DOWN_TO);
}

/** From now on, what is read of its time asks the journal. */
function noteForgotten({ memory }: JoinStep, { endMs }: Waiting): void {
  memory.forgottenThroughMs = Math.max(memory.forgottenThroughMs, endMs + LATE_SLACK_MS);
}
