import type { ConnectionDecision } from './state-rows.ts';

/** What WebSocket connections live on, by connection. The newest are in memory; the journal has all of them. */
export class ConnectionBook {
  readonly #decisions = new Map<string, ConnectionDecision>();
  /** True once the journal may have some that memory has not. */
  #forgetful = false;

  get size(): number {
    return this.#decisions.size;
  }

  get isForgetful(): boolean {
    return this.#forgetful;
  }

  get(ref: string): ConnectionDecision | undefined {
    return this.#decisions.get(ref);
  }

  /** It is the newest then. */
  set(ref: string, decision: ConnectionDecision): void {
    this.#decisions.delete(ref);
    this.#decisions.set(ref, decision);
  }

  delete(ref: string): boolean {
    return this.#decisions.delete(ref);
  }

  /** Those worth asking the journal for. */
  missing(refs: Iterable<string>): string[] {
    if (!this.#forgetful) return [];
    const unknown = new Set<string>();
    for (const ref of refs) if (!this.#decisions.has(ref)) unknown.add(ref);
    return [...unknown];
  }

  /** Forgets the oldest above `limit`. Call only when everything is committed. */
  trim(limit: number): void {
    if (this.#decisions.size <= limit) return;
    this.#forgetful = true;
    for (const ref of this.#decisions.keys()) {
      if (this.#decisions.size <= limit) return;
      this.#decisions.delete(ref);
    }
  }

  markForgetful(): void {
    this.#forgetful = true;
  }
}
