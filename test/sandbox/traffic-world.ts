import { createGeneratedWorld } from '../../src/sandbox/generated-world.ts';
import type { TruthMetric, TruthRequest, TruthRow, World, WorldEvent } from '../../src/sandbox/world.ts';

/** A fixed moment at which histories of these tests end. */
export const HISTORY_END_MS = Date.parse('2026-11-22T12:00:00Z');

export function worldOf(settings: { seed?: number; minutes: number; ratePerSecond: number }): World {
  return createGeneratedWorld({
    seed: settings.seed ?? 1,
    historyFromMs: HISTORY_END_MS - settings.minutes * 60_000,
    historyToMs: HISTORY_END_MS,
    ratePerSecond: settings.ratePerSecond,
  });
}

export function settledTruth(world: World): readonly TruthRow[] {
  return [...world.truth(HISTORY_END_MS + world.longestLagMs)];
}

export function requestsOf(rows: readonly TruthRow[]): readonly TruthRequest[] {
  return rows.filter((row) => row.type === 'request');
}

export function metricsOf(rows: readonly TruthRow[]): readonly TruthMetric[] {
  return rows.filter((row) => row.type === 'metric');
}

/** Events by account, Region, group, stream and id. */
export function eventsByKey(world: World): ReadonlyMap<string, WorldEvent> {
  return new Map(
    world.logGroups.flatMap((group) =>
      group.events.map((event) => [
        eventKey({ ...group, logGroup: group.name, logStream: event.logStream, eventId: event.eventId }),
        event,
      ]),
    ),
  );
}

export function eventKey(event: {
  readonly account: string;
  readonly region: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly eventId: string;
}): string {
  return [event.account, event.region, event.logGroup, event.logStream, event.eventId].join('\n');
}
