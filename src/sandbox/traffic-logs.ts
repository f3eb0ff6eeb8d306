import type { Random } from './random.ts';
import type { TruthEvent, WorldEvent, WorldLogGroup } from './world.ts';

/** Longest time between an event's cause (the start of its request) and its being readable. */
export const LONGEST_LAG_MS = 8 * 60_000;

const MEDIAN_LAG_MS = 6_000;
const SHORTEST_LAG_MS = 1_500;
/** One event in this many waits for minutes. */
const STRAGGLERS = 150;

/** A log group being written. `settle` puts what was written since into its place in `events`. */
export interface LogGroupWriter extends WorldLogGroup {
  write(line: { logStream: string; atMs: number; causeMs: number; text: string }): WorldEvent;
  settle(): void;
}

export function createLogGroupWriter(
  group: { readonly account: string; readonly region: string; readonly name: string },
  ids: EventIds,
  random: Random,
): LogGroupWriter {
  const events: WorldEvent[] = [];
  let unsettled: WorldEvent[] = [];
  return {
    ...group,
    events,
    write: ({ logStream, atMs, causeMs, text }) => {
      const ingestionMs = ingestionOf(atMs, causeMs, random);
      const event = { logStream, eventId: ids.next(atMs), timestampMs: atMs, ingestionMs, message: text };
      unsettled.push(event);
      return event;
    },
    settle: () => {
      mergeInto(events, unsettled.sort(inOrder));
      unsettled = [];
    },
  };
}

export function truthEventOf(group: WorldLogGroup, event: WorldEvent): TruthEvent {
  return {
    account: group.account,
    region: group.region,
    logGroup: group.name,
    logStream: event.logStream,
    eventId: event.eventId,
    ingestionMs: event.ingestionMs,
  };
}

/** Event ids look like CloudWatch's: 56 decimal digits, never the same twice. */
export interface EventIds {
  next(atMs: number): string;
}

export function createEventIds(random: Random): EventIds {
  let count = 0;
  return {
    next: (atMs) => ['39', atMs, String(count++).padStart(14, '0'), random.digits(27)].join(''),
  };
}

/** Seconds as a rule, minutes for a straggler, never later than the longest lag after the cause. */
function ingestionOf(atMs: number, causeMs: number, random: Random): number {
  const latestMs = causeMs + LONGEST_LAG_MS;
  const lagMs =
    random.int(STRAGGLERS) === 0
      ? random.between(30_000, LONGEST_LAG_MS)
      : Math.max(SHORTEST_LAG_MS, random.lognormal(MEDIAN_LAG_MS, 0.6));
  return Math.round(Math.min(atMs + lagMs, latestMs));
}

function inOrder(a: WorldEvent, b: WorldEvent): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs;
  if (a.ingestionMs !== b.ingestionMs) return a.ingestionMs - b.ingestionMs;
  return a.eventId < b.eventId ? -1 : 1;
}

/** Merges a sorted list into a sorted list in place. Only the end of `into` moves, because time does. */
function mergeInto(into: WorldEvent[], added: readonly WorldEvent[]): void {
  let left = into.length - 1;
  let right = added.length - 1;
  for (const event of added) into.push(event);
  for (let slot = into.length - 1; right >= 0; slot--) {
    const later = added[right];
    const earlier = left >= 0 ? into[left] : undefined;
    if (later === undefined) return;
    if (earlier !== undefined && inOrder(earlier, later) > 0) {
      into[slot] = earlier;
      left--;
    } else {
      into[slot] = later;
      right--;
    }
  }
}
