import { afterAll, beforeAll, expect, it } from 'vitest';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { untrueOfJournal, untrueOfSplunk } from './truth.ts';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 3,
    ratePerSecond: 8,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

it('a worker that was stopped in the middle, again and again, loses nothing and stores nothing twice', async () => {
  let restarts = 0;
  for (let commitsLeft = 1; ; commitsLeft += 1) {
    const stop = new AbortController();
    let commits = 0;
    const runtime = await fleet.runtime('restart.db', {
      batchEvents: 30,
      onCommit: () => {
        commits += 1;
        if (commits === commitsLeft) stop.abort(new Error('killed in the middle'));
      },
    });
    const left = await runtime.worker.once(stop.signal).catch((error: unknown) => [String(error)]);
    if (!stop.signal.aborted) {
      expect(left).toEqual([]);
      expect(await untrueOfJournal(fleet, runtime)).toEqual([]);
      expect((await untrueOfSplunk(fleet, runtime)).findings).toEqual([]);
      break;
    }
    restarts += 1;
    await runtime.close();
  }
  expect(restarts).toBeGreaterThan(2);
}, 60_000);
