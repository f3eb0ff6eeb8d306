import type { WorldEvent } from '../world.ts';

/** Place of an event in the order AWS reads in: event time, ingestion time, id. */
export type EventPlace = Pick<WorldEvent, 'timestampMs' | 'ingestionMs' | 'eventId'>;

export function compareEvents(a: EventPlace, b: EventPlace): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs;
  if (a.ingestionMs !== b.ingestionMs) return a.ingestionMs - b.ingestionMs;
  return a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0;
}

/** Index of the first event for which `isAfter` holds; it must hold for all events behind it too. */
export function firstIndex(events: readonly WorldEvent[], isAfter: (event: WorldEvent) => boolean): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const event = events[middle];
    if (event !== undefined && !isAfter(event)) low = middle + 1;
    else high = middle;
  }
  return low;
}
