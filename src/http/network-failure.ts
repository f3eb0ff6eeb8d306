import { messageOf } from '../core/errors.ts';
import { isObject } from '../core/json.ts';

/**
 * Why there is no answer. `configuration` = retrying does not mend it: the other side's certificate does not verify, or
 * a package that the configuration asks for is not installed. Everything else may pass by itself.
 */
export interface NetworkFailure {
  readonly kind: 'failure';
  readonly failure: 'connect' | 'timeout' | 'configuration' | 'broken';
  readonly reason: string;
}

const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Codes of Node and OpenSSL for a certificate that does not verify, or a server that does not speak TLS at all. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CRL_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/;

export function describeNetworkFailure(error: unknown): NetworkFailure {
  const { code, message } = describe(error);
  const reason = code === '' || message.includes(code) ? message : `${message} (${code})`;
  if (TLS_CODE.test(code)) return { kind: 'failure', failure: 'configuration', reason: `TLS: ${reason}` };
  if (CONNECT_CODES.has(code)) return { kind: 'failure', failure: 'connect', reason };
  return { kind: 'failure', failure: 'broken', reason };
}

/** Several addresses tried at once fail with an `AggregateError` without a message: its first inner error says why. */
function describe(error: unknown): { readonly code: string; readonly message: string } {
  const inner = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const holder = inner instanceof Error || isObject(inner) ? inner : {};
  const code = 'code' in holder && typeof holder.code === 'string' ? holder.code : '';
  return { code, message: messageOf(inner) || code || 'connection failed' };
}
