import type { Clock } from '../core/clock.ts';
import type { Verdict } from '../model/sink.ts';
import type { Circuit } from './circuit.ts';
import { Gate, type Ticket } from './gate.ts';

/** Leave to send: of the lane, which may be held, and of the endpoint, which may be down. */
export interface Leave {
  readonly hold: Ticket;
  readonly circuit: Ticket;
}

/** Awaited before each attempt, with the number of its rows: the rate of a lane. Rejects with the signal's reason. */
export type Pace = (rows: number, signal: AbortSignal) => Promise<void>;

/** Who goes first where a lane sends, such as live rows. */
export interface RightOfWay {
  /** False while the lane has to wait for others. */
  isFree(): boolean;
  /** Resolves when it need not wait. Rejects with the signal's reason. */
  turn(signal: AbortSignal): Promise<void>;
}

/** What a batch of a lane has to pass before it is sent, and what every verdict does to it. */
export class LaneGates {
  readonly #way: RightOfWay | undefined;
  readonly #circuit: Circuit;
  /** Shut while the lane is held. */
  readonly #hold: Gate;
  readonly #heldProbeMs: number;

  constructor(options: {
    readonly clock: Clock;
    readonly circuit: Circuit;
    readonly heldProbeMs: number;
    /** Absent: the lane waits for nobody. */
    readonly way?: RightOfWay | undefined;
  }) {
    this.#way = options.way;
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

  /**
   * Resolves when a batch may go out. Rejects with the signal's reason. Who goes first may have come while this lane
   * waited for an endpoint that is down: then the probe is theirs.
   */
  async turn(signal: AbortSignal): Promise<Leave> {
    for (;;) {
      await this.#way?.turn(signal);
      const leave = await this.#pass(signal);
      if (this.#way === undefined || this.#way.isFree()) return leave;
      this.giveBack(leave);
    }
  }

  async #pass(signal: AbortSignal): Promise<Leave> {
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
