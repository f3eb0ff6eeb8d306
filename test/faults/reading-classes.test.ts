import { afterEach, expect, it } from 'vitest';
import { DAY, HOUR, outcomesIn, ReadingFleet, spansOf } from './reading-fleet.ts';
import { ACCESS_GROUP, ACCESS_UNIT, CENTRAL, REGION } from './reading-world.ts';

let fleet: ReadingFleet;
afterEach(() => fleet.dispose());

it('a log group of class DELIVERY is read and said once; what its one day does not hold any more is a gap', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  world.access.logGroupClass = 'DELIVERY';
  const first = await fleet.runtime();
  expect(await fleet.readAt(first, fleet.nowMs)).toEqual([]);
  const [stage] = first.worker.status().inventory?.stages ?? [];
  expect(stage?.accessLogClass).toBe('DELIVERY');
  const stoppedMs = fleet.nowMs;
  await fleet.close(first);
  world.request('expired', stoppedMs + HOUR);
  world.request('kept', stoppedMs + 3 * DAY - HOUR);

  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, stoppedMs + 3 * DAY)).toEqual([]);
  await fleet.readAt(runtime, fleet.nowMs + HOUR);
  const gaps = await runtime.journal.gaps();
  expect(spansOf(gaps, ACCESS_UNIT)).toEqual([[stoppedMs, stoppedMs + 2 * DAY]]);
  expect(gaps[0]?.reason).toContain('keeps this log group 1d');
  expect(await outcomesIn(runtime)).toMatchObject({ kept: 'matched' });
  // Once by each worker.
  const said = fleet.logger.at('warn').filter(({ message }) => message.includes('not of class STANDARD'));
  expect(said.map(({ fields }) => fields)).toEqual(
    Array(2).fill({ account: CENTRAL, region: REGION, logGroup: ACCESS_GROUP, logGroupClass: 'DELIVERY' }),
  );
});
