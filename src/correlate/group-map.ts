/**
 * Sets of values by key, in the order they were added. Nearly every group here has one member, and there are tens of
 * thousands: a lone member costs no Set.
 */
export class GroupMap<V> {
  readonly #lone = new Map<string, V>();
  readonly #many = new Map<string, Set<V>>();

  add(key: string, value: V): void {
    const group = this.#many.get(key);
    if (group !== undefined) {
      group.add(value);
      return;
    }
    const lone = this.#lone.get(key);
    if (lone === undefined) this.#lone.set(key, value);
    else if (lone !== value) {
      this.#lone.delete(key);
      this.#many.set(key, new Set([lone, value]));
    }
  }

  delete(key: string, value: V): void {
    if (this.#lone.get(key) === value) {
      this.#lone.delete(key);
      return;
    }
    const group = this.#many.get(key);
    if (group?.delete(value) === true && group.size === 0) this.#many.delete(key);
  }

  /** The group as it stands now: later changes do not show in it. */
  get(key: string): readonly V[] {
    const lone = this.#lone.get(key);
    if (lone !== undefined) return [lone];
    const group = this.#many.get(key);
    return group === undefined ? NOTHING : [...group];
  }
}

const NOTHING: readonly never[] = [];

export function addTo<V>(groups: Map<string, V[]>, key: string, value: V): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [value]);
  else group.push(value);
}
