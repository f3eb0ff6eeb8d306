import type { Secret } from '../../core/secret.ts';
import { compress } from '../../http/gzip.ts';
import type { HttpOutcome, HttpTransport } from '../../http/http-transport.ts';

/**
 * How bodies reach a collector: the port that our own client and the `splunk-logging` adapter both serve. One body,
 * one outcome; an answer is handed back as it came, whatever its status. Rejects only with the signal's reason.
 */
export interface HecTransport {
  /**
   * `envelopes`: JSON, one behind the other with line breaks between them; not touched again once the promise has
   * resolved. `channel`: the GUID of the acknowledgement channel, absent without acknowledgement.
   */
  post(envelopes: Uint8Array, channel: string | undefined, signal: AbortSignal): Promise<HttpOutcome>;
  /** Asks which acknowledgement ids are indexed. Absent where a transport cannot: acknowledgement is then refused. */
  readonly queryAcks?: (
    ackIds: readonly number[],
    channel: string,
    signal: AbortSignal,
  ) => Promise<HttpOutcome>;
  close(): Promise<void>;
}

export interface HecHttpSettings {
  readonly url: string;
  readonly token: Secret;
  readonly gzipLevel: number;
}

/** Posts over our own pool: gzip, keep-alive, one deadline, cookies kept while acknowledgement needs the same node. */
export function createHecHttpTransport(http: HttpTransport, settings: HecHttpSettings): HecTransport {
  const base = collectorUrl(settings.url);
  const eventUrl = new URL(`${base}/event`);
  const ackUrl = new URL(`${base}/ack`);
  const cookies = new Map<string, string>();

  async function send(
    url: URL,
    body: Uint8Array | string,
    encoding: Readonly<Record<string, string>>,
    channel: string | undefined,
    signal: AbortSignal,
  ) {
    const headers = {
      authorization: `Splunk ${settings.token.reveal()}`,
      'content-type': 'application/json',
      ...encoding,
      ...channelHeaders(channel, cookies),
    };
    const outcome = await http.send({ method: 'POST', url, headers, body }, signal);
    if (channel !== undefined && outcome.kind === 'answer')
      keepCookies(outcome.headers['set-cookie'], cookies);
    return outcome;
  }

  return {
    async post(envelopes, channel, signal) {
      if (settings.gzipLevel === 0) return send(eventUrl, envelopes, {}, channel, signal);
      const body = await compress(envelopes, settings.gzipLevel);
      return send(eventUrl, body, { 'content-encoding': 'gzip' }, channel, signal);
    },
    // Never compressed: only the event endpoints are known to unpack.
    queryAcks: (ackIds, channel, signal) =>
      send(ackUrl, JSON.stringify({ acks: ackIds }), {}, channel, signal),
    close: () => http.close(),
  };
}

/** `https://splunk:8088`, `…/services/collector` and `…/services/collector/event` all name the same collector. */
export function collectorUrl(url: string): string {
  const bare = url.replace(/\/+$/, '').replace(/\/services\/collector(\/event(\/1\.0)?)?$/, '');
  return `${bare}/services/collector`;
}

/** Acknowledgement ids live on one node: the cookie that a load balancer sets leads back to it. */
function channelHeaders(
  channel: string | undefined,
  cookies: ReadonlyMap<string, string>,
): Readonly<Record<string, string>> {
  if (channel === undefined) return {};
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return { 'x-splunk-request-channel': channel, ...(cookie === '' ? {} : { cookie }) };
}

/** One is what a load balancer needs; whoever sets more names than this must not grow every request. */
const MAX_COOKIES = 20;

function keepCookies(setCookie: string | undefined, cookies: Map<string, string>): void {
  for (const line of setCookie?.split('\n') ?? []) {
    const match = /^([^=;\s]{1,256})=([^;]{0,4096})/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    if (cookies.has(match[1]) || cookies.size < MAX_COOKIES) cookies.set(match[1], match[2]);
  }
}
