import type { Clock } from '../core/clock.ts';

/** Leave to send, given by `turn`: hand it back with what came of it. */
export interface Ticket {
  /** Sent through a shut gate, to see whether the other side is well again. */
  readonly isProbe: boolean;
  /** Which time the gate had been shut when it was given. */
  readonly shutting: number;
}

/**
 * Lets everybody through while it is open. Shut, it lets one through at a time, each no earlier than the last one that
 * failed has asked for, until one comes back well: whoever waits then goes on at once. What was sent before the gate was
 * shut may still come back after it and tells nothing: neither does it open the gate, nor put the next probe off.
 *
 *           refuse                        accept (of a probe)
 *   open ────────────► shut: one probes ─────────────────────► open
 *                        ▲        │ refuse
 *                        └────────┘ the next probe waits
 */
export class Gate {
  readonly #clock: Clock;
  #isShut = false;
  #shutting = 0;
  #isProbing = false;
  #nextProbeMs = 0;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Resolves when the caller may send. Rejects with the signal's reason. */
  async turn(signal: AbortSignal): Promise<Ticket> {
    while (this.#isShut) {
      signal.throwIfAborted();
      if (this.#isProbing) await this.#change(signal);
      else if (await this.#awaitProbe(signal)) return { isProbe: true, shutting: this.#shutting };
    }
    return { isProbe: false, shutting: this.#shutting };
  }

  /** True for a ticket of before the gate was last shut. */
  isStale(ticket: Ticket): boolean {
    return ticket.shutting !== this.#shutting;
  }

  /** What was sent came back refused: shut, and nobody probes within `waitMs`. */
  refuse(ticket: Ticket, waitMs: number): void {
    if (this.isStale(ticket)) return;
    if (!this.#isShut) this.#shutting += 1;
    this.#isShut = true;
    this.#nextProbeMs = this.#clock.monotonic() + waitMs;
    this.#endProbe(ticket);
  }

  /** What was sent came back well. */
  accept(ticket: Ticket): void {
    if (this.isStale(ticket)) return;
    this.#isShut = false;
    this.#endProbe(ticket);
  }

  /** Nothing is known of what became of it. */
  giveBack(ticket: Ticket): void {
    if (!this.isStale(ticket)) this.#endProbe(ticket);
  }

  #endProbe(ticket: Ticket): void {
    if (ticket.isProbe) this.#isProbing = false;
    this.#tellChange();
  }

  /** False when the gate was opened while waiting. */
  async #awaitProbe(signal: AbortSignal): Promise<boolean> {
    this.#isProbing = true;
    try {
      const waitMs = Math.ceil(this.#nextProbeMs - this.#clock.monotonic());
      if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
    } catch (error) {
      this.#isProbing = false;
      this.#tellChange();
      throw error;
    }
    if (!this.#isShut) this.#isProbing = false;
    return this.#isShut;
  }

  #tellChange(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when something about the gate has changed, or on abort. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }
}
