import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

const unzip = promisify(gunzip);

/** What a handler answers: written whole, or line by line where it may be large. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface StreamedReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each without its last line break; several lines may come as one text. */
  readonly lines: Iterable<string>;
}

/** The connection is closed instead of an answer: what a caller sees when an answer is lost on the way. */
export interface ResetReply {
  readonly reset: true;
}

export type AnyReply = Reply | StreamedReply | ResetReply;

/** One call as the handlers see it. Header names are in lower case, as Node gives them. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

/** The body is larger than the server reads at all. */
export class BodyTooLargeError extends Error {}

/** The body is not what its `Content-Encoding` says. */
export class BodyEncodingError extends Error {}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

export function htmlReply(status: number, title: string): Reply {
  const body = `<!doctype html><html><head><title>${status} ${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8' }, body };
}

export function ndjsonReply(lines: Iterable<string>): StreamedReply {
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, lines };
}

/** Reads a request to its end, even when it is too large, so that the client can read the answer. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size <= limitBytes) chunks.push(chunk);
  }
  if (size > limitBytes) throw new BodyTooLargeError(`body of ${size} bytes, at most ${limitBytes} are read`);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

/**
 * Unpacks gzip, never to more than `limitBytes` (a small body may hold gigabytes of zeroes). The last four bytes say how
 * long the result is (RFC 1952): with room for all of it nothing has to be put together from pieces.
 */
export async function gunzipBody(body: Buffer, limitBytes: number): Promise<Buffer> {
  const saidBytes = body.length < 4 ? 0 : body.readUInt32LE(body.length - 4);
  const chunkSize = Math.max(1_024, Math.min(saidBytes, limitBytes) + 1);
  try {
    return await unzip(body, { maxOutputLength: limitBytes, chunkSize });
  } catch (error) {
    if (error instanceof RangeError) throw new BodyTooLargeError('unpacked body too large', { cause: error });
    throw new BodyEncodingError('body is not gzip', { cause: error });
  }
}

export function callOf(request: IncomingMessage, body: Buffer): Call {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    body,
  };
}

export async function writeReply(response: ServerResponse, reply: AnyReply): Promise<void> {
  if ('reset' in reply) {
    response.socket?.resetAndDestroy();
    return;
  }
  if ('lines' in reply) {
    response.writeHead(reply.status, reply.headers);
    await writeLines(response, reply.lines);
    return;
  }
  const bytes = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body;
  response.writeHead(reply.status, { ...reply.headers, 'content-length': String(bytes.length) });
  response.end(bytes);
}

const CHUNK_CHARS = 256 * 1024;

async function writeLines(response: ServerResponse, lines: Iterable<string>): Promise<void> {
  let chunk = '';
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < CHUNK_CHARS) continue;
    if (!response.write(Buffer.from(chunk))) await drained(response);
    chunk = '';
    if (response.destroyed) return;
  }
  response.end(chunk);
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
