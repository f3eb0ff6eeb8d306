import { expect, it } from 'vitest';
import { listAgain } from '../../src/scheduler/listings.ts';
import { FakeClock } from '../support/fake-clock.ts';

it('lists again soon what was not listed whole, ever more slowly, and not what was', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const listedS: number[] = [];
  let isWhole = false;
  const running = listAgain(
    { clock, isWhole: () => isWhole, list: async () => void listedS.push(clock.monotonic() / 1_000) },
    stop.signal,
  );
  await clock.advance(3_600_000);
  expect(listedS).toEqual([60, 180, 420, 900, 1_500, 2_100, 2_700, 3_300]);
  isWhole = true;
  await clock.advance(1_200_000);
  isWhole = false;
  await clock.advance(60_000);
  expect(listedS.at(-1)).toBeGreaterThan(4_800);
  stop.abort();
  await running;
});
