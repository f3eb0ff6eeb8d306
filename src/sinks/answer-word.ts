import type { HttpOutcome } from '../http/http-transport.ts';

/**
 * What an answer is counted as in `gatewatch_sink_requests_total`: what it led to, and apart from that the two by which
 * a destination says that it is too much (`throttled`: HTTP 429; `near_capacity`: taken, but slow down).
 */
export function answerWord(
  outcome: HttpOutcome,
  reaction: { readonly kind: string; readonly slowDownMs?: number },
): string {
  if (outcome.kind === 'failure') return 'no_answer';
  if (outcome.status === 429) return 'throttled';
  return reaction.slowDownMs === undefined ? reaction.kind : 'near_capacity';
}
