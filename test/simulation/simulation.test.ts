import { describe, expect, it } from 'vitest';
import { missingCoverage, OFTEN } from './coverage.ts';
import { simulate } from './simulate.ts';
import { Tally } from './tally.ts';

/** Seeds that every run of the tests goes through; `npm run test:soak` runs as many as asked. */
const SEEDS = { from: 1, count: 30 };
/** Seeds that once found a defect. */
const FOUND: readonly number[] = [39, 98, 112];

async function violationsOf(seed: number, tally?: Tally): Promise<string[]> {
  const { violations, trace, tally: happened } = await simulate(seed);
  tally?.addAll(happened.counts);
  if (violations.length === 0) return [];
  const again = `seed ${seed}; run it alone: npm run test:soak -- --seeds 1 --from ${seed}`;
  return [again, ...violations.slice(0, 5), ...trace.slice(-15)];
}

describe('a simulated fleet', () => {
  it('is told whole and true, whatever crashes, lags, repeats or refuses', async () => {
    const tally = new Tally();
    for (let seed = SEEDS.from; seed < SEEDS.from + SEEDS.count; seed += 1) {
      expect(await violationsOf(seed, tally)).toEqual([]);
    }
    expect(missingCoverage(tally, OFTEN)).toEqual([]);
  }, 240_000);

  it.each(FOUND)(
    'keeps what seed %i once found mended',
    async (seed) => {
      expect(await violationsOf(seed)).toEqual([]);
    },
    30_000,
  );

  it('goes the same way again from the same seed', async () => {
    const [first, second] = [await simulate(7), await simulate(7)];
    expect([...second.tally.counts]).toEqual([...first.tally.counts]);
    expect(second.trace).toEqual(first.trace);
  }, 30_000);
});
