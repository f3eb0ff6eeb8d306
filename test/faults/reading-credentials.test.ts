import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { MINUTE, outcomesIn, ReadingFleet } from './reading-fleet.ts';
import { AUTHORIZER_UNIT, METRICS_UNIT } from './reading-world.ts';

let fleet: ReadingFleet;
const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  await fleet.dispose();
  for (const end of ends.splice(0)) await end();
});

it('FT-25 a role denied for fifteen minutes: its unit is held and said once, the others go on, and it resumes by itself', async () => {
  fleet = await ReadingFleet.start();
  const { world } = fleet;
  const runtime = await fleet.runtime();
  world.request('before', fleet.nowMs - 10_000);
  expect(await fleet.readAt(runtime, fleet.nowMs)).toEqual([]);
  const startMs = fleet.nowMs;
  await fleet.close(runtime);

  fleet.faults('sts-denied');
  const denied = await fleet.runtime();
  for (let minute = 0; minute < 15; minute += 1) {
    world.request(`r${minute}`, fleet.nowMs + 1_000);
    const left = await fleet.readAt(denied, fleet.nowMs + MINUTE);
    expect(left.join()).toContain(`${AUTHORIZER_UNIT} is held`);
  }
  expect(fleet.sandbox.faultCounts.get('sts-denied')).toBeGreaterThanOrEqual(14);
  const status = denied.worker.status().units;
  expect(status.find(({ unit }) => unit === AUTHORIZER_UNIT)).toMatchObject({
    readThroughMs: startMs,
    held: { reason: expect.stringContaining('sts:AssumeRole') },
  });
  expect(status.filter(({ held }) => held !== undefined)).toHaveLength(1);
  expect(status.find(({ unit }) => unit === METRICS_UNIT)?.readThroughMs).toBeGreaterThan(
    startMs + 5 * MINUTE,
  );
  expect(fleet.logger.at('error').map(({ fields }) => fields.unit)).toEqual([AUTHORIZER_UNIT]);
  const meanwhile = await outcomesIn(denied);
  expect(Object.keys(meanwhile)).toContain('r0');
  expect(meanwhile.r0).toBe('access_only');

  fleet.faults();
  expect(await fleet.readAt(denied, fleet.nowMs + 2 * MINUTE)).toEqual([]);
  const expected = Array.from({ length: 15 }, (_, n) => [`r${n}`, 'matched'] as const);
  expect(await outcomesIn(denied)).toEqual({ before: 'matched', ...Object.fromEntries(expected) });
  expect(fleet.logger.at('info').map(({ message }) => message)).toContain('source resumed');
}, 20_000);

it('FT-25 credentials that run out between two pages are renewed, and the window is read on', async () => {
  fleet = await ReadingFleet.start({ sandbox: { limits: { logPageEvents: 8 } } });
  for (let n = 0; n < 30; n += 1) fleet.world.request(`r${n}`, fleet.nowMs - 30 * MINUTE + n * 1_000);
  fleet.sandbox.replaceFaults({ names: ['expired-credentials'], rates: { 'expired-credentials': 0.4 } });
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, fleet.nowMs)).toEqual([]);
  const expired = fleet.sandbox.faultCounts.get('expired-credentials');
  expect(expired).toBeGreaterThan(2);
  // Calls side by side may meet the same end and share what comes after it.
  const assumed = fleet.sandbox.counts.get('aws.AssumeRole');
  expect(assumed).toBeGreaterThan(1);
  expect(assumed).toBeLessThanOrEqual(expired + 1);
  expect(Object.values(await outcomesIn(runtime))).toEqual(Array(30).fill('matched'));
  expect(fleet.logger.at('error')).toEqual([]);
});

/** The instance metadata service, down until it is told otherwise. */
async function startMetadataService(): Promise<{ up: boolean; asked: number; port: number }> {
  const state = { up: false, asked: 0, port: 0 };
  const server: Server = createServer((request, response) => {
    state.asked += 1;
    answer(state.up, request.url ?? '', response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.port = (server.address() as AddressInfo).port;
  ends.push(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return state;
}

function answer(isUp: boolean, path: string, response: ServerResponse): void {
  if (!isUp) {
    response.writeHead(500).end();
    return;
  }
  const list = '/latest/meta-data/iam/security-credentials/';
  if (path === '/latest/api/token') response.end('token');
  else if (path === list) response.end('gatewatch');
  else
    response.end(
      JSON.stringify({
        Code: 'Success',
        AccessKeyId: 'AKIAINSTANCE',
        SecretAccessKey: 'not-a-secret',
        Token: 'session',
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
}

function setEnv(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    ends.push(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

it('FT-25 a metadata service that is down for fifteen minutes: nothing is read or lost, and reading begins by itself', async () => {
  fleet = await ReadingFleet.start();
  const metadata = await startMetadataService();
  setEnv({
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_EC2_METADATA_DISABLED: 'false',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${metadata.port}`,
  });
  fleet.world.request('r', fleet.nowMs - 10_000);
  const runtime = await fleet.runtime();
  for (const minutes of [0, 5, 10]) {
    const left = await fleet.readAt(runtime, fleet.nowMs + minutes * MINUTE, 10_000);
    expect(left).toContain('the inventory could not be listed whole');
  }
  expect(metadata.asked).toBeGreaterThan(0);
  expect(await runtime.journal.checkpoints()).toEqual([]);
  metadata.up = true;
  expect(await fleet.readAt(runtime, fleet.nowMs + MINUTE)).toEqual([]);
  expect(await outcomesIn(runtime)).toEqual({ r: 'matched' });
}, 40_000);
