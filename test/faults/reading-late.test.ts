import { afterEach, beforeEach, expect, it } from 'vitest';
import { HOUR, MINUTE, outcomesIn, ReadingFleet, requestsIn } from './reading-fleet.ts';

const START = Date.UTC(2026, 10, 22, 10);
const SECOND = 1_000;
/** When the worker reads, after the start. Between two of them its group is caught up and read again as is due. */
const TURNS = [0, 20 * SECOND, 40 * SECOND, MINUTE, 2 * MINUTE, 6 * MINUTE, 12 * MINUTE, HOUR, 1.5 * HOUR];

let fleet: ReadingFleet;
beforeEach(async () => {
  fleet = await ReadingFleet.start({ config: 'metrics: { firstRead: 10m }' });
});
afterEach(() => fleet.dispose());

it('FT-20 a line up to 24 hours late is stored and joined, and a later one by a backfill', async () => {
  const { world } = fleet;
  const at = START - 10 * SECOND;
  const lags = { '1s': SECOND, '40s': 40 * SECOND, '4m': 4 * MINUTE, '50m': 50 * MINUTE, '23h': 23 * HOUR };
  for (const [id, lagMs] of Object.entries(lags)) {
    world.request(`access-${id}`, at, { accessMs: lagMs });
    world.request(`authorizer-${id}`, at, { authorizerMs: lagMs });
  }
  world.request('in-time', at);
  world.request('25h', at, { accessMs: 25 * HOUR });
  world.request('29h', at, { accessMs: 29 * HOUR });
  const runtime = await fleet.runtime();
  // Neighbours are read again together, so the last re-read of a time comes up to two hours after its day is over.
  for (const step of [...TURNS, 6 * HOUR, 12 * HOUR, 24.1 * HOUR, 26.1 * HOUR]) {
    expect(await fleet.readAt(runtime, START + step)).toEqual([]);
  }
  const outcomes = await outcomesIn(runtime);
  const expected = Object.keys(lags).flatMap((id) => [`access-${id}`, `authorizer-${id}`]);
  for (const id of [...expected, 'in-time']) expect([id, outcomes[id]]).toEqual([id, 'matched']);
  expect((await requestsIn(runtime)).get('ext-authorizer-23h')?.parts).toHaveLength(5);
  // An access line or four authorizer lines of each that live reading no longer saw; of the access line of 25 hours.
  expect(fleet.meter.counts.get('gatewatch_events_late_total')).toBe(3 * 5 + 1);

  expect(await fleet.readAt(runtime, START + 30 * HOUR)).toEqual([]);
  expect((await outcomesIn(runtime))['29h']).toBeUndefined();
  await fleet.orderBackfill(START - MINUTE, START);
  expect(await fleet.readAt(runtime, START + 30.1 * HOUR)).toEqual([]);
  expect((await outcomesIn(runtime))['29h']).toBe('matched');
  const twice = await runtime.journal.ledger(0, Number.MAX_SAFE_INTEGER);
  expect(twice.reduce((sum, { stored }) => sum + stored, 0)).toBe(13 * 5);
}, 30_000);

it('a group whose lag outgrows its settings is said once, with the setting to change, and in health', async () => {
  const { world, logger } = fleet;
  for (let n = 0; n < 150; n += 1) world.line(`slow-${n}`, START - 3 * MINUTE + n, 170 * SECOND);
  world.line('day', START - 2 * MINUTE, 23 * HOUR);
  const runtime = await fleet.runtime();
  for (const step of [0, 20 * SECOND, 6 * MINUTE, 8 * MINUTE, 2 * HOUR, 24.5 * HOUR, 25 * HOUR])
    await fleet.readAt(runtime, START + step);
  const said = logger.at('warn').map(({ message }) => message);
  expect(said).toEqual([
    expect.stringMatching(/^lines take up to 2m5\ds.*set logs\.lagAllowance to 3m$/),
    expect.stringMatching(/^the last re-read, at 1d, found a line up to 23h late.*add 2d to logs\.rereads/),
  ]);
  const unit = runtime.worker.status().units.find(({ remark }) => remark !== undefined);
  expect(unit?.remark).toContain('set logs.lagAllowance to 3m');
}, 30_000);
