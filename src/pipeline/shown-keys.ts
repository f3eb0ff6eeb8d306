import { KeySet } from '../core/key-set.ts';

/** Event time of one set, milliseconds: keys are let go in pieces of that size. */
const SPAN_MS = 10_000;

/**
 * Which events one window has shown so far. A window can hold millions: those of a time that was read through and is on
 * disk are let go, and the journal is asked for them should the window come back to that time.
 */
export class ShownKeys {
  readonly #sets = new Map<number, KeySet>();
  #letGoMs = Number.NEGATIVE_INFINITY;

  /** False when the event is remembered as shown. */
  add(atMs: number, key: string): boolean {
    const span = Math.floor(atMs / SPAN_MS);
    let keys = this.#sets.get(span);
    if (keys === undefined) {
      keys = new KeySet();
      this.#sets.set(span, keys);
    }
    return keys.add(key);
  }

  /** True for a time of which keys were let go: that one is not remembered does not mean that it was not shown. */
  isForgotten(atMs: number): boolean {
    return atMs < this.#letGoMs;
  }

  /** Lets go of what is older than that, in whole spans. Every event of that time that was shown is on disk. */
  letGo(beforeMs: number): void {
    const first = Math.floor(beforeMs / SPAN_MS);
    for (const span of this.#sets.keys()) if (span < first) this.#sets.delete(span);
    this.#letGoMs = Math.max(this.#letGoMs, first * SPAN_MS);
  }
}
