import { Agent, type Dispatcher } from 'undici';
import { uncompress } from './gzip.ts';
import { describeNetworkFailure, type NetworkFailure } from './network-failure.ts';

export interface HttpTransportSettings {
  /** Longest wait for a connection, TLS included, milliseconds. */
  readonly connectTimeoutMs: number;
  /** Hard limit from the start of `send` to the last byte of the answer, milliseconds. A server that drips cannot outlast it. */
  readonly timeoutMs: number;
  /** Connections kept per origin. */
  readonly connections: number;
  /** Certificate authority to trust instead of the system's, PEM. */
  readonly ca?: string;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface HttpAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** Lower-case names; a repeated header is joined with `, `, except `set-cookie`, which is joined with a newline. */
  readonly headers: Readonly<Record<string, string>>;
  /** At most `MAX_ANSWER_BYTES`; what is longer is cut and marked, because no destination we know says that much. */
  readonly body: Buffer;
  readonly truncated: boolean;
}

/** What came of a request: an answer, whatever its status, or the reason in words why there is none. */
export type HttpOutcome = HttpAnswer | NetworkFailure;

/**
 * One request, one outcome. Keep-alive connections, TLS always verified, redirects never followed (a token must not
 * travel to an address nobody configured). Never throws for what the network or the server does; rejects with the
 * signal's reason when aborted.
 */
export interface HttpTransport {
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpOutcome>;
  close(): Promise<void>;
}

/** Destinations answer in a few hundred bytes; a body beyond this is not read. */
export const MAX_ANSWER_BYTES = 256 * 1_024;

/** Below the five seconds after which common load balancers close an idle connection, so that we close first. */
const KEEP_ALIVE_MS = 4_000;

export function createHttpTransport(settings: HttpTransportSettings): HttpTransport {
  const agent = createAgent(settings);
  return {
    send: (request, signal) => sendWithin(agent, settings.timeoutMs, request, signal),
    // Not `close()`: that waits for answers, and a destination that never answers would hold up the stop.
    close: () => agent.destroy(),
  };
}

function createAgent(settings: HttpTransportSettings): Agent {
  return new Agent({
    connections: settings.connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The one deadline in `sendWithin` covers these; two clocks would disagree.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: settings.connectTimeoutMs,
      // Said out loud so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment cannot switch it off.
      rejectUnauthorized: true,
      ...(settings.ca === undefined ? {} : { ca: settings.ca }),
    },
  });
}

async function sendWithin(
  agent: Agent,
  timeoutMs: number,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpOutcome> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    const response = await agent.request({
      origin: request.url.origin,
      path: `${request.url.pathname}${request.url.search}`,
      method: request.method,
      // Answers are short; a proxy that packs them all the same is dealt with in `unpacked`.
      headers: { 'accept-encoding': 'identity', ...request.headers },
      body: request.body ?? null,
      signal: AbortSignal.any([signal, deadline.signal]),
    });
    return await readAnswer(response);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) {
      return { kind: 'failure', failure: 'timeout', reason: `no complete answer within ${timeoutMs} ms` };
    }
    return describeNetworkFailure(error);
  } finally {
    clearTimeout(timer);
  }
}

async function readAnswer(response: Dispatcher.ResponseData): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  let truncated = false;
  for await (const chunk of response.body) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    // Leaving the loop destroys the stream and, with it, the connection.
    if (length > MAX_ANSWER_BYTES) {
      truncated = true;
      break;
    }
  }
  const body = Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES);
  const headers = flatten(response.headers);
  return unpacked({ kind: 'answer', status: response.statusCode, headers, body, truncated });
}

/** A packed answer is read within the same limit; one that holds more is cut to nothing, for its bytes say nothing. */
async function unpacked(answer: HttpAnswer): Promise<HttpAnswer> {
  if (answer.truncated || answer.headers['content-encoding'] !== 'gzip') return answer;
  const body = await uncompress(answer.body, MAX_ANSWER_BYTES);
  if (body === 'not_gzip') return answer;
  return body === 'too_large' ? { ...answer, body: Buffer.alloc(0), truncated: true } : { ...answer, body };
}

function flatten(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    flat[name] = Array.isArray(value) ? value.join(name === 'set-cookie' ? '\n' : ', ') : value;
  }
  return flat;
}
