import { afterAll, beforeAll, expect, it } from 'vitest';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { untrueOfJournal, untrueOfSplunk } from './truth.ts';

const MINUTES = 8;
const STEP_MS = 60_000;

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: MINUTES,
    ratePerSecond: 5,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

/**
 * The clock goes through the history as it would in production: at every step the newest lines are not readable yet, some
 * come minutes late, metric points are absent, partial and restated.
 */
it('read minute by minute, the journal and Splunk end up as true as read at once', async () => {
  const { world, clock } = fleet.rehearsal;
  const endMs = world.historyToMs + world.longestLagMs;
  const steps: number[] = [];
  for (let at = world.historyFromMs + STEP_MS; at <= endMs; at += STEP_MS) steps.push(at);
  for (const nowMs of [...steps, endMs + 400_000, endMs + 5_000_000]) {
    clock.steer(nowMs);
    fleet.nowMs = nowMs;
    const runtime = await fleet.readLive('live.db');
    await runtime.close();
  }
  const runtime = await fleet.runtime('live.db');
  expect(await untrueOfJournal(fleet, runtime)).toEqual([]);
  expect((await untrueOfSplunk(fleet, runtime)).findings).toEqual([]);
}, 90_000);
