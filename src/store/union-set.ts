import type { KnownKeys } from '../model/journal.ts';

/** Several sets of keys read as one, without copying them. */
export class UnionSet implements KnownKeys {
  readonly #sets: readonly KnownKeys[];

  constructor(sets: readonly KnownKeys[]) {
    this.#sets = sets;
  }

  get size(): number {
    return this.#sets.reduce((sum, { size }) => sum + size, 0);
  }

  has(key: string): boolean {
    for (const set of this.#sets) if (set.has(key)) return true;
    return false;
  }
}
