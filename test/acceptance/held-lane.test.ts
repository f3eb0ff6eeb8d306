import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LaneSettings } from '../../src/pipeline/drain-lane.ts';
import { REHEARSAL_HEC_TOKEN } from '../../src/sandbox/rehearsal-secrets.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { until } from '../support/fake-clock.ts';
import { RecordingLogger } from '../support/recorders.ts';
import { untrueOfJournal, untrueOfSplunk } from './truth.ts';

const QUICK: LaneSettings = { firstRetryMs: 10, maxRetryMs: 50, heldProbeMs: 40, batchesInFlight: 3 };

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 3,
    ratePerSecond: 5,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

it('a wrong HEC token holds the Splunk lanes, is said once, loses nothing, and Dynatrace never notices', async () => {
  const tokenFile = join(fleet.folder, 'hec.token');
  writeFileSync(tokenFile, '5a4db0c5-0000-4000-8000-00000000dead');
  const logger = new RecordingLogger();
  const runtime = await fleet.runtime('held.db', { logger, lanes: QUICK });
  const stop = new AbortController();
  const running = runtime.worker.run(stop.signal);
  const pendingOf = async (sink: string) => {
    const lanes = (await runtime.journal.lanes()).filter(({ lane }) => lane.startsWith(`${sink}/`));
    return lanes.reduce((sum, { pending }) => sum + (pending ?? 0), 0);
  };
  const lanesOf = (sink: string) =>
    // Nothing is in the lane of alarms, so nobody is asked for it.
    runtime.lanes.filter(({ id }) => id.sink === sink && id.stream !== 'alarms').map(({ status }) => status);

  await until(() => lanesOf('splunk').every(({ held }) => held !== undefined), 'both Splunk lanes are held');
  await until(
    async () => (await pendingOf('dynatrace')) === 0 && (await untrueOfJournal(fleet, runtime)).length === 0,
    'all is read and Dynatrace has it',
  );
  expect(lanesOf('dynatrace').every(({ held, trouble }) => held === undefined && trouble === undefined)).toBe(
    true,
  );
  expect(lanesOf('splunk').every(({ counts }) => counts.accepted === 0)).toBe(true);
  const shouted = logger.at('error').map(({ fields, message }) => `${fields.lane}: ${message}`);
  expect(shouted.sort()).toEqual([
    'splunk/metrics/live: lane held: nothing is lost, delivery resumes once this is mended',
    'splunk/records/live: lane held: nothing is lost, delivery resumes once this is mended',
  ]);
  expect(logger.at('error').every(({ fields }) => /token/i.test(String(fields.reason)))).toBe(true);
  expect(logger.at('error').map(({ fields }) => fields.triedEvery)).toEqual(['40ms', '40ms']);

  writeFileSync(tokenFile, REHEARSAL_HEC_TOKEN);
  await until(async () => (await pendingOf('splunk')) === 0, 'Splunk has everything');
  expect(lanesOf('splunk').every(({ held }) => held === undefined)).toBe(true);
  expect(await untrueOfSplunk(fleet, runtime)).toEqual({ findings: [], repeats: 0 });
  expect(await runtime.journal.deadLetters()).toEqual([]);
  expect(logger.at('error')).toHaveLength(2);

  const stoppedAt = performance.now();
  stop.abort(new Error('the test is over'));
  await running;
  expect(performance.now() - stoppedAt).toBeLessThan(10_000);
}, 60_000);
