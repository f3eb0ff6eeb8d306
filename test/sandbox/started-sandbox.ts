import { afterEach } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { noFaults } from '../../src/sandbox/faults.ts';
import { type Sandbox, type SandboxSettings, startSandbox } from '../../src/sandbox/server.ts';
import { historyToMs, longestLagMs, region, smallWorld } from './small-world.ts';

const open: { close(): unknown }[] = [];

/** Closes `thing` after the test. */
export function closing<Thing extends { close(): unknown }>(thing: Thing): Thing {
  open.push(thing);
  return thing;
}

afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

/** A sandbox over the small world, frozen when everything is readable, without faults or quotas. */
export async function startedSandbox(settings: Partial<SandboxSettings> = {}): Promise<Sandbox> {
  return closing(
    await startSandbox({
      world: smallWorld(),
      port: 0,
      clock: { now: () => historyToMs + longestLagMs },
      faults: noFaults,
      quotas: 'off',
      seed: 1,
      logger: silentLogger,
      ...settings,
    }),
  );
}

/** What every SDK client needs to talk to a sandbox: nothing but an endpoint, a Region and some key. */
export function sdkSettings(sandbox: Sandbox, accessKeyId = 'AKIASANDBOX') {
  return {
    endpoint: sandbox.url,
    region,
    credentials: { accessKeyId, secretAccessKey: 'sandbox' },
    retryMode: 'standard',
    maxAttempts: 1,
  };
}
