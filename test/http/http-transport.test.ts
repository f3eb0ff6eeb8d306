import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { compress } from '../../src/http/gzip.ts';
import {
  createHttpTransport,
  type HttpTransport,
  type HttpTransportSettings,
  MAX_ANSWER_BYTES,
} from '../../src/http/http-transport.ts';
import { type Answer, type LocalServer, startLocalServer } from './local-server.ts';
import { LOCALHOST_TLS } from './localhost-tls.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
const never = new AbortController().signal;

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function serve(answer: Answer, tls?: typeof LOCALHOST_TLS): Promise<LocalServer> {
  const server = await startLocalServer(answer, tls);
  cleanUps.push(() => server.close());
  return server;
}

function transport(changes: Partial<HttpTransportSettings> = {}): HttpTransport {
  const made = createHttpTransport({ connectTimeoutMs: 2_000, timeoutMs: 2_000, connections: 2, ...changes });
  cleanUps.push(() => made.close());
  return made;
}

function post(url: string, body: string | Uint8Array = 'x') {
  return { method: 'POST', url: new URL(url), headers: { 'content-type': 'text/plain' }, body } as const;
}

describe('the HTTP transport', () => {
  it('hands back status, headers and body of any answer', async () => {
    const server = await serve(() => ({ status: 503, headers: { 'Retry-After': '7' }, body: 'busy' }));
    const outcome = await transport().send(post(`${server.url}/a?b=c`, 'hello'), never);
    expect(outcome).toMatchObject({ kind: 'answer', status: 503, truncated: false });
    if (outcome.kind !== 'answer') return;
    expect(outcome.headers['retry-after']).toBe('7');
    expect(outcome.body.toString()).toBe('busy');
    expect(server.received[0]).toMatchObject({ method: 'POST', path: '/a?b=c' });
    expect(server.received[0]?.body.toString()).toBe('hello');
  });

  it('keeps its connections from request to request', async () => {
    const server = await serve(() => ({ status: 200 }));
    const http = transport({ connections: 1 });
    for (let n = 0; n < 3; n += 1) await http.send(post(server.url), never);
    expect(server.received.map((request) => request.connection)).toEqual([1, 1, 1]);
  });

  it('never follows a redirect', async () => {
    const target = await serve(() => ({ status: 200 }));
    const server = await serve(() => ({ status: 307, headers: { location: target.url } }));
    expect(await transport().send(post(server.url), never)).toMatchObject({ kind: 'answer', status: 307 });
    expect(target.received).toEqual([]);
  });

  it('reads no more of an answer than any destination says', async () => {
    const server = await serve(() => ({ status: 200, body: 'y'.repeat(MAX_ANSWER_BYTES + 1) }));
    const outcome = await transport().send(post(server.url), never);
    expect(outcome).toMatchObject({ kind: 'answer', truncated: true });
    expect(outcome.kind === 'answer' && outcome.body.length).toBe(MAX_ANSWER_BYTES);
  });

  it('gives up on a server that never answers', async () => {
    const server = await serve(() => undefined);
    expect(await transport({ timeoutMs: 150 }).send(post(server.url), never)).toEqual({
      kind: 'failure',
      failure: 'timeout',
      reason: 'no complete answer within 150 ms',
    });
  });

  it('gives up on a server that drips its answer byte by byte', async () => {
    const server = await serve(() => (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const outcome = await transport({ timeoutMs: 200 }).send(post(server.url), never);
    expect(outcome).toMatchObject({ kind: 'failure', failure: 'timeout' });
  });

  it('says that an answer was cut off', async () => {
    const server = await serve(() => (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half');
      setImmediate(() => response.destroy());
    });
    expect(await transport().send(post(server.url), never)).toMatchObject({
      kind: 'failure',
      failure: 'broken',
    });
  });

  it('says that nobody listens', async () => {
    const server = await serve(() => ({ status: 200 }));
    await server.close();
    const outcome = await transport().send(post(server.url), never);
    expect(outcome).toMatchObject({ kind: 'failure', failure: 'connect' });
    expect(outcome.kind === 'failure' && outcome.reason).toContain('ECONNREFUSED');
  });

  it('throws the reason of an aborted signal', async () => {
    const server = await serve(() => undefined);
    const abort = new AbortController();
    const arrived = server.nextRequest();
    const outcome = transport().send(post(server.url), abort.signal);
    await arrived;
    abort.abort(new Error('stopping'));
    await expect(outcome).rejects.toThrow('stopping');
  });
});

describe('TLS', () => {
  it('refuses a certificate that no authority vouches for, whatever the environment says', async () => {
    const server = await serve(() => ({ status: 200 }), LOCALHOST_TLS);
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    cleanUps.push(async () => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    });
    const outcome = await transport().send(post(server.url), never);
    expect(outcome).toMatchObject({ kind: 'failure', failure: 'configuration' });
    expect(server.received).toEqual([]);
  });

  it('trusts the authority it is given', async () => {
    const server = await serve(() => ({ status: 200 }), LOCALHOST_TLS);
    const outcome = await transport({ ca: LOCALHOST_TLS.cert }).send(post(server.url), never);
    expect(outcome).toMatchObject({ kind: 'answer', status: 200 });
  });

  it('refuses a certificate for another name', async () => {
    const server = await serve(() => ({ status: 200 }), LOCALHOST_TLS);
    const url = server.url.replace('localhost', '127.0.0.1');
    const outcome = await transport({ ca: LOCALHOST_TLS.cert }).send(post(url), never);
    expect(outcome).toMatchObject({ kind: 'failure', failure: 'configuration' });
  });

  it('calls a server that does not speak TLS a fault of the configuration', async () => {
    const server = await serve(() => ({ status: 200 }));
    const outcome = await transport().send(post(server.url.replace('http:', 'https:')), never);
    expect(outcome).toMatchObject({ kind: 'failure', failure: 'configuration' });
  });
});

it('compresses so that gzip can read it back', async () => {
  const text = 'gatewatch '.repeat(1_000);
  const zipped = await compress(text);
  expect(zipped.length).toBeLessThan(text.length / 10);
  expect(gunzipSync(zipped).toString()).toBe(text);
});
