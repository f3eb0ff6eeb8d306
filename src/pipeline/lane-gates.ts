import type { Clock } from '../core/clock.ts';
import type { Verdict } from '../model/sink.ts';
import type { Circuit } from './circuit.ts';
import { Gate, type Ticket } from './gate.ts';

/** Leave to send: of the lane, which may be held, and of the endpoint, which may be down. */
export interface Leave {
  readonly hold: Ticket;
  readonly circuit: Ticket;
}

/** What a batch of a lane has to pass before it is sent, and what every verdict does to it. */
export class LaneGates {
  readonly #circuit: Circuit;
  /** Shut while the lane is held. */
  readonly #hold: Gate;
  readonly #heldProbeMs: number;

  constructor(options: { readonly clock: Clock; readonly circuit: Circuit; readonly heldProbeMs: number }) {
    this.#circuit = options.circuit;
    this.#hold = new Gate(options.clock);
    this.#heldProbeMs = options.heldProbeMs;
  }

  get isHeld(): boolean {
    return this.#hold.isShut;
  }

  get isDown(): boolean {
    return this.#circuit.isOpen;
  }

  /** Of the endpoint, in a row. */
  get failures(): number {
    return this.#circuit.failures;
  }

  /** Resolves when a batch may go out. Rejects with the signal's reason. */
  async turn(signal: AbortSignal): Promise<Leave> {
    for (;;) {
      const hold = await this.#hold.turn(signal);
      const circuit = await this.#circuit.turn(signal).catch((error: unknown) => {
        this.#hold.giveBack(hold);
        throw error;
      });
      if (!this.#hold.isStale(hold)) return { hold, circuit };
      this.#circuit.giveBack(circuit);
    }
  }

  /** Lets the other batches, and the other lanes of the sink, know how the destination is. */
  tell({ hold, circuit }: Leave, verdict: Verdict): void {
    if (verdict.held !== undefined) {
      this.#circuit.succeeded(circuit);
      this.#hold.refuse(hold, this.#heldProbeMs);
    } else if (hasProgress(verdict)) {
      this.#circuit.succeeded(circuit);
      this.#hold.accept(hold);
    } else if (verdict.retry.length > 0) {
      this.#circuit.failed(circuit, verdict.retryAfterMs);
      if (hold.isProbe) this.#hold.refuse(hold, this.#heldProbeMs);
    } else {
      // All filtered or expired: nobody was asked.
      this.giveBack({ hold, circuit });
    }
  }

  /** Nothing was sent, or nothing is known of it. */
  giveBack({ hold, circuit }: Leave): void {
    this.#hold.giveBack(hold);
    this.#circuit.giveBack(circuit);
  }
}

/** Something of the batch has an end by the word of the destination. */
export function hasProgress({ accepted, rejected }: Verdict): boolean {
  return accepted.length + rejected.length > 0;
}
