import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { GatewatchError, messageOf, UserError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { Logger } from '../core/logger.ts';
import { preferredForm } from './preferred-form.ts';
import type { Readiness } from './readiness.ts';
import { readinessBody, readinessText } from './readiness-text.ts';

export interface WebServerSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  readonly readiness: () => Readiness | Promise<Readiness>;
  /** Answers a request for `/metrics` whole, status and type included. */
  readonly metrics: (request: IncomingMessage, response: ServerResponse) => void;
  /** What `/status` prints as JSON; without it there is no such page. */
  readonly status?: () => unknown;
}

export interface WebServer {
  /** Where it can be reached from this host, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections at once, those under way included: probes come again. May be called again. */
  close(): Promise<void>;
}

type Page = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Serves `/healthz`, `/readyz`, `/metrics` and `/status`, read-only and without a log-in. Rejects with `UserError` when it
 * cannot listen there.
 */
export async function startWebServer(settings: WebServerSettings): Promise<WebServer> {
  const pages = createPages(settings);
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
    (request, response) => void handle(pages, request, response, settings.logger),
  );
  server.maxConnections = 256;
  await listen(server, settings);
  server.on('error', (error) => settings.logger.error({ reason: messageOf(error) }, 'web server failed'));
  const port = portOf(server);
  return { url: `http://${reachableHost(settings.host)}:${port}`, port, close: () => closeNow(server) };
}

function createPages(settings: WebServerSettings): ReadonlyMap<string, Page> {
  const startedMs = settings.clock.monotonic();
  const uptimeS = () => Math.floor((settings.clock.monotonic() - startedMs) / 1_000);
  const pages = new Map<string, Page>([
    ['/healthz', (_request, response) => sendJson(response, 200, { status: 'alive', uptimeS: uptimeS() })],
    ['/readyz', async (request, response) => sendReadiness(request, response, await settings.readiness())],
    ['/metrics', settings.metrics],
  ]);
  const { status } = settings;
  if (status !== undefined) pages.set('/status', (_request, response) => sendJson(response, 200, status()));
  return pages;
}

async function handle(
  pages: ReadonlyMap<string, Page>,
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  // Nothing here takes a body: a connection that brings one is not worth keeping.
  if (hasBody(request)) response.setHeader('connection', 'close');
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  try {
    await route(pages, path, request, response);
  } catch (error) {
    logger.error({ path, reason: messageOf(error) }, 'a page could not be made');
    if (response.headersSent) response.destroy();
    else sendJson(response, 500, { error: 'The page could not be made; the log says why.' });
  }
}

async function route(
  pages: ReadonlyMap<string, Page>,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const page = pages.get(path);
  if (page === undefined) {
    sendJson(response, 404, { error: 'There is no such page.', pages: [...pages.keys()] });
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    sendJson(response, 405, { error: 'Expected GET or HEAD: the pages can only be read.' });
  } else {
    await page(request, response);
  }
}

function sendReadiness(request: IncomingMessage, response: ServerResponse, readiness: Readiness): void {
  response.setHeader('vary', 'accept');
  const status = readiness.ready ? 200 : 503;
  if (preferredForm(request.headers.accept) === 'json') {
    sendJson(response, status, readinessBody(readiness));
  } else {
    send(response, status, 'text/plain; charset=utf-8', readinessText(readiness));
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body) ?? 'null';
  send(response, status, 'application/json; charset=utf-8', `${text}\n`);
}

/** A HEAD request gets the same header with the length; Node leaves the body out. */
function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

async function listen(server: Server, { host, port }: WebServerSettings): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw new UserError(
      'listen_failed',
      `Expected to listen on ${host}:${port} (\`server.host\`, \`server.port\`), got ${messageOf(error)}: ${listenRemedy(error)}.`,
      { cause: error },
    );
  }
}

function listenRemedy(error: unknown): string {
  switch (isObject(error) ? error.code : undefined) {
    case 'EADDRINUSE':
      return 'another program has the port, so stop it or set another `server.port` (0 takes a free one)';
    case 'EACCES':
      return 'ports below 1024 need a privilege, so set a higher `server.port`';
    default:
      return 'set `server.host` to an address of this machine';
  }
}

function portOf(server: Server): number {
  const address = server.address();
  if (isObject(address) && typeof address.port === 'number') return address.port;
  throw new GatewatchError(
    'no_port',
    `Expected the web server to have a port, got ${JSON.stringify(address)}`,
  );
}

/** An address that listens everywhere is no address to go to. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function closeNow(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
