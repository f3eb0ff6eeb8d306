import type { AccessPart } from '../model/part.ts';
import { GroupMap } from './group-map.ts';
import { requestEndMs } from './invocation.ts';
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
  /** When nothing can revise its record any more. */
  expiresMs: number;
  /** When memory forgets it, which may be before: then the journal keeps it under what it waits for. */
  closesMs: number;
  /** How many lines were known of its invocation when its record was written by that; undefined before. */
  told: number | undefined;
}

/** Names of the few units there are: hundreds of thousands of lines that wait share them. */
const UNIT_NAMES = new Map<string, string>();

function shared(unit: string): string {
  const known = UNIT_NAMES.get(unit);
  if (known !== undefined) return known;
  UNIT_NAMES.set(unit, unit);
  return unit;
}

export function waitingKey(recordId: string, eventId: string): string {
  return `${recordId}\n${eventId}`;
}

export function newWaiting(part: AccessPart, recordId: string, route: WaitingRoute, readMs: number): Waiting {
  const { account, region, logGroup, eventId } = part.source;
  return {
    key: waitingKey(recordId, eventId),
    recordId,
    unit: shared(`logs:${account}:${region}:${logGroup}`),
    authorizerUnit: part.authorizerUnit === undefined ? undefined : shared(part.authorizerUnit),
    route,
    endMs: requestEndMs(part),
    readMs,
    part,
    left: false,
    writtenEventId: undefined,
    expiresMs: 0,
    closesMs: 0,
    told: undefined,
  };
}

/** Waiting lines, findable by what they wait for. */
export class WaitingRoom {
  readonly #byKey = new Map<string, Waiting>();
  readonly #byRef: Readonly<Record<WaitingRoute['mode'], GroupMap<Waiting>>> = {
    named: new GroupMap(),
    gateway: new GroupMap(),
    connection: new GroupMap(),
  };
  /** Those whose body is here and in the journal, the longest here first. */
  readonly #spillable = new Set<Waiting>();
  #bodies = 0;

  get size(): number {
    return this.#byKey.size;
  }

  all(): Iterable<Waiting> {
    return this.#byKey.values();
  }

  add(entry: Waiting): void {
    this.#byKey.set(entry.key, entry);
    if (entry.part !== undefined) this.#bodies += 1;
    this.#byRef[entry.route.mode].add(entry.route.ref, entry);
  }

  get(key: string): Waiting | undefined {
    return this.#byKey.get(key);
  }

  remove(entry: Waiting): void {
    if (!this.#byKey.delete(entry.key)) return;
    if (entry.part !== undefined) this.#bodies -= 1;
    this.#spillable.delete(entry);
    this.#byRef[entry.route.mode].delete(entry.route.ref, entry);
  }

  /** Everything that waits for one invocation, gateway request id or connection. */
  waitingFor(mode: WaitingRoute['mode'], ref: string): readonly Waiting[] {
    return this.#byRef[mode].get(ref);
  }

  /** The journal has the body, or will have it before the next `trim`. */
  markStored(entry: Waiting): void {
    if (entry.part !== undefined) this.#spillable.add(entry);
  }

  /** The body, read back from the journal. */
  restore(entry: Waiting, part: AccessPart): void {
    if (entry.part === undefined) this.#bodies += 1;
    entry.part = part;
    this.#spillable.add(entry);
  }

  /** Lets go of the oldest bodies above `limit` that the journal has. Call only when everything is committed. */
  trim(limit: number): void {
    for (const entry of this.#spillable) {
      if (this.#bodies <= limit) return;
      this.#spillable.delete(entry);
      entry.part = undefined;
      this.#bodies -= 1;
    }
  }
}
