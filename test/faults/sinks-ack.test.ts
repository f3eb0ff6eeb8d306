import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LaneDrain } from '../../src/pipeline/drain-lane.ts';
import type { SplunkHecSettings } from '../../src/sinks/splunk/hec-settings.ts';
import { json, type LocalServer, type Received, startLocalServer } from '../http/local-server.ts';
import { startedSandbox } from '../sandbox/started-sandbox.ts';
import { NOW_MS } from '../sinks/entries.ts';
import { readEnvelope } from '../sinks/splunk/fake-hec.ts';
import { until } from '../support/fake-clock.ts';
import { copiesOf, onlyAccess, SinkRig } from './sink-rig.ts';

let rig: SinkRig;
let server: LocalServer;
/** Event ids as the collector took them, repeats included. */
let taken: unknown[];
/** The acknowledgement id of the next body, and the ids that are indexed. */
let nextAckId: number;
let isIndexed: (ackId: number, channel: string) => boolean;

beforeEach(async () => {
  rig = await SinkRig.start();
  taken = [];
  nextAckId = 0;
  isIndexed = () => true;
  server = await startLocalServer((request) =>
    request.path.endsWith('/ack') ? askAcks(request) : take(request),
  );
});

afterEach(async () => {
  await rig.dispose();
  await server.close();
});

function take({ body }: Received) {
  for (const line of body.toString().split('\n')) taken.push(readEnvelope(line).fields.event_id);
  nextAckId += 1;
  return json(200, { text: 'Success', code: 0, ackId: nextAckId - 1 });
}

function askAcks({ body, headers }: Received) {
  const asked: { readonly acks: readonly number[] } = JSON.parse(body.toString());
  const channel = String(headers['x-splunk-request-channel']);
  return json(200, { acks: Object.fromEntries(asked.acks.map((id) => [id, isIndexed(id, channel)])) });
}

let seed = 0;
const random = () => {
  seed = (seed + 0.6180339887) % 1;
  return seed;
};

function run(changes: Partial<SplunkHecSettings> = {}): Promise<LaneDrain> {
  const ack = { enabled: true, pollMs: 5, timeoutMs: 60 };
  return rig.run(rig.splunk(server.url, { events: onlyAccess, ack, ...changes }, random));
}

const channels = (path: string) =>
  new Set(
    server.received
      .filter((request) => request.path.endsWith(path))
      .map(({ headers }) => headers['x-splunk-request-channel']),
  );

describe('a collector that acknowledges', () => {
  it('FT-13 never, then after a re-send: the cursor moves only on `true`, the re-send has a channel of its own', async () => {
    const cursors = new Set<number>();
    isIndexed = (ackId) => {
      cursors.add(drain.status.cursor);
      return ackId >= 2;
    };
    const ids = await rig.requests(20);
    const drain = await run();
    await until(() => drain.status.cursor === 20, 'all is acknowledged');
    expect([...cursors]).toEqual([0]);
    expect(channels('/event').size).toBe(3);
    expect([...copiesOf(taken)]).toEqual(ids.map((id) => [id, 3]));
    expect(drain.status.counts).toMatchObject({ accepted: 20, rejected: 0 });
  });

  it('FT-13 that starts its ids anew loses both bodies that one id stands for, and both are sent again', async () => {
    // Each body is given id 0, as by nodes that know nothing of each other; the first three say nothing of it.
    let bodies = 0;
    server.answer = (request) => {
      if (request.path.endsWith('/ack')) return askAcks(request);
      nextAckId = bodies < 3 ? 0 : bodies;
      bodies += 1;
      return take(request);
    };
    isIndexed = (ackId) => ackId > 0;
    const ids = await rig.requests(40);
    const ack = { enabled: true, pollMs: 5, timeoutMs: 600 };
    const drain = await run({ maxBatchEntries: 10, ack });
    await until(() => drain.status.cursor === 40, 'all is acknowledged');
    expect(new Set(taken)).toEqual(new Set(ids));
    expect(bodies).toBeGreaterThan(4);
    expect(await rig.journal.deadLetters()).toEqual([]);
  });

  it('FT-13 that says `true` for an id of another channel is not believed', async () => {
    let first: string | undefined;
    isIndexed = (_ackId, channel) => {
      first ??= channel;
      return channel !== first;
    };
    await rig.requests(5);
    const drain = await run();
    await until(() => drain.status.cursor === 5, 'all is acknowledged');
    expect(copiesOf(taken).get(taken[0])).toBe(2);
    expect(channels('/ack')).toEqual(channels('/event'));
  });
});

it('FT-13 a collector that forgets its channels in between is sent again what it forgot, and nothing more', async () => {
  const sandbox = await startedSandbox({
    clock: { now: () => NOW_MS },
    hecTokens: [{ token: 'good', indexes: ['apigw'], ack: true }],
    hec: { ackDelayMs: 40 },
  });
  const ids = await rig.requests(200);
  const ack = { enabled: true, pollMs: 5, timeoutMs: 300 };
  const sink = rig.splunk(
    sandbox.url,
    { events: onlyAccess, index: 'apigw', maxBatchEntries: 20, ack },
    random,
  );
  const drain = await rig.run(sink);
  const takenIds = () => [...sandbox.acceptedEvents()].map(({ fields }) => fields?.event_id);
  await until(() => takenIds().length >= 60, 'some bodies wait for their acknowledgement');
  await fetch(`${sandbox.url}/_sandbox/channels/forget`, { method: 'POST' });
  await until(() => drain.status.cursor === 200, 'all is acknowledged');
  const copies = copiesOf(takenIds());
  expect(new Set(copies.keys())).toEqual(new Set(ids));
  expect(Math.max(...copies.values())).toBe(2);
  // Three batches are under way at most, so three of them can be forgotten at once.
  expect([...copies.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(3 * 20);
});
