import type { AlarmState } from './alarm-state.ts';

export interface SuppressorSettings {
  /** `ActionsSuppressorWaitPeriod`: how long a change waits for the suppressor to go off. */
  readonly waitMs: number;
  /** `ActionsSuppressorExtensionPeriod`: how long a change still waits after the suppressor has ended. */
  readonly extensionMs: number;
}

type Timer = { readonly why: 'wait' | 'extension'; readonly endMs: number };

/** `ActionsSuppressedBy` of CloudWatch. */
export type SuppressedBy = 'Alarm' | 'WaitPeriod' | 'ExtensionPeriod';

/**
 * When a composite with an actions suppressor acts:
 *
 *     composite changes      -> any timer is dropped; suppressor in ALARM ? nothing : a wait starts
 *     suppressor -> ALARM    -> any timer is dropped
 *     suppressor leaves ALARM-> an extension starts, when a change is still untold
 *     timer ends             -> acts for the state the composite is in then
 *
 * Events must come in order of time; `advance` first, so that a timer that ends at the time of an event still acts.
 * Source: user guide, "Combining alarms", suppression timelines 1 to 6.
 */
export class Suppression {
  readonly #settings: SuppressorSettings;
  #composite: AlarmState;
  /** A change nobody has been told of yet. */
  #pending = false;
  #suppressorInAlarm: boolean;
  #timer: Timer | undefined;

  constructor(
    settings: SuppressorSettings,
    initial: { readonly composite: AlarmState; readonly suppressor: AlarmState },
  ) {
    this.#settings = settings;
    this.#composite = initial.composite;
    this.#suppressorInAlarm = initial.suppressor === 'ALARM';
  }

  get suppressedBy(): SuppressedBy | undefined {
    if (this.#timer !== undefined) {
      return this.#timer.why === 'wait' ? 'WaitPeriod' : 'ExtensionPeriod';
    }
    return this.#suppressorInAlarm && this.#pending ? 'Alarm' : undefined;
  }

  /** When `advance` has something to do; undefined when no timer runs. */
  get nextMs(): number | undefined {
    return this.#timer?.endMs;
  }

  /** Lets time pass: the action that is due by `nowMs`, with the time it was due. */
  advance(nowMs: number): { readonly atMs: number; readonly state: AlarmState } | undefined {
    if (this.#timer === undefined || this.#timer.endMs > nowMs) return undefined;
    const atMs = this.#timer.endMs;
    this.#timer = undefined;
    this.#pending = false;
    return { atMs, state: this.#composite };
  }

  compositeChanged(state: AlarmState, nowMs: number): void {
    this.#composite = state;
    this.#pending = true;
    this.#timer = this.#suppressorInAlarm ? undefined : { why: 'wait', endMs: nowMs + this.#settings.waitMs };
  }

  suppressorChanged(state: AlarmState, nowMs: number): void {
    const inAlarm = state === 'ALARM';
    if (inAlarm === this.#suppressorInAlarm) return;
    this.#suppressorInAlarm = inAlarm;
    this.#timer =
      inAlarm || !this.#pending ? undefined : { why: 'extension', endMs: nowMs + this.#settings.extensionMs };
  }
}
