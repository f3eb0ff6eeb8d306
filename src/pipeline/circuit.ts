import { backoffDelayMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { Gate, type Ticket } from './gate.ts';

/** All times in milliseconds. */
export interface CircuitSettings {
  readonly firstRetryMs: number;
  /** Time between two probes of a destination that stays down. */
  readonly maxRetryMs: number;
}

/** From this failure in a row on a destination counts as down. One refusal is weather. */
const OPENING_FAILURE = 2;

/**
 * Whether one endpoint of a destination is well, shared by lanes that send there. While it is down one batch probes
 * it, ever more slowly, at last once per `maxRetryMs`; all others wait. A batch that is refused while others go through
 * opens nothing: then the batch is what is wrong.
 */
export class Circuit {
  readonly #settings: CircuitSettings;
  readonly #random: () => number;
  readonly #gate: Gate;
  #failures = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly settings: CircuitSettings;
  }) {
    this.#settings = options.settings;
    this.#random = options.random;
    this.#gate = new Gate(options.clock);
  }

  get isOpen(): boolean {
    return this.#gate.isShut;
  }

  /** In a row, since something was last taken. */
  get failures(): number {
    return this.#failures;
  }

  /** Resolves when the caller may send. Rejects with the signal's reason. */
  turn(signal: AbortSignal): Promise<Ticket> {
    return this.#gate.turn(signal);
  }

  /** `retryAfterMs`: what the destination asked for. */
  failed(ticket: Ticket, retryAfterMs = 0): void {
    if (this.#gate.isStale(ticket)) return;
    this.#failures += 1;
    if (this.#failures < OPENING_FAILURE) this.#gate.giveBack(ticket);
    else this.#gate.refuse(ticket, Math.max(retryAfterMs, this.#waitMs()));
  }

  /** The destination answered, and not that it is busy or broken. */
  succeeded(ticket: Ticket): void {
    if (!this.#gate.isStale(ticket)) this.#failures = 0;
    this.#gate.accept(ticket);
  }

  giveBack(ticket: Ticket): void {
    this.#gate.giveBack(ticket);
  }

  /** The rhythm of a destination that stays down is never undercut: there jitter only adds to it. */
  #waitMs(): number {
    const { firstRetryMs: firstMs, maxRetryMs: maxMs } = this.#settings;
    const isSlowest = firstMs * 2 ** Math.min(this.#failures - 1, 30) >= maxMs;
    if (isSlowest) return Math.round(maxMs * (1 + this.#random() / 10));
    return backoffDelayMs(this.#failures, { firstMs, maxMs, random: this.#random });
  }
}

/** Lanes that go first, and those that give way to them: backfills, replays. */
export type Precedence = 'first' | 'giving_way';

/**
 * For each endpoint of each sink one circuit of those that go first, and one of all who give way: old rows that a
 * destination refuses say nothing about new ones. Who gives way sends nothing while those before it are in trouble, so
 * that a destination that is down is probed by one of the two only.
 */
export class Circuits {
  readonly #options: ConstructorParameters<typeof Circuit>[0];
  readonly #byEndpoint = new Map<string, Circuit>();

  constructor(options: ConstructorParameters<typeof Circuit>[0]) {
    this.#options = options;
  }

  of(sink: string, endpoint: string, precedence: Precedence): Circuit {
    const key = `${sink}\n${endpoint}\n${precedence}`;
    const circuit = this.#byEndpoint.get(key) ?? new Circuit(this.#options);
    this.#byEndpoint.set(key, circuit);
    return circuit;
  }
}
