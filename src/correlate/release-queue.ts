/** A binary min-heap of keys by time: which waiting parts a moving watermark or clock lets go. */
export class ReleaseQueue {
  readonly #times: number[] = [];
  readonly #keys: string[] = [];

  get size(): number {
    return this.#times.length;
  }

  push(atMs: number, key: string): void {
    this.#times.push(atMs);
    this.#keys.push(key);
    let child = this.#times.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if ((this.#times[parent] ?? 0) <= atMs) break;
      this.#swap(child, parent);
      child = parent;
    }
  }

  /** Removes and returns every key with a time below `beforeMs`, earliest first. */
  *popBefore(beforeMs: number): Generator<string> {
    while (this.#times.length > 0 && (this.#times[0] ?? Number.POSITIVE_INFINITY) < beforeMs) {
      yield this.#pop();
    }
  }

  #pop(): string {
    const key = this.#keys[0] ?? '';
    const lastTime = this.#times.pop();
    const lastKey = this.#keys.pop();
    if (this.#times.length > 0 && lastTime !== undefined && lastKey !== undefined) {
      this.#times[0] = lastTime;
      this.#keys[0] = lastKey;
      this.#sink();
    }
    return key;
  }

  #sink(): void {
    let parent = 0;
    for (;;) {
      const left = parent * 2 + 1;
      if (left >= this.#times.length) return;
      const right = left + 1;
      const child = this.#at(right) < this.#at(left) ? right : left;
      if (this.#at(parent) <= this.#at(child)) return;
      this.#swap(parent, child);
      parent = child;
    }
  }

  #at(index: number): number {
    return this.#times[index] ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    [this.#times[a], this.#times[b]] = [this.#at(b), this.#at(a)];
    [this.#keys[a], this.#keys[b]] = [this.#keys[b] ?? '', this.#keys[a] ?? ''];
  }
}
