import { isObject } from '../../../src/core/json.ts';
import {
  json,
  type LocalServer,
  type Received,
  type Reply,
  startLocalServer,
} from '../../http/local-server.ts';

export interface HecEnvelope {
  readonly time: number;
  readonly host: string;
  readonly source: string;
  readonly sourcetype: string;
  readonly index?: string;
  readonly event: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface FakeHec {
  readonly server: LocalServer;
  /** What was indexed, in order, repeats included. */
  readonly indexed: HecEnvelope[];
  token: string;
  /** Answers before any reading of the body; `undefined` goes on. */
  intercept: (request: Received) => Reply | undefined;
  /** Envelopes Splunk refuses as malformed. */
  isBad: (envelope: HecEnvelope, text: string) => boolean;
  /** Enterprise 10.4.3 indexes what stands before a bad event, other releases index none of it. */
  indexesPrefix: boolean;
  /** Takes the request and never answers. */
  isSilent: boolean;
  close(): Promise<void>;
}

/** A collector with the answers of reference 1.5 that need its own logic: tokens, and bad events named by number. */
export async function startFakeHec(): Promise<FakeHec> {
  const server = await startLocalServer((request) => answer(hec, request));
  const hec: FakeHec = {
    server,
    indexed: [],
    token: 'good',
    intercept: () => undefined,
    isBad: () => false,
    indexesPrefix: false,
    isSilent: false,
    close: () => server.close(),
  };
  return hec;
}

function answer(hec: FakeHec, request: Received): Reply | undefined {
  if (hec.isSilent) return undefined;
  const intercepted = hec.intercept(request);
  if (intercepted) return intercepted;
  if (request.headers.authorization !== `Splunk ${hec.token}`)
    return json(403, { text: 'Invalid token', code: 4 });
  // Concatenated with or without a line break, as HEC allows.
  const lines = request.body.toString().split(/\n|(?<=\})(?=\{"time":)/);
  const envelopes = lines.map(readEnvelope);
  const bad = envelopes.findIndex((envelope, n) => hec.isBad(envelope, lines[n] ?? ''));
  if (bad < 0) {
    hec.indexed.push(...envelopes);
    return json(200, { text: 'Success', code: 0 });
  }
  if (hec.indexesPrefix) hec.indexed.push(...envelopes.slice(0, bad));
  return json(400, { text: 'Invalid data format', code: 6, 'invalid-event-number': bad });
}

export function readEnvelope(line: string): HecEnvelope {
  const parsed: unknown = JSON.parse(line);
  if (!isEnvelope(parsed)) throw new Error(`Expected an envelope, got ${line}`);
  return parsed;
}

function isEnvelope(value: unknown): value is HecEnvelope {
  return isObject(value) && typeof value.time === 'number' && isObject(value.fields) && 'event' in value;
}
