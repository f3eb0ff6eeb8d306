import { describe, expect, it } from 'vitest';
import { createGeneratedWorld } from '../../src/sandbox/generated-world.ts';
import type { World } from '../../src/sandbox/world.ts';
import { HISTORY_END_MS, settledTruth, worldOf } from './traffic-world.ts';

function textOf(world: World): string {
  return JSON.stringify([world.logGroups, world.plantedSecrets, settledTruth(world)]);
}

describe('a generated world', () => {
  it('is the same, byte by byte, for the same seed', () => {
    const settings = { seed: 42, minutes: 6, ratePerSecond: 8 };
    expect(textOf(worldOf(settings))).toBe(textOf(worldOf(settings)));
  });

  it('differs for another seed', () => {
    const first = worldOf({ seed: 1, minutes: 3, ratePerSecond: 4 });
    expect(textOf(worldOf({ seed: 2, minutes: 3, ratePerSecond: 4 }))).not.toBe(textOf(first));
  });

  it('makes the same live traffic in one step or in many', () => {
    const [once, often] = [
      worldOf({ minutes: 2, ratePerSecond: 5 }),
      worldOf({ minutes: 2, ratePerSecond: 5 }),
    ];
    once.advanceTo(HISTORY_END_MS + 120_000);
    for (let step = 1; step <= 60; step++) often.advanceTo(HISTORY_END_MS + step * 2_000);
    expect(JSON.stringify(often.logGroups)).toBe(JSON.stringify(once.logGroups));
  });

  it('carries its history on: what was shown stays, what follows is later', () => {
    const world = worldOf({ minutes: 3, ratePerSecond: 6 });
    const groups = world.logGroups;
    const before = groups.map((group) => new Set(group.events.map((event) => event.eventId)));
    world.advanceTo(HISTORY_END_MS + 60_000);
    expect(world.logGroups).toBe(groups);
    for (const [index, group] of groups.entries()) {
      const ids = new Set(group.events.map((event) => event.eventId));
      expect([...(before[index] ?? [])].every((id) => ids.has(id))).toBe(true);
      const added = group.events.filter((event) => !before[index]?.has(event.eventId));
      expect(added.every((event) => event.ingestionMs > HISTORY_END_MS)).toBe(true);
    }
  });

  it('sends about as many requests a second as asked for', () => {
    const rows = settledTruth(
      createGeneratedWorld({
        seed: 3,
        historyFromMs: HISTORY_END_MS - 1_200_000,
        historyToMs: HISTORY_END_MS,
        ratePerSecond: 20,
      }),
    );
    const perSecond = rows.filter((row) => row.type === 'request' && row.access !== undefined).length / 1_200;
    expect(perSecond).toBeGreaterThan(17);
    expect(perSecond).toBeLessThan(22);
  });
});
