import type { Clock } from '../core/clock.ts';
import { FencedError, HeldError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { silentTracer, type Tracer } from '../core/tracer.ts';

export interface UnitState {
  readonly unit: string;
  readonly held?: { readonly reason: string; readonly sinceMs: number };
  readonly lastError?: string;
}

/** How long a held unit is left alone between two probes, milliseconds. */
const HELD_PROBE_MS = 60_000;

/**
 * Runs work on source units and keeps what became of it. One unit's trouble never reaches another: a read that broke off
 * is tried at the next turn, a refusal that a person must mend holds the unit, is said once and probed slowly.
 */
export class UnitHealth {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #meter: Meter;
  readonly #tracer: Tracer;
  readonly #held = new Map<string, { reason: string; sinceMs: number; probedAt: number }>();
  /** One refusal may hold many units (a role that is denied): it is said for the first of them. */
  readonly #saidReasons = new Set<string>();
  /** By unit, then by what was being done: success at one thing does not mend the failure of another. */
  readonly #errors = new Map<string, Map<string, string>>();

  constructor(options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly meter: Meter;
    readonly tracer?: Tracer;
  }) {
    this.#tracer = options.tracer ?? silentTracer;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#meter = options.meter;
  }

  stateOf(unit: string): UnitState {
    const held = this.#held.get(unit);
    const [lastError] = this.#errors.get(unit)?.values() ?? [];
    return {
      unit,
      ...(held !== undefined && { held: { reason: held.reason, sinceMs: held.sinceMs } }),
      ...(lastError !== undefined && { lastError }),
    };
  }

  /** Does the work unless the unit is held and not yet to be probed. Returns undefined when it was left or failed. */
  async attempt<T>(
    unit: string,
    what: string,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const held = this.#held.get(unit);
    if (held !== undefined && this.#clock.monotonic() - held.probedAt < HELD_PROBE_MS) return undefined;
    try {
      const result = await this.#tracer.span('gatewatch.read', { unit, what }, work);
      this.#recovered(unit, what);
      return result;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (error instanceof FencedError) throw error;
      this.#failed(unit, what, error);
      return undefined;
    }
  }

  #failed(unit: string, what: string, error: unknown): void {
    const reason = messageOf(error);
    this.#meter.count('gatewatch_unit_failures_total', 1, { unit });
    if (!(error instanceof HeldError)) {
      this.#brokeOff(unit, what, reason);
      return;
    }
    const known = this.#held.get(unit);
    if (known?.reason !== reason) this.#sayHeld(unit, reason);
    const sinceMs = known?.sinceMs ?? this.#clock.now();
    this.#held.set(unit, { reason, sinceMs, probedAt: this.#clock.monotonic() });
    this.#forgetReasons();
    this.#meter.gauge('gatewatch_unit_held', 1, { unit });
  }

  #sayHeld(unit: string, reason: string): void {
    const said = 'source held: nothing is lost, reading resumes once this is mended';
    if (this.#saidReasons.has(reason)) this.#logger.debug({ unit, reason }, said);
    else this.#logger.error({ unit, reason }, said);
    this.#saidReasons.add(reason);
  }

  /** A refusal that holds nobody any more is news when it comes again. */
  #forgetReasons(): void {
    const holding = new Set([...this.#held.values()].map(({ reason }) => reason));
    for (const reason of this.#saidReasons) if (!holding.has(reason)) this.#saidReasons.delete(reason);
  }

  /** Said when it begins and when its reason changes, not at every turn of an outage. */
  #brokeOff(unit: string, what: string, reason: string): void {
    const errors = this.#errors.get(unit) ?? new Map<string, string>();
    const isNews = errors.get(what) !== reason;
    this.#errors.set(unit, errors.set(what, reason));
    const said = 'reading broke off; it is taken up again at the next turn';
    if (isNews) this.#logger.warn({ unit, reason }, said);
    else this.#logger.debug({ unit, reason }, said);
  }

  #recovered(unit: string, what: string): void {
    this.#errors.get(unit)?.delete(what);
    if (!this.#held.delete(unit)) return;
    this.#forgetReasons();
    this.#meter.gauge('gatewatch_unit_held', 0, { unit });
    this.#logger.info({ unit }, 'source resumed');
  }
}
