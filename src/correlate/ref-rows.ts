import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { Logger } from '../core/logger.ts';
import type { StateChange } from '../model/journal.ts';
import type { CorrelationStore } from './correlation.ts';
import { hasRecordId, readable } from './state-rows.ts';

/** Anybody can send requests under one gateway request id: beyond this many nothing proves anything any more. */
const MOST_PER_REF = 64;

/**
 * What the journal keeps under gateway request ids and memory does not, as far as one batch has asked for it, and what the
 * batch makes of it.
 */
export class RefRows<T> {
  readonly #kind: string;
  readonly #logger: Logger;
  readonly #lists = new Map<string, readonly T[]>();
  readonly #expiries = new Map<string, number>();
  /** Those under which something was left out. */
  readonly #full = new Set<string>();

  constructor(kind: string, logger: Logger) {
    this.#kind = kind;
    this.#logger = logger;
  }

  /**
   * Reads those of `refs` that were not asked for before. Call it before `get`. Of a row that cannot be read it is logged,
   * and not known what it held.
   */
  async load(store: CorrelationStore, refs: Iterable<string>): Promise<void> {
    const missing = [...new Set(refs)].filter((ref) => !this.#lists.has(ref));
    if (missing.length === 0) return;
    const rows = await store.state(this.#kind, missing);
    for (const ref of missing) {
      const { items, full } = this.#read(ref, rows.get(ref));
      this.#lists.set(ref, items);
      if (full === true) this.#full.add(ref);
    }
  }

  get(ref: string): readonly T[] {
    return this.#lists.get(ref) ?? [];
  }

  /** True when more was to be kept under the id than it may have: not all that could contradict a pair is known. */
  isFull(ref: string): boolean {
    return this.#full.has(ref);
  }

  /** Adds to the row, which is kept until `expiresMs` at least. */
  add(ref: string, item: T, expiresMs: number): void {
    const list = this.get(ref);
    if (list.length >= MOST_PER_REF) this.#full.add(ref);
    else this.#lists.set(ref, [...list, item]);
    this.#expiries.set(ref, Math.max(expiresMs, this.#expiries.get(ref) ?? 0));
  }

  /** Takes everything out of the row. That it was full is kept until `expiresMs`. */
  clear(ref: string, expiresMs: number): void {
    this.#lists.set(ref, []);
    this.#expiries.set(ref, expiresMs);
  }

  changes(): StateChange[] {
    return [...this.#expiries].map(([key, expiresMs]) => {
      const items = this.get(key);
      const row: Row<T> = { items, ...(this.#full.has(key) && { full: true }) };
      const body = items.length === 0 && row.full !== true ? null : JSON.stringify(row);
      return { kind: this.#kind, key, body, expiresMs };
    });
  }

  #read(key: string, body: string | undefined): Row<T> {
    const what = `what was kept under a key of the join (${this.#kind})`;
    return readable(() => readRow<T>(body), { key, what, logger: this.#logger }) ?? { items: [], full: true };
  }
}

interface Row<T> {
  readonly items: readonly T[];
  /** Absent: false. */
  readonly full?: boolean;
}

/** The key of an invocation, a line that was parked, or a torn one. */
function isItem(value: unknown): boolean {
  if (typeof value === 'string' || hasRecordId(value)) return true;
  return isObject(value) && typeof value.first === 'string' && hasRecordId(value.claim);
}

/** Our own rows, read back. */
function readRow<T>(body: string | undefined): Row<T> {
  if (body === undefined) return { items: [] };
  const value: unknown = JSON.parse(body);
  if (isObject(value) && Array.isArray(value.items) && value.items.every(isItem))
    return { items: value.items, full: value.full === true };
  throw new GatewatchError(
    'state_unreadable',
    `Expected a correlation state row with "items", got ${body.slice(0, 80)}`,
  );
}
