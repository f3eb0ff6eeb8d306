import type { Clock } from '../../src/core/clock.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Time that only the test moves. Who sleeps is woken, in order, once `advance` has passed the end of the sleep. */
export class FakeClock implements Clock {
  #nowMs: number;
  #elapsedMs = 0;
  #sleepers: Sleeper[] = [];
  /** Every sleep that was ever asked for, in milliseconds. */
  readonly slept: number[] = [];

  constructor(nowMs = Date.UTC(2026, 10, 22, 10, 0, 0)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper: Sleeper = { dueMs: this.#elapsedMs + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Moves time on without anybody noticing: for code that is not asleep. */
  skip(ms: number): void {
    this.#nowMs += ms;
    this.#elapsedMs += ms;
  }

  /** Moves time on, sleeper by sleeper; each gets to do its work before the next is woken. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.skip(Math.max(0, next.dueMs - this.#elapsedMs));
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await quiet();
    }
    this.skip(endMs - this.#elapsedMs);
    await quiet();
  }

  #next(endMs: number): Sleeper | undefined {
    const due = this.#sleepers.filter(({ dueMs }) => dueMs <= endMs);
    return due.reduce<Sleeper | undefined>(
      (first, one) => (first === undefined || one.dueMs < first.dueMs ? one : first),
      undefined,
    );
  }
}

/** Turns of the event loop after which code that waits for nothing outside has come to rest. */
const TURNS = 8;

export async function quiet(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits, without sleeping, until something holds. Fails naming what did not come to hold. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
