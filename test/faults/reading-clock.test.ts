import { afterEach, expect, it } from 'vitest';
import { createCron } from '../../src/scheduler/start-cron.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { HOUR, MINUTE, outcomesIn, ReadingFleet } from './reading-fleet.ts';
import { ACCESS_UNIT } from './reading-world.ts';

const SECOND = 1_000;

let fleet: ReadingFleet | undefined;
afterEach(async () => {
  await fleet?.dispose();
  fleet = undefined;
});

async function startFleet(options: Parameters<typeof ReadingFleet.start>[0] = {}): Promise<ReadingFleet> {
  fleet = await ReadingFleet.start(options);
  return fleet;
}

const everySecond = (word: string, seconds: number) =>
  Object.fromEntries(Array.from({ length: seconds }, (_, n) => [`${word}${n}`, 'matched'] as const));

/** One request a second over the time until the next turn. */
function requestsUntil(fleet: ReadingFleet, word: string, seconds: number): void {
  for (let n = 0; n < seconds; n += 1) fleet.world.request(`${word}${n}`, fleet.nowMs + n * SECOND);
}

it.each([
  ['ahead of', 10 * MINUTE, 'aws-behind'],
  ['behind', -10 * MINUTE, 'aws-ahead'],
] as const)(
  "FT-24 a host clock ten minutes %s AWS: signatures are corrected, windows go by AWS's time, and it is said once",
  async (side, hostAheadMs, fault) => {
    const fleet = await startFleet();
    fleet.hostAheadMs = hostAheadMs;
    fleet.faults(fault);
    const runtime = await fleet.runtime();
    expect(await fleet.readAt(runtime, fleet.nowMs)).toEqual([]);
    for (const word of ['a', 'b', 'c']) {
      requestsUntil(fleet, word, 20);
      expect(await fleet.readAt(runtime, fleet.nowMs + 25 * SECOND)).toEqual([]);
      // Live reading saw them at once: no re-read is due yet.
      expect(await outcomesIn(runtime)).toMatchObject(everySecond(word, 20));
    }
    expect(fleet.sandbox.faultCounts.get(fault)).toBeGreaterThan(0);
    const through =
      runtime.worker.status().units.find(({ unit }) => unit === ACCESS_UNIT)?.readThroughMs ?? 0;
    expect(Math.abs(through - fleet.nowMs)).toBeLessThan(5 * SECOND);
    const said = fleet.logger.at('warn').filter(({ message }) => message.includes('clock'));
    expect(said.map(({ message }) => message)).toEqual([
      expect.stringContaining(`the host's clock is 10m ${side} AWS`),
    ]);
    expect(runtime.clock.remark).toContain('set the clock');
  },
);

it('FT-24 a clock that goes back an hour: what is new is still read, no window is negative, and nothing is read in a storm', async () => {
  const fleet = await startFleet();
  const runtime = await fleet.runtime();
  fleet.world.request('before', fleet.nowMs - 10 * SECOND);
  await fleet.readAt(runtime, fleet.nowMs);
  // It had been an hour ahead, and is set right.
  const aheadMs = fleet.nowMs;
  fleet.nowMs -= HOUR;
  const calls = () => fleet.sandbox.counts.get('aws.FilterLogEvents');
  const before = calls();
  for (const word of ['a', 'b', 'c']) {
    requestsUntil(fleet, word, 15);
    expect(await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND)).toEqual([]);
    expect(await outcomesIn(runtime)).toMatchObject(everySecond(word, 15));
  }
  expect(calls() - before).toBeLessThanOrEqual(3 * 2);
  const status = runtime.worker.status().units.find(({ unit }) => unit === ACCESS_UNIT);
  expect(status?.readThroughMs).toBe(aheadMs);
  const ledger = await runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER);
  expect(ledger.filter(({ window }) => window.toMs < window.fromMs)).toEqual([]);

  // An hour later reading goes on where it stood; what came in between is all there, once.
  requestsUntil(fleet, 'd', 15);
  expect(await fleet.readAt(runtime, aheadMs + 20 * SECOND)).toEqual([]);
  expect(await fleet.readAt(runtime, aheadMs + 10 * MINUTE)).toEqual([]);
  const words = ['a', 'b', 'c', 'd'].map((word) => everySecond(word, 15));
  expect(await outcomesIn(runtime)).toEqual(Object.assign({ before: 'matched' }, ...words));
  const stored = (await runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER)).map((entry) => entry.stored);
  expect(stored.reduce((sum, one) => sum + one, 0)).toBe(61 * 5);
});

it('FT-24 a machine that slept for twenty minutes reads live at once and catches up what it slept through', async () => {
  const fleet = await startFleet({ config: 'logs: { slice: 5m }' });
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  const asleepMs = fleet.nowMs;
  for (let n = 0; n < 40; n += 1) fleet.world.request(`r${n}`, asleepMs + n * 30 * SECOND);
  fleet.world.request('slow', asleepMs - 5 * SECOND, { accessMs: 10 * SECOND });
  expect(await fleet.readAt(runtime, asleepMs + 20 * MINUTE + SECOND)).toEqual([]);
  const expected = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`r${n}`, 'matched'] as const));
  expect(await outcomesIn(runtime)).toEqual({ ...expected, slow: 'matched' });
  const status = runtime.worker.status().units.find(({ unit }) => unit === ACCESS_UNIT);
  expect(status?.readThroughMs).toBe(fleet.nowMs);
  const windows = (await runtime.journal.ledger(asleepMs, Number.MAX_SAFE_INTEGER)).filter(
    ({ unit }) => unit === ACCESS_UNIT,
  );
  const [first] = windows.toSorted((a, b) => b.window.toMs - a.window.toMs);
  expect(first?.window).toEqual({ fromMs: fleet.nowMs - 5 * MINUTE, toMs: fleet.nowMs });
});

/** A clock on the wall that the test sets, beside time that only goes forward. */
class WallClock extends FakeClock {
  setBy = 0;

  override now(): number {
    return super.now() + this.setBy;
  }
}

/** Times of the wall clock at which the schedule came round. */
function startSchedule(expression: string) {
  const clock = new WallClock(Date.UTC(2026, 2, 29, 0, 30, 0, 500));
  const runs: string[] = [];
  const task = createCron(clock)('test', expression, async () => {
    runs.push(new Date(clock.now()).toISOString().slice(11, 19));
  });
  return { clock, runs, task };
}

it('FT-24 a schedule goes by UTC, where the hour that summer time skips comes once', async () => {
  const { clock, runs, task } = startSchedule('30 1-5 * * *');
  for (let hour = 0; hour < 4; hour += 1) await clock.advance(HOUR);
  expect(runs).toEqual(['01:30:00', '02:30:00', '03:30:00', '04:30:00']);
  await task.destroy();
  await clock.advance(HOUR);
  expect(runs).toHaveLength(4);
}, 30_000);

it('FT-24 a schedule that comes round seldom is due after hours of sleep, not after a short one', async () => {
  const { clock, runs, task } = startSchedule('0 0 1 1 *');
  clock.skip(30 * MINUTE);
  await clock.advance(SECOND);
  expect(runs).toHaveLength(0);
  clock.skip(2 * HOUR);
  await clock.advance(SECOND);
  expect(runs).toHaveLength(1);
  await task.destroy();
});

it('FT-24 a schedule goes on when the clock is set back or forward an hour, and when the machine slept', async () => {
  const { clock, runs, task } = startSchedule('*/20 * * * * *');
  await clock.advance(40 * SECOND);
  expect(runs).toEqual(['00:30:20', '00:30:40']);
  clock.setBy -= HOUR;
  await clock.advance(40 * SECOND);
  expect(runs.slice(2)).toEqual(['23:31:00', '23:31:20']);
  clock.setBy += HOUR;
  await clock.advance(SECOND);
  expect(runs).toHaveLength(5);
  // Asleep, or too busy for a while: the run is late, not left out.
  clock.skip(20 * MINUTE);
  await clock.advance(SECOND);
  expect(runs).toHaveLength(6);
  await clock.advance(20 * SECOND);
  expect(runs).toHaveLength(7);
  clock.skip(21 * SECOND);
  await clock.advance(SECOND);
  expect(runs).toHaveLength(8);
  await task.destroy();
});
