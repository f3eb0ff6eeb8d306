import type { AccessPart } from '../model/part.ts';
import type { PartRoute } from './route-part.ts';

export type WaitingRoute = Exclude<PartRoute, { mode: 'done' }>;

/**
 * An access line whose decision is not settled. `left`: its record has gone out as it was, and is written again if the
 * partner still comes. The body may live in the journal alone (`part` absent): memory is a bounded cache.
 */
export interface Waiting {
  readonly key: string;
  readonly recordId: string;
  readonly unit: string;
  readonly authorizerUnit: string | undefined;
  readonly route: WaitingRoute;
  readonly endMs: number;
  readonly readMs: number;
  part: AccessPart | undefined;
  left: boolean;
  /** Event id last written for this line: nothing is written twice. */
  writtenEventId: string | undefined;
  expiresMs: number;
}

/** Waiting lines, findable by what they wait for. */
export class WaitingRoom {
  readonly #byKey = new Map<string, Waiting>();
  readonly #byRef = new Map<string, Set<Waiting>>();
  #bodies = 0;

  get size(): number {
    return this.#byKey.size;
  }

  get bodiesInMemory(): number {
    return this.#bodies;
  }

  add(entry: Waiting): void {
    this.#byKey.set(entry.key, entry);
    if (entry.part !== undefined) this.#bodies += 1;
    const ref = refKey(entry.route.mode, entry.route.ref);
    const group = this.#byRef.get(ref);
    if (group === undefined) this.#byRef.set(ref, new Set([entry]));
    else group.add(entry);
  }

  get(key: string): Waiting | undefined {
    return this.#byKey.get(key);
  }

  remove(entry: Waiting): void {
    if (!this.#byKey.delete(entry.key)) return;
    if (entry.part !== undefined) this.#bodies -= 1;
    const ref = refKey(entry.route.mode, entry.route.ref);
    const group = this.#byRef.get(ref);
    group?.delete(entry);
    if (group?.size === 0) this.#byRef.delete(ref);
  }

  /** Everything that waits for one invocation, gateway request id or connection. */
  waitingFor(mode: WaitingRoute['mode'], ref: string): readonly Waiting[] {
    const group = this.#byRef.get(refKey(mode, ref));
    return group === undefined ? [] : [...group];
  }

  /** Lets go of the body; the journal has it. */
  spill(entry: Waiting): void {
    if (entry.part === undefined) return;
    entry.part = undefined;
    this.#bodies -= 1;
  }

  restore(entry: Waiting, part: AccessPart): void {
    if (entry.part === undefined) this.#bodies += 1;
    entry.part = part;
  }

  clear(): void {
    this.#byKey.clear();
    this.#byRef.clear();
    this.#bodies = 0;
  }
}

function refKey(mode: string, ref: string): string {
  return `${mode}\n${ref}`;
}
