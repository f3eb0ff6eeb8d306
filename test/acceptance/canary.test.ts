import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSystemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { RehearsedFleet } from '../pipeline/rehearsed-runtime.ts';
import { textOf } from './truth.ts';

let fleet: RehearsedFleet;
beforeAll(async () => {
  fleet = await RehearsedFleet.start({
    minutes: 5,
    ratePerSecond: 8,
    historyToMs: Date.UTC(2026, 10, 22, 10, 0),
  });
});
afterAll(() => fleet.dispose());

it('no secret planted in the logs is in the journal, in what a sink took in, or in our own log', async () => {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'debug',
    destination: { write: (line) => lines.push(line) },
    format: 'json',
    clock: createSystemClock(),
    version: 'test',
    instanceId: 'test',
  });
  const runtime = await fleet.runtime('canary.db', { logger });
  expect(await runtime.worker.once(AbortSignal.timeout(50_000))).toEqual([]);
  await runtime.close();
  const files = readdirSync(fleet.folder).filter((name) => name.startsWith('canary.db'));
  const written = new Map([
    ['Splunk', await textOf(fleet, 'accepted/splunk')],
    ['Dynatrace', await textOf(fleet, 'accepted/dynatrace')],
    ['our own log', lines.join('')],
    ...files.map((name) => [name, readFileSync(join(fleet.folder, name), 'latin1')] as const),
  ]);
  const secrets = fleet.rehearsal.world.plantedSecrets;
  const shown = fleet.rehearsal.world.logGroups
    .flatMap(({ events }) => events)
    .filter(({ message }) => secrets.some((secret) => message.includes(secret)));
  expect(secrets.length).toBeGreaterThan(3);
  expect(shown.length).toBeGreaterThan(10);
  expect(written.get('canary.db')?.length).toBeGreaterThan(100_000);
  for (const [place, text] of written) {
    const leaked = secrets.filter((secret) => text.includes(secret));
    expect(leaked, `secrets in ${place}`).toEqual([]);
  }
}, 60_000);
