import { GroupMap } from './group-map.ts';
import { gatewayRefOf, type Invocation, isClaimedByName } from './invocation.ts';

/** True once some record has the invocation's lines. */
export function isWritten(invocation: Invocation): boolean {
  return invocation.claim !== undefined || invocation.ownRecordId !== undefined;
}

/**
 * True when only its own lines can still change anything. An invocation known by a gateway request id stays open for a
 * while: another line under the same id would contradict the pair.
 */
export function isSettled(invocation: Invocation, nowMs: number, openForMs: number): boolean {
  if (!isWritten(invocation)) return false;
  if (isClaimedByName(invocation) || invocation.gatewayRequestId === undefined) return true;
  return invocation.readMs + openForMs < nowMs;
}

/**
 * Invocations by key, and those nobody has claimed by name also by the gateway request id they logged. The newest stay in
 * memory; older ones that are settled are forgotten here and found again in the journal.
 */
export class InvocationBook {
  readonly #byKey = new Map<string, Invocation>();
  readonly #byGatewayId = new GroupMap<string>();
  /** True once memory no longer holds every invocation that the journal may hold. */
  #forgetful = false;

  get size(): number {
    return this.#byKey.size;
  }

  /** Those in memory. */
  all(): Iterable<Invocation> {
    return this.#byKey.values();
  }

  /** Keys worth asking the journal for: not in memory, and memory is not all there is. */
  missing(keys: Iterable<string>): string[] {
    if (!this.#forgetful) return [];
    const unknown = new Set<string>();
    for (const key of keys) if (!this.#byKey.has(key)) unknown.add(key);
    return [...unknown];
  }

  get(key: string): Invocation | undefined {
    return this.#byKey.get(key);
  }

  add(invocation: Invocation): void {
    this.#byKey.set(invocation.key, invocation);
    this.index(invocation);
  }

  /** Keeps the gateway-id index true after a line that names one, or a claim, was added. */
  index(invocation: Invocation): void {
    const ref = gatewayRefOf(invocation);
    if (ref === undefined) return;
    if (isClaimedByName(invocation)) this.#byGatewayId.delete(ref, invocation.key);
    else this.#byGatewayId.add(ref, invocation.key);
  }

  byGatewayRef(ref: string): Invocation[] {
    const found: Invocation[] = [];
    for (const key of this.#byGatewayId.get(ref)) {
      const invocation = this.#byKey.get(key);
      if (invocation !== undefined) found.push(invocation);
    }
    return found;
  }

  /** Forgets the oldest settled invocations above `limit`. Call only when everything is committed. */
  trim(limit: number, nowMs: number, openForMs: number): void {
    if (this.#byKey.size <= limit) return;
    for (const [key, invocation] of this.#byKey) {
      if (this.#byKey.size <= limit) return;
      if (!isSettled(invocation, nowMs, openForMs)) continue;
      this.remove(key);
      this.#forgetful = true;
    }
  }

  /** Says that the journal may hold invocations that memory does not. */
  markForgetful(): void {
    this.#forgetful = true;
  }

  remove(key: string): void {
    const invocation = this.#byKey.get(key);
    if (invocation === undefined) return;
    this.#byKey.delete(key);
    this.#unindex(invocation);
  }

  #unindex(invocation: Invocation): void {
    const ref = gatewayRefOf(invocation);
    if (ref !== undefined) this.#byGatewayId.delete(ref, invocation.key);
  }
}
