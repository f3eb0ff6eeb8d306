import { AwsError } from './aws-errors.ts';
import type { AwsContext } from './operation.ts';
import { makeToken, markOf, readToken } from './page-token.ts';

type Item = Readonly<Record<string, unknown>>;

export interface ApiPage {
  readonly items: readonly Item[];
  readonly next?: string;
}

export function badRequest(why: string): AwsError {
  return new AwsError('BadRequestException', why, { status: 400 });
}

export function notFound(what: string): AwsError {
  return new AwsError('NotFoundException', `Invalid ${what} identifier specified`, { status: 404 });
}

/** One page of a list; `scope` is what the token belongs to (path and caller). */
export function pageOf(
  context: AwsContext,
  items: readonly Item[],
  query: { scope: string; token: string | null; limit: string | null; maxLimit: number },
): ApiPage {
  const mark = markOf(query.scope);
  const limit = readLimit(query.limit, context.limits.apiPage, query.maxLimit);
  const start = query.token === null ? 0 : startOf(context, query.token, mark);
  const page = items.slice(start, start + limit);
  if (start + limit >= items.length) return { items: page };
  return { items: page, next: makeToken([start + limit], mark, context.now()) };
}

function startOf(context: AwsContext, token: string, mark: string): number {
  const expected = { mark, nowMs: context.now(), lifeMs: context.limits.tokenLifeMs };
  const [start] = readToken(token, expected, badRequest);
  if (typeof start !== 'number') throw badRequest('Invalid position.');
  return start;
}

function readLimit(text: string | null, fallback: number, max: number): number {
  if (text === null) return fallback;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw badRequest(`Invalid limit: ${text}`);
  return Math.min(limit, max);
}
