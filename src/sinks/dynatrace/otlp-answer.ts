import { messageOf } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { HttpAnswer } from '../../http/http-transport.ts';
import { foreignText } from '../foreign-text.ts';

/**
 * `success` = read the body; `retry` = the specification lets it be sent again; `slow_retry` = it does not, but the
 * data may not be dropped for it; `hold` = a person must act; `bad_data` = something in the batch; `oversize`.
 */
export type OtlpClass = 'success' | 'retry' | 'slow_retry' | 'hold' | 'bad_data' | 'oversize';

/** OTLP/HTTP "Failures", and Dynatrace's ingest pages. A status that is not here: `classOfRange`. */
export const OTLP_STATUSES: Readonly<Record<number, { readonly class: OtlpClass; readonly says: string }>> = {
  200: { class: 'success', says: 'accepted' },
  202: { class: 'success', says: 'accepted' },
  204: { class: 'success', says: 'accepted' },
  400: { class: 'bad_data', says: 'the data was refused' },
  401: { class: 'hold', says: 'the token is not valid: check the token' },
  402: { class: 'hold', says: 'the licence does not allow ingest' },
  403: { class: 'hold', says: 'the token may not ingest: it needs `metrics.ingest` and `logs.ingest`' },
  404: { class: 'hold', says: 'no OTLP endpoint at this address: check `url`' },
  405: { class: 'hold', says: 'posting is not allowed at this address: check `url`' },
  407: { class: 'hold', says: 'a proxy wants to be authorised' },
  408: { class: 'slow_retry', says: 'the server gave up waiting' },
  413: { class: 'oversize', says: 'the body is too large' },
  415: { class: 'hold', says: 'protobuf or its compression is refused: check `url`' },
  429: { class: 'retry', says: 'too many requests' },
  500: { class: 'slow_retry', says: 'internal error' },
  502: { class: 'retry', says: 'bad gateway' },
  503: { class: 'retry', says: 'unavailable' },
  504: { class: 'retry', says: 'gateway timeout' },
};

export interface OtlpAnswer {
  readonly class: OtlpClass;
  readonly reason: string;
  /** False for a page of a proxy: then it is not certain that Dynatrace itself refused. */
  readonly fromService: boolean;
}

export function readOtlpAnswer(answer: HttpAnswer): OtlpAnswer {
  const row = OTLP_STATUSES[answer.status] ?? classOfRange(answer.status);
  const says = detailOf(answer);
  const detail = says === '' ? row.says : `${row.says}: ${says}`;
  return {
    class: row.class,
    reason: `HTTP ${answer.status}: ${detail}`,
    fromService: !contentType(answer).startsWith('text/html'),
  };
}

function classOfRange(status: number): { readonly class: OtlpClass; readonly says: string } {
  if (status >= 300 && status < 400)
    return { class: 'hold', says: 'a redirect, which is never followed: check `url`' };
  return { class: 'slow_retry', says: 'no answer that the endpoint is known to give' };
}

export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

/**
 * The body of a success. `undefined` = it cannot be read, so nothing is known to have arrived. An empty body is full
 * success: that is how protobuf says nothing.
 */
export function readPartialSuccess(
  answer: HttpAnswer,
  decode: (body: Uint8Array) => PartialSuccess,
): PartialSuccess | { readonly unreadable: string } {
  const type = contentType(answer);
  if (type !== '' && !type.startsWith('application/x-protobuf'))
    return { unreadable: `content type ${foreignText(type)}` };
  if (answer.truncated) return { unreadable: 'too long' };
  try {
    return decode(answer.body);
  } catch (error) {
    return { unreadable: messageOf(error) };
  }
}

function contentType(answer: HttpAnswer): string {
  return (answer.headers['content-type'] ?? '').trim().toLowerCase();
}

/** Dynatrace's error envelope `{"error":{"code":400,"message":"…"}}`; any other text is quoted in part. */
function detailOf(answer: HttpAnswer): string {
  if (!contentType(answer).includes('json')) return '';
  try {
    const parsed: unknown = JSON.parse(answer.body.toString('utf8'));
    const error = isObject(parsed) && isObject(parsed.error) ? parsed.error : parsed;
    const message = isObject(error) && typeof error.message === 'string' ? error.message : '';
    return foreignText(message);
  } catch {
    // A broken envelope adds nothing to the status.
    return '';
  }
}

/** Names the one reason for a 400 that time alone explains. It may stand anywhere in the answer. */
export function saysTimestampsOutOfRange(answer: HttpAnswer): boolean {
  return answer.body.includes('timestamps_out_of_range');
}
