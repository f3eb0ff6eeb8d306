import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Agent, request } from 'undici';
import { sleepFor } from '../core/clock.ts';
import { messageOf, UserError } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';

export interface OtlpTarget {
  /** Base address of an OTLP/HTTP receiver; `/v1/traces` and `/v1/metrics` are appended. */
  readonly url: string;
  /** Sent with each request; a `Secret` is read each time, so a rotated token takes effect. */
  readonly headers: Readonly<Record<string, string | Secret>>;
}

export type Posted =
  | { readonly kind: 'delivered'; readonly body: Uint8Array }
  | { readonly kind: 'failed'; readonly reason: string; readonly isRetryable: boolean };

const gzipAsync = promisify(gzip);

/** Statuses that the OTLP/HTTP specification calls retryable; every other one but 2xx is final. */
const RETRYABLE = new Set([429, 502, 503, 504]);
const ATTEMPTS = 3;
const ATTEMPT_TIMEOUT_MS = 10_000;
const RETRY_AFTER_MS = 1_000;
const MAX_ANSWER_BYTES = 64 * 1_024;

/**
 * Posts our own telemetry. OpenTelemetry's exporter for Node is not used: it adds headers from OTEL_* variables meant for
 * somebody else, and its retries cannot be stopped, so a dead receiver would hold up the end of the process.
 */
export class OtlpPost {
  readonly #base: string;
  readonly #headers: OtlpTarget['headers'];
  readonly #agent = new Agent({ connections: 2, connect: { timeout: 5_000, rejectUnauthorized: true } });
  readonly #ending = new AbortController();
  readonly #aborted = new AbortController();

  /** Throws `UserError` when the address is not usable. */
  constructor(target: OtlpTarget) {
    const url = URL.parse(target.url);
    if (url === null || !['http:', 'https:'].includes(url.protocol)) {
      throw new UserError(
        'telemetry_otlp_url',
        `Expected the OTLP address for Gatewatch's own telemetry to be an http or https URL, got \`${target.url}\`.`,
      );
    }
    this.#base = target.url.replace(/\/+$/, '');
    this.#headers = target.headers;
  }

  /** Never throws: telemetry that cannot be sent is a remark, not a failure. */
  async send(path: string, message: Uint8Array): Promise<Posted> {
    const body = await gzipAsync(message);
    for (let attempt = 1; ; attempt += 1) {
      const posted = await this.#attempt(path, body);
      const isFinal = posted.kind === 'delivered' || !posted.isRetryable || attempt >= ATTEMPTS;
      if (isFinal || !(await this.#mayRetryAfter(RETRY_AFTER_MS * attempt))) return posted;
    }
  }

  /** From now on each request is tried once. */
  end(): void {
    this.#ending.abort();
  }

  /** Gives up what is under way and closes every connection. */
  async close(): Promise<void> {
    this.end();
    this.#aborted.abort(new Error('the receiver did not answer before the stop'));
    await this.#agent.destroy();
  }

  async #attempt(path: string, body: Uint8Array): Promise<Posted> {
    const signal = AbortSignal.any([this.#aborted.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]);
    try {
      const answer = await request(`${this.#base}${path}`, {
        method: 'POST',
        dispatcher: this.#agent,
        headers: this.#revealedHeaders(),
        body,
        signal,
      });
      const { statusCode } = answer;
      if (statusCode >= 200 && statusCode < 300)
        return { kind: 'delivered', body: await readUpTo(answer.body) };
      await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal });
      return {
        kind: 'failed',
        reason: `HTTP status ${statusCode}`,
        isRetryable: RETRYABLE.has(statusCode),
      };
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error), isRetryable: !this.#aborted.signal.aborted };
    }
  }

  #revealedHeaders(): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(this.#headers)) {
      headers[name.toLowerCase()] = typeof value === 'string' ? value : value.reveal();
    }
    return { ...headers, 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
  }

  async #mayRetryAfter(ms: number): Promise<boolean> {
    return sleepFor(ms, this.#ending.signal).then(
      () => true,
      () => false,
    );
  }
}

/** An answer longer than any receiver has reason to give is cut; its rest is not waited for. */
async function readUpTo(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks);
}
