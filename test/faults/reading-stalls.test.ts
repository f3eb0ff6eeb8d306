import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import type { AwsClients, AwsClientsSettings } from '../../src/aws/aws-clients.ts';
import { IncompleteReadError } from '../../src/core/errors.ts';
import { type AwsStub, assumedRole, type StubHandler, startAwsStub } from '../aws/aws-stub.ts';
import { CENTRAL, clientsForTest, collect, IDENTITY, REGION } from '../aws/clients-fixture.ts';

let stub: AwsStub | undefined;
let clients: AwsClients | undefined;
afterEach(async () => {
  clients?.close();
  await stub?.close();
});

const timeouts = { connectMs: 300, requestMs: 300, idleMs: 200 };

async function serve(handler: StubHandler, settings: Partial<AwsClientsSettings> = {}): Promise<AwsClients> {
  stub = await startAwsStub(handler);
  clients = clientsForTest({ timeouts, ...settings });
  return clients;
}

function read(account: string) {
  const { signal } = new AbortController();
  return { account, region: REGION, logGroup: '/apigw/orders', fromMs: 1_000, toMs: 2_000, signal };
}

/** A byte now and then, for ever: no limit on silence or on the first byte ever ends it. */
function drip(response: ServerResponse, contentType: string): undefined {
  response.writeHead(200, { 'content-type': contentType });
  const timer = setInterval(() => response.write(' '), 40);
  response.on('close', () => clearInterval(timer));
}

const noEvents = { body: { events: [] } };

it('FT-08 an answer of AWS that drips is given up, and the next read gets through', async () => {
  let isDripping = true;
  const aws = await serve((_call, response) =>
    isDripping ? drip(response, 'application/x-amz-json-1.1') : noEvents,
  );
  const begun = performance.now();
  const reading = collect(aws.filterLogEvents(read(CENTRAL)));
  await expect(reading).rejects.toThrow(IncompleteReadError);
  await expect(reading).rejects.toThrow('no complete answer within 500 ms');
  expect(performance.now() - begun).toBeLessThan(4_000);
  isDripping = false;
  expect(await collect(aws.filterLogEvents(read(CENTRAL)))).toHaveLength(1);
});

it('FT-08 a role whose credentials drip is given up, and asked for anew with the next read', async () => {
  let isDripping = true;
  const roleArn = `arn:aws:iam::${IDENTITY}:role/gatewatch`;
  const aws = await serve(
    (call, response) => {
      if (call.operation !== 'AssumeRole') return noEvents;
      return isDripping ? drip(response, 'text/xml') : assumedRole('ASIATEST');
    },
    { accounts: [{ name: 'identity', accountId: IDENTITY, regions: [REGION], roleArn }] },
  );
  await expect(collect(aws.filterLogEvents(read(IDENTITY)))).rejects.toThrow(
    /no complete answer within 500 ms/,
  );
  isDripping = false;
  expect(await collect(aws.filterLogEvents(read(IDENTITY)))).toHaveLength(1);
});

it('an answer of AWS that is packed is not unpacked: sixty-four megabytes in sixty-four kilobytes stay what they are', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1_024 * 1_024), { level: 9 });
  const aws = await serve((_call, response) => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-encoding': 'gzip' });
    response.end(bomb);
    return undefined;
  });
  const before = process.memoryUsage().rss;
  await expect(collect(aws.filterLogEvents(read(CENTRAL)))).rejects.toThrow(IncompleteReadError);
  expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
});
