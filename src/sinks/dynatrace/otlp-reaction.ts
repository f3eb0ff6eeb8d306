import { assertNever } from '../../core/errors.ts';
import type { HttpAnswer, HttpOutcome } from '../../http/http-transport.ts';
import { parseRetryAfterMs } from '../../http/retry-after.ts';
import type { Reaction } from '../deliver-bodies.ts';
import { foreignText } from '../foreign-text.ts';
import { halve, type Piece } from '../pack-bodies.ts';
import {
  type OtlpAnswer,
  type PartialSuccess,
  readOtlpAnswer,
  readPartialSuccess,
  saysTimestampsOutOfRange,
} from './otlp-answer.ts';

export interface DatedPiece extends Piece {
  readonly eventMs: number;
}

export interface OtlpContext {
  /** Data points or log records of the body: what a rejected count is compared with. */
  readonly items: number;
  readonly decode: (body: Uint8Array) => PartialSuccess;
  readonly nowMs: number;
  readonly maxAgeMs: number;
}

/** Outside the specification's list of answers to retry: asked again, but rarely. */
const SLOW_RETRY_MS = 30_000;

/** A destination that asks for more patience than this is asked again after it. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

export function reactToOtlp<P extends DatedPiece>(
  outcome: HttpOutcome,
  pieces: readonly P[],
  context: OtlpContext,
): Reaction<P> {
  if (outcome.kind === 'failure') {
    return { kind: outcome.failure === 'configuration' ? 'held' : 'retry', reason: outcome.reason };
  }
  const answer = readOtlpAnswer(outcome);
  switch (answer.class) {
    case 'success':
      return reactToSuccess(outcome, pieces, context);
    case 'retry':
      return retry(answer.reason, parseRetryAfterMs(outcome.headers, context.nowMs));
    case 'slow_retry':
      return retry(
        answer.reason,
        Math.max(SLOW_RETRY_MS, parseRetryAfterMs(outcome.headers, context.nowMs) ?? 0),
      );
    case 'hold':
      return { kind: 'held', reason: answer.reason };
    case 'oversize':
      return splitOrReject(pieces, answer.reason);
    case 'bad_data':
      return reactToBadData(outcome, answer, pieces, context);
    default:
      return assertNever(answer.class, 'class of OTLP answer');
  }
}

/**
 * Partial success gives a count, never which: sending the batch again would double what was accepted. Only when the
 * count is the whole batch is it known which.
 */
function reactToSuccess<P extends DatedPiece>(
  outcome: HttpAnswer,
  pieces: readonly P[],
  context: OtlpContext,
): Reaction<P> {
  const read = readPartialSuccess(outcome, context.decode);
  if ('unreadable' in read) {
    return {
      kind: 'retry',
      reason: `HTTP ${outcome.status}, but the body is no OTLP answer (${read.unreadable})`,
    };
  }
  if (read.rejected === 0) return { kind: 'delivered' };
  const message = read.message === '' ? 'no reason given' : foreignText(read.message);
  if (read.rejected < context.items) {
    return { kind: 'delivered', rejectedUnknown: { count: read.rejected, message } };
  }
  const rejected = pieces.map((piece) => ({ piece, reason: `partial success rejected all: ${message}` }));
  return { kind: 'regroup', bodies: [], delivered: [], rejected, expired: [] };
}

function reactToBadData<P extends DatedPiece>(
  outcome: HttpAnswer,
  answer: OtlpAnswer,
  pieces: readonly P[],
  context: OtlpContext,
): Reaction<P> {
  if (saysTimestampsOutOfRange(outcome)) return leaveOutExpired(pieces, context, answer.reason);
  return answer.fromService
    ? splitOrReject(pieces, answer.reason)
    : { kind: 'unclear', reason: answer.reason };
}

/**
 * One record outside the window can fail its whole batch. What has grown too old since it was encoded goes; if that is
 * nothing (the two clocks differ), halving finds the record, and only that one is expired.
 */
function leaveOutExpired<P extends DatedPiece>(
  pieces: readonly P[],
  context: OtlpContext,
  reason: string,
): Reaction<P> {
  const oldestMs = context.nowMs - context.maxAgeMs;
  const late = pieces.length === 1 ? pieces : pieces.filter((piece) => piece.eventMs < oldestMs);
  const rest = pieces.length === 1 ? [] : pieces.filter((piece) => piece.eventMs >= oldestMs);
  const expired = late.map((piece) => ({ piece, reason }));
  const bodies = late.length === 0 ? halve(rest) : [rest];
  return { kind: 'regroup', bodies, delivered: [], rejected: [], expired };
}

export function splitOrReject<P extends Piece>(pieces: readonly P[], reason: string): Reaction<P> {
  const [only] = pieces;
  const single = pieces.length === 1 && only !== undefined;
  const rejected = single ? [{ piece: only, reason }] : [];
  return { kind: 'regroup', bodies: single ? [] : halve(pieces), delivered: [], rejected, expired: [] };
}

function retry<P extends Piece>(reason: string, retryAfterMs: number | undefined): Reaction<P> {
  if (retryAfterMs === undefined) return { kind: 'retry', reason };
  return { kind: 'retry', reason, retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) };
}
