import { afterAll, beforeAll, expect, it } from 'vitest';
import { SABOTAGES, sabotageJournal } from '../../src/cli/demo/sabotage.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { untrueOfJournal } from './truth.ts';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 1,
    ratePerSecond: 5,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

it.each(SABOTAGES)(
  'the comparison with the truth names the record that the sabotage %s has hit',
  async (sabotage) => {
    const victims: string[] = [];
    const runtime = await fleet.runtime(`${sabotage}.db`, {
      wrapJournal: (journal) => sabotageJournal(journal, sabotage, (recordId) => victims.push(recordId)),
    });
    expect(await runtime.worker.once(AbortSignal.timeout(50_000))).toEqual([]);
    const findings = (await untrueOfJournal(fleet, runtime)).join('\n');
    const [victim = 'no record'] = victims;
    if (sabotage === 'drop') expect(findings).toMatch(/expected one record, got 0/);
    else expect(findings).toContain(victim.slice(0, -1));
  },
);
