import { closeSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { isObject } from '../../../src/core/json.ts';
import { decodeLogs } from '../../../src/sandbox/otlp-messages.ts';

export const SINK_NAMES = ['splunk', 'dynatrace'] as const;
export type SinkName = (typeof SINK_NAMES)[number];

export interface BodyKeeper {
  write(bytes: Buffer): unknown;
}

const HEAD_BYTES = 13;

/** What stands before each body in the file: when it was answered, how long it is, and whether it is packed. */
export function bodyHead(answeredMs: number, length: number, isGzip: boolean): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeDoubleLE(answeredMs, 0);
  head.writeUInt32LE(length, 8);
  head.writeUInt8(isGzip ? 1 : 0, 12);
  return head;
}

/** One record of a request as a destination accepted it. */
export interface AcceptedRecord {
  readonly acceptedMs: number;
  /** `<round's eight digits><API><number, six digits>=` */
  readonly extendedRequestId: string;
  readonly eventId: string;
  readonly outcome: string;
}

/** The records of requests in a file of bodies, in order of acceptance. */
export function* acceptedRecords(path: string, sink: SinkName): Generator<AcceptedRecord> {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    while (readSync(file, head) === HEAD_BYTES) {
      const packed = Buffer.alloc(head.readUInt32LE(8));
      readSync(file, packed);
      const body = head.readUInt8(12) === 1 ? gunzipSync(packed) : packed;
      const acceptedMs = head.readDoubleLE(0);
      yield* sink === 'splunk' ? ofSplunk(body, acceptedMs) : ofDynatrace(body, acceptedMs);
    }
  } finally {
    closeSync(file);
  }
}

/** One envelope a line. A request has two events, one of access and one of authentication: the first counts. */
function* ofSplunk(body: Buffer, acceptedMs: number): Generator<AcceptedRecord> {
  for (const line of body.toString().split('\n')) {
    if (!line.includes('"extended_request_id"')) continue;
    const envelope: unknown = JSON.parse(line);
    if (!isObject(envelope) || !isObject(envelope.event)) continue;
    const { extended_request_id, event_id, outcome } = envelope.event;
    if (!String(envelope.sourcetype).endsWith('access')) continue;
    yield {
      acceptedMs,
      extendedRequestId: String(extended_request_id),
      eventId: String(event_id),
      outcome: String(outcome),
    };
  }
}

function* ofDynatrace(body: Buffer, acceptedMs: number): Generator<AcceptedRecord> {
  for (const { attributes } of decodeLogs(body)) {
    const extendedRequestId = attributes.get('aws.extended_request_id');
    if (extendedRequestId === undefined) continue;
    yield {
      acceptedMs,
      extendedRequestId: String(extendedRequestId),
      eventId: String(attributes.get('event_id')),
      outcome: String(attributes.get('gatewatch.outcome')),
    };
  }
}
