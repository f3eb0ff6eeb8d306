import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { gunzipSync } from 'node:zlib';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Unpacked. */
  readonly body: Buffer;
  /** As it came. */
  readonly wire: Buffer;
  /** Number of the connection it came on. */
  readonly connection: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** `undefined` = never answer; a function = do it by hand. */
export type Answer = (request: Received) => Reply | undefined | ((response: ServerResponse) => void);

export interface LocalServer {
  readonly url: string;
  readonly received: Received[];
  answer: Answer;
  /** Resolves when the next request has arrived whole. */
  nextRequest(): Promise<void>;
  close(): Promise<void>;
}

/** A real server on a free port. `tls`: PEM key and certificate. */
export async function startLocalServer(
  answer: Answer,
  tls?: { readonly key: string; readonly cert: string },
): Promise<LocalServer> {
  const received: Received[] = [];
  const waiting: (() => void)[] = [];
  let connections = 0;
  const numbers = new WeakMap<object, number>();
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const wire = Buffer.concat(chunks);
      const zipped = request.headers['content-encoding'] === 'gzip';
      const item: Received = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: zipped ? gunzipSync(wire) : wire,
        wire,
        connection: numbers.get(request.socket) ?? 0,
      };
      received.push(item);
      reply(response, server.answer(item));
      for (const resolve of waiting.splice(0)) resolve();
    });
  };
  const http: Server = tls ? createTlsServer(tls, handle) : createServer(handle);
  http.on(tls ? 'secureConnection' : 'connection', (socket: object) => {
    connections += 1;
    numbers.set(socket, connections);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const server: LocalServer = {
    url: `${tls ? 'https' : 'http'}://${tls ? 'localhost' : '127.0.0.1'}:${port}`,
    received,
    answer,
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}

function reply(response: ServerResponse, answer: ReturnType<Answer>): void {
  if (answer === undefined) return;
  if (typeof answer === 'function') {
    answer(response);
    return;
  }
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

export function html(status: number): Reply {
  return { status, headers: { 'content-type': 'text/html' }, body: `<html><body>${status}</body></html>` };
}
