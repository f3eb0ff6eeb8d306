/** A backend that answers slowly for a while: from `fromMs`, until before `toMs`. */
export interface Incident {
  readonly api: string;
  readonly stage: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** What every answer of the backend takes, as a multiple of what it would have taken. */
  readonly factor: number;
}

/**
 * What is wrong with the fleet's backends, and when. An incident changes how long requests take and nothing else: the
 * same seed sends the same requests, whether something is slow or not.
 */
export class Incidents {
  #list: readonly Incident[] = [];

  add(incident: Incident): void {
    this.#list = [...this.#list, incident];
  }

  /** Those under way are over, those to come are called off; what was is kept. */
  endAll(nowMs: number): void {
    this.#list = this.#list.flatMap((one) =>
      one.fromMs < nowMs ? [{ ...one, toMs: Math.min(one.toMs, nowMs) }] : [],
    );
  }

  get list(): readonly Incident[] {
    return this.#list;
  }

  /** 1 while all is well; the worst counts. */
  factorAt(api: string, stage: string, atMs: number): number {
    let factor = 1;
    for (const one of this.#list) {
      const isHere = one.api === api && one.stage === stage && one.fromMs <= atMs && atMs < one.toMs;
      if (isHere) factor = Math.max(factor, one.factor);
    }
    return factor;
  }
}

/** Where the usual incident strikes: the API with the most traffic, whose log names every decision. */
export const INCIDENT_API = 'orders-api';
export const INCIDENT_STAGE = 'prod';
/** A median of 90 ms becomes 2.7 s, a P99 of 0.4 s becomes 11 s; the gateway's own time-out is not reached. */
export const INCIDENT_FACTOR = 30;
