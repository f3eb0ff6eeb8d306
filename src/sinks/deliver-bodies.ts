import { assertNever } from '../core/errors.ts';
import { halve, type Piece } from './pack-bodies.ts';
import type { VerdictBuilder } from './verdict-builder.ts';

/** What one answer means for the pieces of the body it answers. */
export type Reaction<P extends Piece> =
  | {
      readonly kind: 'delivered';
      readonly slowDownMs?: number;
      readonly rejectedUnknown?: { readonly count: number; readonly message: string };
    }
  /** Nothing wrong with the data: send all of it again later. */
  | { readonly kind: 'retry'; readonly reason: string; readonly retryAfterMs?: number }
  /** A person must act (wrong token, refused index): nothing is given up. */
  | { readonly kind: 'held'; readonly reason: string }
  /** Some pieces are settled; the others go out again at once in these bodies, together smaller than this one. */
  | {
      readonly kind: 'regroup';
      readonly bodies: readonly (readonly P[])[];
      readonly delivered: readonly P[];
      readonly rejected: readonly { readonly piece: P; readonly reason: string }[];
      readonly expired: readonly { readonly piece: P; readonly reason: string }[];
    }
  /**
   * Refused in words that do not come from the service itself (a proxy's page, say). Halved until it is clear which
   * piece is meant; if no piece at all gets through, the data is not to blame and the lane is held.
   */
  | { readonly kind: 'unclear'; readonly reason: string };

export interface Delivery<P extends Piece> {
  readonly bodies: readonly (readonly P[])[];
  readonly attempt: (pieces: readonly P[]) => Promise<Reaction<P>>;
  readonly maxInFlight: number;
  readonly verdict: VerdictBuilder;
}

/**
 * Refusals without one acceptance after which the data is cleared of suspicion: halving in breadth has by then asked
 * about each sixteenth of the body alone.
 */
const MAX_UNCLEAR = 31;

/**
 * Delivers bodies, several at a time, and enters the fate of every piece in the verdict. After the first `retry` or
 * `held` no further body is started: a destination that is down is asked once, not once per body. Returns how it ended.
 */
export async function deliverBodies<P extends Piece>(delivery: Delivery<P>): Promise<'finished' | 'stopped'> {
  const run = new DeliveryRun(delivery);
  const lanes = Array.from({ length: Math.min(delivery.maxInFlight, delivery.bodies.length) }, () =>
    run.lane(),
  );
  const ends = await Promise.allSettled(lanes);
  for (const end of ends) {
    if (end.status === 'rejected') throw end.reason;
  }
  run.settleSuspects();
  return run.stopped ? 'stopped' : 'finished';
}

class DeliveryRun<P extends Piece> {
  readonly #delivery: Delivery<P>;
  readonly #suspects: { readonly piece: P; readonly reason: string }[] = [];
  #next = 0;
  #anyDelivered = false;
  #unclear = 0;
  stopped = false;

  constructor(delivery: Delivery<P>) {
    this.#delivery = delivery;
  }

  async lane(): Promise<void> {
    for (;;) {
      const body = this.#delivery.bodies[this.#next++];
      if (body === undefined) return;
      await this.#deliver(body);
    }
  }

  /** Breadth first, so that a poison piece at the front does not hide that all the others are fine. */
  async #deliver(body: readonly P[]): Promise<void> {
    const queue: (readonly P[])[] = [body];
    for (let pieces = queue.shift(); pieces !== undefined; pieces = queue.shift()) {
      if (this.stopped) this.#sendAgainLater(pieces);
      else queue.push(...this.#enter(pieces, await this.#delivery.attempt(pieces)));
    }
  }

  /** Enters what is settled; returns the bodies to send next. */
  #enter(pieces: readonly P[], reaction: Reaction<P>): readonly (readonly P[])[] {
    const { verdict } = this.#delivery;
    switch (reaction.kind) {
      case 'delivered':
        this.#accept(pieces);
        if (reaction.slowDownMs !== undefined) verdict.slowDown(reaction.slowDownMs);
        if (reaction.rejectedUnknown) {
          verdict.rejectUnknown(reaction.rejectedUnknown.count, reaction.rejectedUnknown.message);
        }
        return [];
      case 'retry':
        verdict.retryBecause(reaction.reason, reaction.retryAfterMs);
        return this.#stop(pieces);
      case 'held':
        verdict.holdBecause(reaction.reason);
        return this.#stop(pieces);
      case 'regroup':
        this.#accept(reaction.delivered);
        for (const { piece, reason } of reaction.rejected) verdict.reject(piece.seq, reason);
        for (const { piece, reason } of reaction.expired) verdict.expire(piece.seq, reason);
        return reaction.bodies.filter((body) => body.length > 0);
      case 'unclear':
        return this.#suspect(pieces, reaction.reason);
      default:
        return assertNever(reaction, 'reaction');
    }
  }

  #accept(pieces: readonly P[]): void {
    if (pieces.length > 0) this.#anyDelivered = true;
    for (const piece of pieces) this.#delivery.verdict.accept(piece.seq);
  }

  #stop(pieces: readonly P[]): readonly (readonly P[])[] {
    this.stopped = true;
    this.#sendAgainLater(pieces);
    return [];
  }

  #sendAgainLater(pieces: readonly P[]): void {
    for (const piece of pieces) this.#delivery.verdict.retry(piece.seq);
  }

  #suspect(pieces: readonly P[], reason: string): readonly (readonly P[])[] {
    this.#unclear += 1;
    if (!this.#anyDelivered && this.#unclear >= MAX_UNCLEAR) {
      this.#delivery.verdict.holdBecause(heldReason(reason));
      return this.#stop(pieces);
    }
    const [first] = pieces;
    if (pieces.length > 1 || first === undefined) return halve(pieces);
    this.#suspects.push({ piece: first, reason });
    return [];
  }

  /** Guilty only when something else got through: otherwise it is the way there that is broken. */
  settleSuspects(): void {
    const { verdict } = this.#delivery;
    for (const { piece, reason } of this.#suspects) {
      if (this.#anyDelivered) {
        verdict.reject(piece.seq, reason);
      } else {
        verdict.holdBecause(heldReason(reason));
        verdict.retry(piece.seq);
        this.stopped = true;
      }
    }
  }
}

function heldReason(reason: string): string {
  return `every part of the batch was refused (${reason}): check the url and what stands before the destination`;
}
