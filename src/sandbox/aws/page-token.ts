import { sha256Id } from '../../core/hash.ts';
import type { AwsError } from './aws-errors.ts';

/**
 * Tokens are opaque to clients and hold everything: when they were made (they expire), what they were made for (AWS
 * refuses a token with other parameters), and where the next page starts. Nothing is kept between calls.
 */
interface TokenContent<Place> {
  readonly at: number;
  readonly for: string;
  readonly place: Place;
}

export type TokenPlace = readonly (string | number)[];

/** A short mark of the parameters a token belongs to. */
export function markOf(parameters: unknown): string {
  return sha256Id(JSON.stringify(parameters)).slice(0, 12);
}

/** `serial` makes two tokens for one place differ: a page that moved nothing must not hand back the token it was sent. */
export function makeToken(place: TokenPlace, mark: string, nowMs: number, serial?: number): string {
  const content = { at: nowMs, for: mark, place, ...(serial !== undefined && { serial }) };
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

/**
 * Reads a token back. `fail` makes the service's own error for a token that is unreadable, expired or for other
 * parameters.
 */
export function readToken(
  token: string,
  expected: { mark: string; nowMs: number; lifeMs: number },
  fail: (why: string) => AwsError,
): TokenPlace {
  const content = parseToken(token);
  if (content === undefined) throw fail('The specified nextToken is invalid.');
  if (content.for !== expected.mark) throw fail('The specified nextToken belongs to other parameters.');
  if (expected.nowMs - content.at > expected.lifeMs) throw fail('The specified nextToken has expired.');
  return content.place;
}

function parseToken(token: string): TokenContent<TokenPlace> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('at' in value && 'for' in value && 'place' in value)) return undefined;
  const { at, for: mark, place } = value;
  if (typeof at !== 'number' || typeof mark !== 'string' || !isPlace(place)) return undefined;
  return { at, for: mark, place };
}

function isPlace(value: unknown): value is TokenPlace {
  return Array.isArray(value) && value.every((part) => typeof part === 'string' || typeof part === 'number');
}
