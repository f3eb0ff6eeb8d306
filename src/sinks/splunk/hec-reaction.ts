import { assertNever } from '../../core/errors.ts';
import type { HttpOutcome } from '../../http/http-transport.ts';
import { parseRetryAfterMs } from '../../http/retry-after.ts';
import type { EncodedPiece } from '../body-writer.ts';
import type { Reaction } from '../deliver-bodies.ts';
import { halve } from '../pack-bodies.ts';
import { type HecAnswer, readHecAnswer } from './hec-answer.ts';

/** One envelope, encoded, with the line break that ends it. */
export type HecPiece = EncodedPiece;

export interface ReactionContext {
  readonly keepPrefix: boolean;
  readonly nowMs: number;
}

/** `delivered` still waits for its acknowledgement where there is one. */
export type HecReaction = Reaction<HecPiece> | { readonly kind: 'ack_off'; readonly reason: string };

/** Asked for by codes 24 and 25, in milliseconds: long enough for a queue to drain some bodies. */
const SLOW_DOWN_MS = 1_000;

/** A destination that asks for more patience than this is asked again after it. */
export const MAX_RETRY_AFTER_MS = 15 * 60_000;

export function reactToHec(
  outcome: HttpOutcome,
  pieces: readonly HecPiece[],
  context: ReactionContext,
): { readonly reaction: HecReaction; readonly ackId?: number } {
  if (outcome.kind === 'failure') {
    const kind = outcome.failure === 'configuration' ? 'held' : 'retry';
    return { reaction: { kind, reason: outcome.reason } };
  }
  const answer = readHecAnswer(outcome);
  const retryAfterMs = parseRetryAfterMs(outcome.headers, context.nowMs);
  const reaction = reactToAnswer(answer, pieces, retryAfterMs, context);
  return answer.ackId === undefined ? { reaction } : { reaction, ackId: answer.ackId };
}

function reactToAnswer(
  answer: HecAnswer,
  pieces: readonly HecPiece[],
  retryAfterMs: number | undefined,
  context: ReactionContext,
): HecReaction {
  const { reason } = answer;
  switch (answer.class) {
    case 'success':
      return { kind: 'delivered' };
    case 'busy_success':
      return { kind: 'delivered', slowDownMs: SLOW_DOWN_MS };
    case 'retry':
      if (retryAfterMs === undefined) return { kind: 'retry', reason };
      return { kind: 'retry', reason, retryAfterMs: Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) };
    case 'hold':
      return { kind: 'held', reason };
    case 'ack_off':
      return { kind: 'ack_off', reason };
    case 'oversize':
      return splitOrReject(pieces, reason);
    case 'event':
      return reactToBadEvent(answer, pieces, context);
    default:
      return assertNever(answer.class, 'class of HEC answer');
  }
}

function reactToBadEvent(
  answer: HecAnswer,
  pieces: readonly HecPiece[],
  context: ReactionContext,
): HecReaction {
  const n = answer.eventNumber;
  const bad = n === undefined ? undefined : pieces[n];
  if (n === undefined || bad === undefined) {
    return answer.fromSplunk
      ? splitOrReject(pieces, answer.reason)
      : { kind: 'unclear', reason: answer.reason };
  }
  if (n === 0 && pieces.length > 1) return askAgainAboutFirst(pieces, bad);
  return quarantine(pieces, n, bad, `${answer.reason} (event ${n} of its body)`, context.keepPrefix);
}

/**
 * Splunk Cloud says "event 0 is malformed" of a body that it finds too large. So the first event is blamed only when it
 * is refused alone; the others go out in halves, which a body that was too large needs anyway.
 */
function askAgainAboutFirst(pieces: readonly HecPiece[], first: HecPiece): HecReaction {
  const bodies = [[first], ...halve(pieces.slice(1))];
  return { kind: 'regroup', bodies, delivered: [], rejected: [], expired: [] };
}

/**
 * Takes event n out. What stood before it and what stood after it go out as two bodies: if Splunk indexed the events
 * before n after all, they are repeated once, not once per bad event behind them.
 */
function quarantine(
  pieces: readonly HecPiece[],
  n: number,
  bad: HecPiece,
  reason: string,
  keepPrefix: boolean,
): HecReaction {
  const before = pieces.slice(0, n);
  const after = pieces.slice(n + 1);
  return {
    kind: 'regroup',
    bodies: keepPrefix ? [after] : [before, after],
    delivered: keepPrefix ? before : [],
    rejected: [{ piece: bad, reason }],
    expired: [],
  };
}

function splitOrReject(pieces: readonly HecPiece[], reason: string): HecReaction {
  const [only] = pieces;
  const single = pieces.length === 1 && only !== undefined;
  return {
    kind: 'regroup',
    bodies: single ? [] : halve(pieces),
    delivered: [],
    rejected: single ? [{ piece: only, reason: `${reason} (${only.bytes} bytes, alone in its body)` }] : [],
    expired: [],
  };
}
