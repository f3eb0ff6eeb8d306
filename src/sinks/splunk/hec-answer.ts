import { isObject } from '../../core/json.ts';
import type { HttpAnswer } from '../../http/http-transport.ts';

/**
 * What an answer asks of us. `success` = validated (not yet indexed); `busy_success` = the same, but slow down;
 * `retry` = nothing wrong with the data; `hold` = a person must act, the data is fine; `event` = one event of the body
 * is bad; `oversize` = the body is too large; `ack_off` = the token does not acknowledge.
 */
export type HecClass = 'success' | 'busy_success' | 'retry' | 'hold' | 'event' | 'oversize' | 'ack_off';

interface CodeRow {
  readonly http: number;
  readonly class: HecClass;
  /** What to do about it, for a `hold`; what it means, for the others. */
  readonly says: string;
}

/**
 * HEC's own codes (Splunk: "Troubleshoot HTTP Event Collector", possible error codes; 23–28 from reimplementations and
 * a Splunk Cloud reply). A code that is not here is decided by the HTTP status alone.
 */
export const HEC_CODES: Readonly<Record<number, CodeRow>> = {
  0: { http: 200, class: 'success', says: 'accepted' },
  1: { http: 403, class: 'hold', says: 'the token is disabled: enable it in Splunk' },
  2: { http: 401, class: 'hold', says: 'no token arrived: check the token and what stands before Splunk' },
  3: { http: 401, class: 'hold', says: 'the authorization is malformed: check the token' },
  4: { http: 403, class: 'hold', says: 'the token is unknown: check the token' },
  // We never send an empty body: something on the way dropped it.
  5: { http: 400, class: 'retry', says: 'the body arrived empty' },
  6: { http: 400, class: 'event', says: 'malformed event' },
  7: { http: 400, class: 'hold', says: 'the token may not write to this index: allow it or change `index`' },
  8: { http: 500, class: 'retry', says: 'internal error' },
  9: { http: 503, class: 'retry', says: 'the server is busy' },
  10: { http: 400, class: 'hold', says: 'the token requires acknowledgement: switch `acknowledgement` on' },
  11: { http: 400, class: 'hold', says: 'the acknowledgement channel was refused' },
  12: { http: 400, class: 'event', says: 'an event is missing' },
  13: { http: 400, class: 'event', says: 'an event is blank' },
  14: { http: 400, class: 'ack_off', says: 'acknowledgement is disabled for the token' },
  15: { http: 400, class: 'event', says: 'an event has unusable indexed fields or time' },
  16: {
    http: 400,
    class: 'hold',
    says: 'authorization by query string is off: check what stands before Splunk',
  },
  17: { http: 200, class: 'retry', says: 'a health answer to a post: check `url`' },
  18: { http: 503, class: 'retry', says: 'the queues are full' },
  19: { http: 503, class: 'retry', says: 'the acknowledgement service is down' },
  20: { http: 503, class: 'retry', says: 'the queues are full and the acknowledgement service is down' },
  21: { http: 400, class: 'hold', says: 'the token is invalid: check the token' },
  22: { http: 400, class: 'hold', says: 'the token is disabled: enable it in Splunk' },
  23: { http: 503, class: 'retry', says: 'the server is shutting down' },
  24: { http: 200, class: 'busy_success', says: 'accepted; the queue approaches its capacity' },
  25: {
    http: 200,
    class: 'busy_success',
    says: 'accepted; the acknowledgement channel approaches its capacity',
  },
  26: { http: 429, class: 'retry', says: 'the queue is at its capacity' },
  27: { http: 429, class: 'retry', says: 'the acknowledgement channel is at its capacity' },
  28: { http: 400, class: 'hold', says: 'the token requires acknowledgement: switch `acknowledgement` on' },
};

/** Answers that carry no code of HEC: pages of a load balancer, Splunk's own 413 and 415, and what nobody foresaw. */
export const HEC_STATUSES: Readonly<Record<number, { readonly class: HecClass; readonly says: string }>> = {
  401: { class: 'hold', says: 'not authorised: check the token' },
  403: { class: 'hold', says: 'forbidden: check the token and what stands before Splunk' },
  404: { class: 'hold', says: 'no collector at this address: check `url`' },
  405: { class: 'hold', says: 'posting is not allowed at this address: check `url`' },
  407: { class: 'hold', says: 'a proxy wants to be authorised' },
  413: { class: 'oversize', says: 'the body is too large' },
  415: { class: 'hold', says: 'compression is refused: switch `gzip` off' },
};

export interface HecAnswer {
  readonly class: HecClass;
  /** In words, with status and code: `HTTP 403, code 4: the token is unknown: …`. */
  readonly reason: string;
  /** Zero-based number of the event Splunk refuses, where it names one. */
  readonly eventNumber?: number;
  readonly ackId?: number;
  /** False when the body is not HEC's: then it is not certain that Splunk itself refused. */
  readonly fromSplunk: boolean;
}

/**
 * Reads any answer, HTML included. Success needs both a 2xx status and a success code: a page of a proxy with status
 * 200 is `retry`, never delivered.
 */
export function readHecAnswer(answer: HttpAnswer): HecAnswer {
  const body = parseBody(answer.body);
  const code = typeof body.code === 'number' ? body.code : undefined;
  const row = code === undefined ? undefined : HEC_CODES[code];
  const isOk = answer.status >= 200 && answer.status < 300;
  const isSuccess = row?.class === 'success' || row?.class === 'busy_success';
  if (code === undefined || row === undefined || isSuccess !== isOk) return readStatus(answer.status, code);
  return {
    class: row.class,
    reason: `HTTP ${answer.status}, code ${code}: ${row.says}`,
    fromSplunk: true,
    ...numberAs('eventNumber', body['invalid-event-number']),
    ...numberAs('ackId', body.ackId),
  };
}

function readStatus(status: number, code: number | undefined): HecAnswer {
  const row = HEC_STATUSES[status] ?? statusRange(status);
  const withCode = code === undefined ? '' : `, code ${code}`;
  return {
    class: row.class,
    reason: `HTTP ${status}${withCode}: ${row.says}`,
    fromSplunk: code !== undefined,
  };
}

function statusRange(status: number): { readonly class: HecClass; readonly says: string } {
  if (status >= 300 && status < 400)
    return { class: 'hold', says: 'a redirect, which is never followed: check `url`' };
  if (status === 400) return { class: 'event', says: 'a bad request that names no event' };
  return { class: 'retry', says: 'no answer that a collector is known to give' };
}

function parseBody(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return isObject(parsed) ? parsed : {};
  } catch {
    // Not JSON: a page of a proxy. The status decides.
    return {};
  }
}

function numberAs<K extends string>(key: K, value: unknown): { readonly [P in K]?: number };
function numberAs(key: string, value: unknown): Readonly<Record<string, number>> {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? { [key]: value } : {};
}
