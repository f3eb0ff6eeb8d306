/** Several sets read as one, without copying them. A value in more than one of them counts once. */
export class UnionSet<T> implements ReadonlySet<T> {
  readonly #sets: readonly ReadonlySet<T>[];

  constructor(sets: readonly ReadonlySet<T>[]) {
    this.#sets = sets;
  }

  get size(): number {
    let size = 0;
    for (const _ of this.values()) size += 1;
    return size;
  }

  has(value: T): boolean {
    for (const set of this.#sets) if (set.has(value)) return true;
    return false;
  }

  forEach(callback: (value: T, same: T, set: ReadonlySet<T>) => void, thisArg?: unknown): void {
    for (const value of this.values()) callback.call(thisArg, value, value, this);
  }

  *values(): SetIterator<T> {
    for (const [index, set] of this.#sets.entries()) {
      for (const value of set) {
        if (!this.#sets.slice(0, index).some((earlier) => earlier.has(value))) yield value;
      }
    }
  }

  keys(): SetIterator<T> {
    return this.values();
  }

  *entries(): SetIterator<[T, T]> {
    for (const value of this.values()) yield [value, value];
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }
}
