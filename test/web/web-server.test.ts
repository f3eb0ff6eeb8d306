import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Readiness } from '../../src/web/readiness.ts';
import { startWebServer, type WebServer, type WebServerSettings } from '../../src/web/web-server.ts';

const AT = Date.UTC(2026, 6, 1, 12, 0, 0);
const ready: Readiness = { ready: true, atMs: AT, reasons: [], notices: [] };
const notReady: Readiness = {
  ready: false,
  atMs: AT,
  reasons: [{ kind: 'never_read', subject: 'logs:a', sinceMs: AT - 1_000, sentence: 'Not read yet.' }],
  notices: [{ kind: 'gap', subject: 'logs:b', sinceMs: AT - 2_000, sentence: 'A gap.' }],
};

let answer: () => Readiness;
let monotonicMs: number;
let server: WebServer;

function settings(change: Partial<WebServerSettings> = {}): WebServerSettings {
  return {
    host: '127.0.0.1',
    port: 0,
    clock: { monotonic: () => monotonicMs },
    logger: silentLogger,
    readiness: () => answer(),
    metrics: (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain' }).end('m 1\n'),
    status: () => ({ lanes: ['splunk'], token: new Secret('t0p') }),
    ...change,
  };
}

beforeEach(async () => {
  answer = () => ready;
  monotonicMs = 1_000;
  server = await startWebServer(settings());
});

afterEach(() => server.close());

describe('the web server', () => {
  it('says it is alive, and since when, even when it is not ready', async () => {
    answer = () => notReady;
    monotonicMs = 62_500;

    const response = await fetch(`${server.url}/healthz`);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'alive', uptimeS: 61 });
  });

  it('answers 200 on /readyz when ready', async () => {
    const response = await fetch(`${server.url}/readyz`);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      ready: true,
      at: '2026-07-01T12:00:00.000Z',
      reasons: [],
      notices: [],
    });
  });

  it('answers 503 on /readyz with what is not ready and why', async () => {
    answer = () => notReady;

    const response = await fetch(`${server.url}/readyz?verbose`);

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      ready: false,
      reasons: [
        {
          kind: 'never_read',
          subject: 'logs:a',
          since: '2026-07-01T11:59:59.000Z',
          sentence: 'Not read yet.',
        },
      ],
      notices: [{ kind: 'gap' }],
    });
  });

  it.each([
    ['text/plain', 'text/plain'],
    ['text/plain, */*', 'text/plain'],
    ['text/plain;q=0.5, application/json;q=0.4', 'text/plain'],
    ['application/json, text/plain;q=0.9', 'application/json'],
    ['text/plain;q=0', 'application/json'],
    ['text/html', 'application/json'],
    ['*/*', 'application/json'],
  ])('prints readiness for Accept: %s as %s', async (accept, type) => {
    answer = () => notReady;

    const response = await fetch(`${server.url}/readyz`, { headers: { accept } });
    const body = await response.text();

    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    expect(response.headers.get('vary')).toBe('accept');
    if (type === 'text/plain') expect(body).toBe('not ready\n- Not read yet.\n- note: A gap.\n');
  });

  it('leaves /metrics to its handler and prints /status without secrets', async () => {
    expect(await (await fetch(`${server.url}/metrics`)).text()).toBe('m 1\n');
    expect(await (await fetch(`${server.url}/status`)).json()).toEqual({ lanes: ['splunk'], token: '***' });
  });

  it.each(['/healthz', '/readyz', '/metrics', '/status', '/nothing'])(
    'protects %s with headers',
    async (path) => {
      const { headers } = await fetch(`${server.url}${path}`);

      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.has('access-control-allow-origin')).toBe(false);
    },
  );

  it('answers HEAD like GET, without the body', async () => {
    answer = () => notReady;
    const whole = await (await fetch(`${server.url}/readyz`)).text();

    const response = await fetch(`${server.url}/readyz`, { method: 'HEAD' });

    expect(response.status).toBe(503);
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(whole)));
    expect(await response.text()).toBe('');
  });

  it('answers 404 for any other page and names those there are', async () => {
    const response = await fetch(`${server.url}/readyz/`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ pages: ['/healthz', '/readyz', '/metrics', '/status'] });
  });

  it('answers 405 before a body has come, and ends the connection', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write('POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    socket.destroy();

    const head = Buffer.concat(chunks).toString();
    expect(head).toMatch(/^HTTP\/1\.1 405 /);
    expect(head).toMatch(/\r\nallow: GET, HEAD\r\n/i);
    expect(head).toMatch(/\r\nconnection: close\r\n/i);
  });

  it('answers 500 and says why in the log when a page cannot be made', async () => {
    answer = () => {
      throw new Error('journal closed');
    };
    const errors: unknown[] = [];
    const logger = { ...silentLogger, error: (fields: unknown) => void errors.push(fields) };
    const other = await startWebServer(settings({ logger }));

    const response = await fetch(`${other.url}/readyz`);
    await other.close();

    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('journal closed');
    expect(errors).toEqual([{ path: '/readyz', reason: 'journal closed' }]);
  });

  it('ends kept and unanswered connections at once when closed, twice if asked', async () => {
    const asked = Promise.withResolvers<void>();
    const other = await startWebServer(settings({ metrics: () => asked.resolve() }));
    await (await fetch(`${other.url}/healthz`)).text();
    const unanswered = fetch(`${other.url}/metrics`).catch(() => 'cut');
    const idle = connect(other.port, '127.0.0.1');
    await once(idle, 'connect');
    const ended = new Promise((resolve) => idle.on('error', resolve).on('close', resolve).resume());
    await asked.promise;

    await Promise.all([other.close(), other.close()]);

    expect(await unanswered).toBe('cut');
    await ended;
    await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
  });

  it('says what to do when the port is taken', async () => {
    const second = startWebServer(settings({ port: server.port }));

    await expect(second).rejects.toThrow(UserError);
    await expect(second).rejects.toThrow(
      new RegExp(`Expected to listen on 127\\.0\\.0\\.1:${server.port} .*another program has the port`),
    );
  });
});
