import { GatewatchError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { Incident } from '../../sandbox/incidents.ts';
import { readNdjson } from './ndjson.ts';

export interface SandboxTime {
  readonly nowMs: number;
  readonly historyFromMs: number;
  readonly historyToMs: number;
}

export interface SnsDelivery {
  readonly topicArn: string;
  readonly atMs: number;
  readonly message: { readonly AlarmName: string; readonly NewStateValue: string };
}

/** A problem as the sandbox's Dynatrace keeps it. */
export interface DynatraceProblem {
  readonly title: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly endMs: number;
  readonly ended: boolean;
}

/** One change of state as the sandbox's CloudWatch noted it. */
export interface AlarmTransition {
  readonly alarmName: string;
  readonly account: string;
  readonly region: string;
  readonly type: string;
  readonly atMs: number;
  readonly summary: string;
}

/** The sandbox's own pages: its clock, its incidents, and what it knows to be true. */
export class SandboxControl {
  readonly #url: string;
  readonly #signal: AbortSignal;

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  rows<T>(path: string): AsyncGenerator<T> {
    return readNdjson<T>(`${this.#url}/_sandbox/${path}`, this.#signal);
  }

  async list<T>(path: string): Promise<readonly T[]> {
    const rows: T[] = [];
    for await (const row of this.rows<T>(path)) rows.push(row);
    return rows;
  }

  async time(): Promise<SandboxTime> {
    const time = await this.#call('clock');
    const { nowMs, historyFromMs, historyToMs } = isObject(time) ? time : {};
    if (typeof nowMs === 'number' && typeof historyFromMs === 'number' && typeof historyToMs === 'number')
      return { nowMs, historyFromMs, historyToMs };
    throw new GatewatchError(
      'sandbox_clock',
      `Expected the sandbox to tell its time, got ${JSON.stringify(time)}`,
    );
  }

  async setTime(nowMs: number): Promise<void> {
    await this.#call('clock', { nowMs });
  }

  /** The first one, if any. */
  async incident(): Promise<Incident | undefined> {
    const answer = await this.#call('incident');
    const list: readonly unknown[] =
      isObject(answer) && Array.isArray(answer.incidents) ? answer.incidents : [];
    const [first] = list;
    if (!isObject(first)) return undefined;
    const { api, stage, fromMs, toMs, factor } = first;
    return {
      api: String(api),
      stage: String(stage),
      fromMs: Number(fromMs),
      toMs: Number(toMs),
      factor: Number(factor),
    };
  }

  async faults(): Promise<Readonly<Record<string, unknown>>> {
    const stats = await this.#call('stats');
    return isObject(stats) && isObject(stats.faults) ? stats.faults : {};
  }

  async #call(path: string, body?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const response = await fetch(`${this.#url}/_sandbox/${path}`, {
      signal: this.#signal,
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    });
    return response.json();
  }
}
