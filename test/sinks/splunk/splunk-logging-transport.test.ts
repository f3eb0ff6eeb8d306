import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { HecTransport } from '../../../src/sinks/splunk/hec-transport.ts';
import {
  createSplunkLoggingTransport,
  type SplunkLoggingSettings,
} from '../../../src/sinks/splunk/splunk-logging-transport.ts';
import { type Answer, html, json, type LocalServer, startLocalServer } from '../../http/local-server.ts';
import { LOCALHOST_TLS } from '../../http/localhost-tls.ts';
import { NEVER } from '../sink-harness.ts';

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function serve(answer: Answer, tls?: typeof LOCALHOST_TLS): Promise<LocalServer> {
  const server = await startLocalServer(answer, tls);
  cleanUps.push(() => server.close());
  return server;
}

function adapter(url: string, changes: Partial<SplunkLoggingSettings> = {}): HecTransport {
  const settings = { url, token: new Secret('good'), connectTimeoutMs: 1_000, timeoutMs: 1_000, ...changes };
  const transport = createSplunkLoggingTransport(settings);
  cleanUps.push(() => transport.close());
  return transport;
}

const ok: Answer = () => json(200, { text: 'Success', code: 0 });
const post = (transport: HecTransport, ...envelopes: string[]) =>
  transport.post(Buffer.from(envelopes.join('\n')), undefined, NEVER);

describe('the splunk-logging adapter', () => {
  it('refuses a certificate that no authority vouches for, which the package alone accepts', async () => {
    const server = await serve(ok, LOCALHOST_TLS);
    expect(await post(adapter(server.url), '{}')).toMatchObject({
      kind: 'failure',
      failure: 'configuration',
    });
    expect(server.received).toEqual([]);
  });

  it('trusts the authority it is given', async () => {
    const server = await serve(ok, LOCALHOST_TLS);
    const outcome = await post(adapter(server.url, { ca: LOCALHOST_TLS.cert }), '{}');
    expect(outcome).toMatchObject({ kind: 'answer', status: 200 });
  });

  it('keeps its connection and posts one body at a time', async () => {
    const server = await serve(ok);
    const transport = adapter(server.url);
    await Promise.all([post(transport, '{"a":1}', '{"b":2}'), post(transport, '{"c":3}')]);
    expect(server.received.map(({ body }) => body.toString())).toEqual(['{"a":1}\n{"b":2}', '{"c":3}']);
    expect(server.received.map(({ connection }) => connection)).toEqual([1, 1]);
    expect(server.received[0]).toMatchObject({ path: '/services/collector/event/1.0' });
  });

  it('asks once where the package would be silent or retry', async () => {
    const server = await serve(() => html(502));
    expect(await post(adapter(server.url), '{}')).toMatchObject({ kind: 'answer', status: 502 });
    server.answer = () => (response) => response.destroy();
    expect(await post(adapter(server.url), '{}')).toMatchObject({ kind: 'failure', failure: 'broken' });
    expect(server.received).toHaveLength(2);
  });

  it('gives up in time, and its next body goes over a connection of its own', async () => {
    const server = await serve(() => undefined);
    const transport = adapter(server.url, { timeoutMs: 200 });
    expect(await post(transport, '{"a":1}')).toMatchObject({ kind: 'failure', failure: 'timeout' });
    server.answer = ok;
    expect(await post(transport, '{"b":2}')).toMatchObject({ kind: 'answer', status: 200 });
    expect(server.received[1]?.body.toString()).toBe('{"b":2}');
  });

  it('reads the token anew for each body', async () => {
    const server = await serve(ok);
    const token = new Secret('good', () => 'rotated');
    const transport = adapter(server.url, { token });
    await post(transport, '{}');
    token.refresh();
    await post(transport, '{}');
    expect(server.received.map(({ headers }) => headers.authorization)).toEqual([
      'Splunk good',
      'Splunk rotated',
    ]);
  });
});
