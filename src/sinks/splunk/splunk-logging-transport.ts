import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { messageOf } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { HttpOutcome } from '../../http/http-transport.ts';
import { describeNetworkFailure } from '../../http/network-failure.ts';
import type { SplunkHecSettings } from './hec-settings.ts';
import { collectorUrl, type HecTransport } from './hec-transport.ts';

export type SplunkLoggingSettings = Pick<
  SplunkHecSettings,
  'url' | 'token' | 'ca' | 'connectTimeoutMs' | 'timeoutMs'
>;

/** The few parts of `splunk-logging` 0.11 that are used; the package brings no types. */
interface SplunkLogger {
  config: { token: string };
  requestOptions: Record<string, unknown>;
  serializedContextQueue: string[];
  error: (error: unknown, context: unknown) => void;
  flush: (callback: (error: unknown, response: unknown, body: unknown) => void) => void;
}

type LoggerConstructor = new (config: Readonly<Record<string, unknown>>) => SplunkLogger;

/**
 * Splunk's own package behind the transport port, as a plain POST and nothing else: its batching, retries, timer and
 * error printing are off, TLS is verified, the connection is kept, one flush is under way at a time. What it cannot do
 * stands in this folder's README.
 */
export function createSplunkLoggingTransport(settings: SplunkLoggingSettings): HecTransport {
  let turn: Promise<unknown> = Promise.resolve();
  let connection: Connection | undefined;

  async function flush(envelopes: string, signal: AbortSignal): Promise<HttpOutcome> {
    signal.throwIfAborted();
    const loaded = await loadLogger();
    if (typeof loaded === 'string') return { kind: 'failure', failure: 'configuration', reason: loaded };
    connection ??= openConnection(loaded, settings);
    const used = connection;
    const outcome = await flushWithin(used, envelopes, settings, signal);
    // A flush given up on still holds its socket: start afresh, so that its late answer meets nobody.
    if (outcome.kind === 'failure') {
      used.agent.destroy();
      connection = undefined;
    }
    signal.throwIfAborted();
    return outcome;
  }

  return {
    post(envelopes, _channel, signal) {
      const text = Buffer.from(envelopes).toString();
      const outcome = turn.then(() => flush(text, signal));
      turn = outcome.catch(() => undefined);
      return outcome;
    },
    async close() {
      connection?.agent.destroy();
      await turn;
    },
  };
}

interface Connection {
  readonly logger: SplunkLogger;
  readonly agent: HttpAgent | HttpsAgent;
}

function openConnection(Logger: LoggerConstructor, settings: SplunkLoggingSettings): Connection {
  const url = new URL(`${collectorUrl(settings.url)}/event/1.0`);
  const isTls = url.protocol === 'https:';
  const trust = { rejectUnauthorized: true, ...(settings.ca === undefined ? {} : { ca: settings.ca }) };
  const agent = isTls ? new HttpsAgent({ keepAlive: true, ...trust }) : new HttpAgent({ keepAlive: true });
  const logger = new Logger({
    token: settings.token.reveal(),
    protocol: isTls ? 'https' : 'http',
    host: url.hostname,
    // Said always: without a port the package goes to 8088, whatever the url says.
    port: Number(url.port) || (isTls ? 443 : 80),
    path: url.pathname,
    maxBatchCount: 0,
    maxBatchSize: 0,
    batchInterval: 0,
    maxRetries: 0,
  });
  logger.requestOptions = {
    strictSSL: true,
    ...trust,
    agent,
    open_timeout: settings.connectTimeoutMs,
    response_timeout: settings.timeoutMs,
    read_timeout: settings.timeoutMs,
    follow_max: 0,
    headers: {},
  };
  // The default prints the error and the whole batch, audit data included, to the console.
  logger.error = () => undefined;
  return { logger, agent };
}

/** The package can neither be aborted nor limited as a whole; destroying the agent's sockets does both. */
function flushWithin(
  { logger, agent }: Connection,
  envelopes: string,
  settings: SplunkLoggingSettings,
  signal: AbortSignal,
): Promise<HttpOutcome> {
  return new Promise((resolve) => {
    const giveUp = (reason: string) => {
      finish({ kind: 'failure', failure: 'timeout', reason });
      agent.destroy();
    };
    const onAbort = () => giveUp('aborted');
    const timer = setTimeout(
      () => giveUp(`no complete answer within ${settings.timeoutMs} ms`),
      settings.timeoutMs,
    );
    const finish = (outcome: HttpOutcome) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    logger.config.token = settings.token.reveal();
    logger.serializedContextQueue.push(envelopes);
    logger.flush((error, response, body) => finish(outcomeOf(error, response, body)));
  });
}

/** Decides by status and body alone: `error` is null for every answer of Splunk, refusals included. */
function outcomeOf(error: unknown, response: unknown, body: unknown): HttpOutcome {
  if (error) return describeNetworkFailure(error);
  const parts = readResponse(response);
  if (parts === undefined) {
    return {
      kind: 'failure',
      failure: 'broken',
      reason: 'splunk-logging gave neither an error nor a status',
    };
  }
  return { kind: 'answer', ...parts, body: bytesOf(body), truncated: false };
}

function readResponse(
  response: unknown,
): { readonly status: number; readonly headers: Readonly<Record<string, string>> } | undefined {
  if (typeof response !== 'object' || response === null || !('statusCode' in response)) return undefined;
  if (typeof response.statusCode !== 'number') return undefined;
  const headers: Record<string, string> = {};
  if ('headers' in response && isObject(response.headers)) {
    for (const [name, value] of Object.entries(response.headers)) {
      if (typeof value === 'string') headers[name] = value;
    }
  }
  return { status: response.statusCode, headers };
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? null));
}

/** The package by a name that no compiler follows: it is an optional peer. In words when it is not there. */
async function loadLogger(): Promise<LoggerConstructor | string> {
  const packageName = 'splunk-logging';
  try {
    const loaded: unknown = await import(packageName);
    const exported = isObject(loaded) ? loaded.default : undefined;
    const Logger = isObject(exported) ? exported.Logger : undefined;
    return isLoggerConstructor(Logger)
      ? Logger
      : 'the package splunk-logging holds no Logger: install 0.11.1';
  } catch (error) {
    return `the package splunk-logging is not installed (npm install splunk-logging@0.11.1): ${messageOf(error)}`;
  }
}

function isLoggerConstructor(value: unknown): value is LoggerConstructor {
  return typeof value === 'function';
}
