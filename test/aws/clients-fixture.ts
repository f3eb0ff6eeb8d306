import { afterEach } from 'vitest';
import { type AwsClients, type AwsClientsSettings, createAwsClients } from '../../src/aws/aws-clients.ts';
import { type Clock, createSystemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Meter } from '../../src/core/meter.ts';
import { type AwsStub, type StubHandler, startAwsStub } from './aws-stub.ts';

export const CENTRAL = '111122223333';
export const IDENTITY = '444455556666';
export const REGION = 'eu-west-1';

/** A clock on which waiting takes no real time: the limiter can be watched without being waited for. */
export function createSkippingClock(): Clock & { readonly slept: () => number } {
  const real = createSystemClock();
  let skipped = 0;
  return {
    now: real.now,
    monotonic: () => real.monotonic() + skipped,
    slept: () => skipped,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      skipped += ms;
    },
  };
}

/** Counts by name, labels left out. */
export function createCountingMeter(): Meter & { readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    counts,
    count: (name, value) => counts.set(name, (counts.get(name) ?? 0) + value),
    gauge: () => undefined,
    observe: () => undefined,
  };
}

export function clientsForTest(settings: Partial<AwsClientsSettings> = {}): AwsClients {
  return createAwsClients({
    accounts: [{ name: 'central', accountId: CENTRAL, regions: [REGION] }],
    clock: createSkippingClock(),
    logger: silentLogger,
    meter: createCountingMeter(),
    maxAttempts: 2,
    ...settings,
  });
}

/** Clients before a stub of AWS: one of each for a test that asks for it, closed with that test. */
export function stubbedClients() {
  let stub: AwsStub | undefined;
  let clients: AwsClients | undefined;
  afterEach(async () => {
    clients?.close();
    await stub?.close();
    stub = undefined;
  });
  return {
    serve: async (handler: StubHandler, settings: Partial<AwsClientsSettings> = {}): Promise<AwsClients> => {
      stub = await startAwsStub(handler);
      clients = clientsForTest(settings);
      return clients;
    },
    /** What the stub was asked, in order. */
    get calls() {
      return stub?.calls ?? [];
    },
    callsOf: (operation: string) => stub?.of(operation) ?? [],
  };
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
