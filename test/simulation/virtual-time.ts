import type { Clock } from '../../src/core/clock.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly owner: ProcessClock;
  readonly wake: () => void;
}

/** The one time of a simulated world. Only `advance` and `leap` move it. */
export class VirtualTime {
  nowMs: number;
  elapsedMs = 0;
  #order = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  add(owner: ProcessClock, ms: number, wake: () => void): () => void {
    this.#order += 1;
    const sleeper = { dueMs: this.elapsedMs + Math.max(0, ms), order: this.#order, owner, wake };
    this.#sleepers.add(sleeper);
    return () => this.#sleepers.delete(sleeper);
  }

  /** Lets time pass, sleeper by sleeper, until `ms` have gone or `isOver` says so. */
  async advance(ms: number, isOver: () => boolean = () => false): Promise<void> {
    const endMs = this.elapsedMs + ms;
    for (let next = this.#next(endMs); next !== undefined && !isOver(); next = this.#next(endMs)) {
      this.#moveTo(Math.max(this.elapsedMs, next.dueMs));
      this.#sleepers.delete(next);
      next.wake();
      await settled();
    }
    if (!isOver()) this.#moveTo(endMs);
  }

  /** All of `ms` passes at once, as for a host that was suspended; whoever was due by then wakes late. */
  async leap(ms: number, isOver: () => boolean = () => false): Promise<void> {
    this.#moveTo(this.elapsedMs + ms);
    const due = [...this.#sleepers]
      .filter((sleeper) => sleeper.dueMs <= this.elapsedMs && !sleeper.owner.isFrozen)
      .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
    for (const sleeper of due) {
      if (isOver() || !this.#sleepers.delete(sleeper)) continue;
      sleeper.wake();
      await settled();
    }
  }

  #moveTo(elapsedMs: number): void {
    this.nowMs += elapsedMs - this.elapsedMs;
    this.elapsedMs = elapsedMs;
  }

  #next(endMs: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const one of this.#sleepers) {
      if (one.dueMs > endMs || one.owner.isFrozen) continue;
      const isEarlier =
        first === undefined ||
        one.dueMs < first.dueMs ||
        (one.dueMs === first.dueMs && one.order < first.order);
      if (isEarlier) first = one;
    }
    return first;
  }
}

/** Time as one process sees it. A dead process never wakes; a frozen one wakes once it is thawed. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #forget = new Set<() => void>();
  isDead = false;
  isFrozen = false;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Whole milliseconds, as every host's clock gives them. */
  now(): number {
    return Math.floor(this.#time.nowMs);
  }

  monotonic(): number {
    return this.#time.elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        forget();
        if (!this.isDead) reject(signal?.reason);
      };
      const cancel = this.#time.add(this, ms, () => {
        signal?.removeEventListener('abort', onAbort);
        this.#forget.delete(forget);
        if (!this.isDead) resolve();
      });
      const forget = () => {
        cancel();
        this.#forget.delete(forget);
      };
      this.#forget.add(forget);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  kill(): void {
    this.isDead = true;
    for (const forget of [...this.#forget]) forget();
  }
}

/** A promise that nobody ever settles: what a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

/** Everybody has come to rest who waits for nothing but virtual time: that takes no more than microtasks. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
