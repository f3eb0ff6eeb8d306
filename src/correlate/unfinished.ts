import type { Logger } from '../core/logger.ts';
import type { StateChange } from '../model/journal.ts';
import type { CorrelationStore } from './correlation.ts';
import { drop, put, readUnfinished } from './state-rows.ts';

/** How far a batch came with the lines that belong to one thing. */
export interface Place {
  /** Key of the row to go on with. */
  readonly from: string;
  /** Lines of that row that are done. */
  readonly done: number;
}

interface Begun {
  place: Place;
  /** True when the journal may have a row of it. */
  isStored: boolean;
}

const START: Place = { from: '', done: 0 };

/** Nothing of its rows is left to be done, only what waits in memory. */
export function behindRows(ref: string): Place {
  return { from: `${ref}\n\uffff`, done: 0 };
}

/**
 * Things (invocations, connections, gateway request ids) of which not all lines have been told yet what is known of them: a batch takes so many
 * lines, those to come carry on. Each has a row in the journal while it is unfinished, so that a restart carries on as well.
 * Memory holds the first of them, and turns to the others when those are done.
 */
export class Unfinished {
  readonly #kind: string;
  readonly #most: number;
  readonly #begun = new Map<string, Begun>();
  /** Rows to write with this batch; undefined: to drop. */
  readonly #changed = new Map<string, Place | undefined>();
  /** True while the journal may have some that memory has not. */
  #hasMore = false;
  #sinceMs = Number.POSITIVE_INFINITY;

  /** `most`: so many are in memory. */
  constructor(kind: string, most: number) {
    this.#kind = kind;
    this.#most = Math.max(1, most);
  }

  get isEmpty(): boolean {
    return this.#begun.size === 0 && !this.#hasMore;
  }

  /** Time by which what is kept for them is judged: when the first of them was begun. Infinite while there is none. */
  get sinceMs(): number {
    return this.isEmpty ? Number.POSITIVE_INFINITY : this.#sinceMs;
  }

  /** True for one that memory knows of. */
  has(ref: string): boolean {
    return this.#begun.has(ref);
  }

  /** After a start: what the journal has. */
  async restore(store: CorrelationStore, logger: Logger): Promise<void> {
    for await (const row of store.allState(this.#kind)) {
      const { sinceMs, ...place } = readUnfinished(row, logger);
      this.#sinceMs = Math.min(this.#sinceMs, sinceMs);
      this.#remember(row.key, place);
    }
  }

  /** Turns to those that only the journal knows of, once the others are done. Call before anything of the batch is begun. */
  async load(store: CorrelationStore, logger: Logger): Promise<void> {
    if (this.#begun.size > 0 || !this.#hasMore) return;
    this.#hasMore = false;
    for await (const row of store.allState(this.#kind)) {
      this.#remember(row.key, readUnfinished(row, logger));
      if (this.#hasMore) return;
    }
  }

  /** From there on, absent: the beginning; also where some of it was done: something else is known now. */
  begin(ref: string, nowMs: number, from = START): void {
    if (this.isEmpty) this.#sinceMs = nowMs;
    const begun = this.#begun.get(ref);
    // What is not in memory may be in the journal with more to do.
    const place = begun === undefined && this.#hasMore ? START : from;
    if (begun !== undefined) begun.place = place;
    else if (this.#hasMore || this.#begun.size >= this.#most) this.#hasMore = true;
    else this.#begun.set(ref, { place, isStored: false });
    this.#changed.set(ref, place);
  }

  /** The next to be carried on with, and where. */
  next(): { readonly ref: string; readonly place: Place } | undefined {
    for (const [ref, { place }] of this.#begun) return { ref, place };
    return undefined;
  }

  /** There is no more room in this batch: it goes on there, after the others had their turn. */
  pause(ref: string, place: Place): void {
    const begun = this.#begun.get(ref);
    if (begun === undefined) return;
    this.#begun.delete(ref);
    this.#begun.set(ref, { ...begun, place });
    this.#changed.set(ref, place);
  }

  /** True when it had been left to this batch by an earlier one. */
  finish(ref: string): boolean {
    const isStored = this.#begun.get(ref)?.isStored === true;
    this.#begun.delete(ref);
    if (isStored) this.#changed.set(ref, undefined);
    else this.#changed.delete(ref);
    return isStored;
  }

  /** What this batch changed, as the journal keeps it. */
  takeChanges(): StateChange[] {
    if (this.#changed.size === 0) return [];
    const changes = [...this.#changed].map(([ref, place]) =>
      place === undefined
        ? drop(this.#kind, ref)
        : put(this.#kind, ref, { ...place, sinceMs: this.#sinceMs }, 0),
    );
    for (const ref of this.#changed.keys()) {
      const begun = this.#begun.get(ref);
      if (begun !== undefined) begun.isStored = true;
    }
    this.#changed.clear();
    return changes;
  }

  #remember(ref: string, place: Place): void {
    if (this.#begun.size < this.#most) this.#begun.set(ref, { place, isStored: true });
    else this.#hasMore = true;
  }
}
