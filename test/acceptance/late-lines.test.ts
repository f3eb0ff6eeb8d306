import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { RequestRecord } from '../../src/model/request-record.ts';
import { RehearsedFleet, rowsOf } from '../pipeline/rehearsed-runtime.ts';
import { untrueOfJournal, untrueOfSplunk } from './truth.ts';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 6,
    ratePerSecond: 6,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

function stories(rows: readonly JournalEntry[]): RequestRecord[][] {
  const byRecord = new Map<string, RequestRecord[]>();
  for (const { record } of rows) {
    if (record.kind === 'request')
      byRecord.set(record.recordId, [...(byRecord.get(record.recordId) ?? []), record]);
  }
  return [...byRecord.values()].filter((revisions) => revisions.length > 1);
}

it('a line that becomes readable late ends as a revision of the record that left without it', async () => {
  const { world, clock } = fleet.rehearsal;
  const steps = [
    world.historyToMs,
    world.historyToMs + 400_000,
    world.historyToMs + Math.max(world.longestLagMs, 900_000),
  ];
  for (const nowMs of steps) {
    clock.steer(nowMs);
    fleet.nowMs = nowMs;
    const runtime = await fleet.readLive('late.db');
    await runtime.close();
  }
  const runtime = await fleet.runtime('late.db');
  const revised = stories(await rowsOf(runtime.journal, 'records'));
  const completed = revised.filter(
    (revisions) => revisions[0]?.outcome === 'access_only' && revisions.at(-1)?.outcome !== 'access_only',
  );
  expect(completed.length).toBeGreaterThan(0);
  for (const revisions of revised) {
    expect(revisions.map(({ revision }) => revision)).toEqual(revisions.map((_one, n) => n));
    expect(new Set(revisions.map(({ eventId }) => eventId)).size).toBe(revisions.length);
  }
  expect(await untrueOfJournal(fleet, runtime)).toEqual([]);
  expect(await untrueOfSplunk(fleet, runtime)).toEqual({ findings: [], repeats: 0 });
}, 60_000);
