/** A binary min-heap of items by time: what a moving watermark or clock lets go. */
export class ReleaseQueue<T> {
  readonly #times: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#times.length;
  }

  /** Takes out whatever is not wanted, wherever it stands. */
  keepOnly(isWanted: (item: T) => boolean): void {
    const times = this.#times.splice(0);
    for (const [index, item] of this.#items.splice(0).entries()) {
      const atMs = times[index];
      if (atMs !== undefined && isWanted(item)) this.push(atMs, item);
    }
  }

  push(atMs: number, item: T): void {
    this.#times.push(atMs);
    this.#items.push(item);
    let child = this.#times.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#timeAt(parent) <= atMs) break;
      this.#move(parent, child);
      child = parent;
    }
    this.#times[child] = atMs;
    this.#items[child] = item;
  }

  /** Removes and returns every item with a time below `beforeMs`, earliest first. */
  *popBefore(beforeMs: number): Generator<T> {
    while (this.#timeAt(0) < beforeMs) {
      const item = this.#items[0];
      this.#removeFirst();
      if (item !== undefined) yield item;
    }
  }

  #removeFirst(): void {
    const time = this.#times.pop();
    const item = this.#items.pop();
    if (time === undefined || item === undefined || this.#times.length === 0) return;
    const place = this.#sinkHole(time);
    this.#times[place] = time;
    this.#items[place] = item;
  }

  /** Moves earlier children up from the root and returns the place where `time` belongs. */
  #sinkHole(time: number): number {
    let hole = 0;
    let child = this.#earlierChild(hole);
    while (this.#timeAt(child) < time) {
      this.#move(child, hole);
      hole = child;
      child = this.#earlierChild(hole);
    }
    return hole;
  }

  #earlierChild(parent: number): number {
    const left = parent * 2 + 1;
    return this.#timeAt(left + 1) < this.#timeAt(left) ? left + 1 : left;
  }

  /** Beyond the end lies the end of time. */
  #timeAt(index: number): number {
    return this.#times[index] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    const item = this.#items[from];
    if (item === undefined) return;
    this.#times[to] = this.#timeAt(from);
    this.#items[to] = item;
  }
}
