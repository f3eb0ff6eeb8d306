import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { Sink } from '../../../src/model/sink.ts';
import { createSplunkHecSettings } from '../../../src/sinks/splunk/hec-settings.ts';
import { createSplunkHecSink } from '../../../src/sinks/splunk/splunk-hec-sink.ts';
import {
  json,
  type LocalServer,
  type Received,
  type Reply,
  startLocalServer,
} from '../../http/local-server.ts';
import { requestEntries } from '../entries.ts';
import { NEVER, PARTS } from '../sink-harness.ts';

let server: LocalServer;
const sinks: Sink[] = [];
let post: (request: Received) => Reply;
let acks: (request: Received) => Reply;

beforeEach(async () => {
  let ackId = 0;
  post = () => json(200, { text: 'Success', code: 0, ackId: ackId++ }, { 'set-cookie': 'node=b; Path=/' });
  acks = () => json(200, { acks: { 0: true, 1: true } });
  server = await startLocalServer((request) =>
    request.path.endsWith('/ack') ? acks(request) : post(request),
  );
});

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
  await server.close();
});

function createSink(timeoutMs = 5_000, random = () => 0.5): Sink {
  const ack = { enabled: true, pollMs: 5, timeoutMs };
  const settings = createSplunkHecSettings({ url: server.url, token: new Secret('good'), ack });
  const sink = createSplunkHecSink({ ...PARTS, random, name: 'splunk', settings });
  sinks.push(sink);
  return sink;
}

const channelsOf = (path: string) =>
  server.received
    .filter((request) => request.path.endsWith(path))
    .map(({ headers }) => headers['x-splunk-request-channel']);

describe('indexer acknowledgement', () => {
  it('accepts nothing before Splunk says that it is indexed', async () => {
    let asked = 0;
    acks = () => {
      asked += 1;
      return json(200, { acks: { 0: asked >= 3 } });
    };
    const verdict = await createSink().send(requestEntries(3), NEVER);
    expect(verdict.accepted).toEqual([1, 2, 3]);
    expect(asked).toBe(3);
  });

  it('sends and asks on one channel, a GUID, and goes back to the node that the cookie names', async () => {
    await createSink().send(requestEntries(1), NEVER);
    const [sent] = channelsOf('/event');
    expect(sent).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(channelsOf('/ack')).toEqual([sent]);
    expect(server.received.at(-1)?.headers.cookie).toBe('node=b');
    expect(server.received.at(-1)?.body.toString()).toBe('{"acks":[0]}');
  });

  it('sends again, on another channel, what is not indexed in time', async () => {
    acks = () => json(200, { acks: { 0: false } });
    let seed = 0;
    const sink = createSink(30, () => {
      seed = (seed + 0.137) % 1;
      return seed;
    });
    const verdict = await sink.send(requestEntries(2), NEVER);
    expect(verdict).toMatchObject({
      accepted: [],
      retry: [1, 2],
      retryReason: 'not acknowledged within 30 ms',
    });
    acks = () => json(200, { acks: { 1: true } });
    expect((await sink.send(requestEntries(2), NEVER)).accepted).toEqual([1, 2]);
    expect(new Set(channelsOf('/event')).size).toBe(2);
  });

  it.each<[why: string, () => Reply, string]>([
    ['an unavailable service', () => json(503, { code: 19 }), 'HTTP 503'],
    ['no JSON', () => ({ status: 200, body: '<html>' }), 'no JSON'],
    ['another shape', () => json(200, { acks: [0] }), 'without `acks`'],
  ])('takes %s as no acknowledgement, and says so', async (_why, reply, problem) => {
    acks = reply;
    const verdict = await createSink(30).send(requestEntries(1), NEVER);
    expect(verdict.retry).toEqual([1]);
    expect(verdict.retryReason).toContain(problem);
  });

  it('asks uncompressed, because only the event endpoints are known to unpack', async () => {
    await createSink().send(requestEntries(1), NEVER);
    expect(server.received.map(({ headers }) => headers['content-encoding'])).toEqual(['gzip', undefined]);
  });

  it('goes on without it when the token does not acknowledge', async () => {
    post = ({ headers }) =>
      headers['x-splunk-request-channel'] === undefined
        ? json(200, { text: 'Success', code: 0 })
        : json(400, { text: 'ACK is disabled', code: 14 });
    const sink = createSink();
    expect((await sink.send(requestEntries(2), NEVER)).accepted).toEqual([1, 2]);
    expect((await sink.send(requestEntries(2), NEVER)).accepted).toEqual([1, 2]);
    expect(channelsOf('/event')).toHaveLength(3);
  });

  it('stops waiting when aborted', async () => {
    acks = () => json(200, { acks: {} });
    const abort = new AbortController();
    const sink = createSink();
    const sending = sink.send(requestEntries(1), abort.signal);
    await server.nextRequest();
    await server.nextRequest();
    abort.abort(new Error('stopping'));
    await expect(sending).rejects.toThrow('stopping');
  });

  it('stops waiting when closed: nothing is accepted', async () => {
    acks = () => json(200, { acks: {} });
    const sink = createSink();
    const sending = sink.send(requestEntries(1), NEVER);
    await server.nextRequest();
    await server.nextRequest();
    await sink.close();
    expect((await sending).retry).toEqual([1]);
  });
});
