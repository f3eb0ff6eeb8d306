import type { KnownKeys, SeenKey } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { IsKnown, Page, SourceRef, Window } from '../model/source-event.ts';
import { ShownKeys } from './shown-keys.ts';

/** Keys are remembered for so long behind the newest event time: pages come in its order, give or take a little. */
const REMEMBERED_MS = 60_000;
const NOTHING: KnownKeys = new Set<string>();

/** Looks up what is stored of a span of event time, both ends included. */
export type StoredIn = (fromMs: number, toMs: number) => Promise<KnownKeys>;

/** What was read for the first time and is to be committed together. */
export interface Slice {
  readonly parts: readonly LogPart[];
  readonly seen: readonly SeenKey[];
  /** Events read, repeats included. */
  readonly read: number;
}

/** Lines of the window that are stored as read by nobody, and are tried again. */
export interface UnreadLines {
  readonly keys: ReadonlySet<string>;
  /** True when another record tells of the line already: it was read again before. */
  readonly isTold: (key: string) => boolean;
  /** Called for each of them that can be read now. */
  readonly onRead: (source: SourceRef) => void;
}

/** Unique within a log group: event ids are unique within their stream only. */
export function seenKeyOf({ source }: LogPart): string {
  return keyOf(source.logStream, source.eventId);
}

function keyOf(logStream: string, eventId: string): string {
  return `${logStream}\n${eventId}`;
}

/** Keeps first-time parts of one window, each once, also when the window shows an event on two pages. */
export class FreshParts {
  #known: KnownKeys;
  readonly #unread: UnreadLines | undefined;
  readonly #here = new ShownKeys();
  /** Lines that nobody could read, and that this window has read. */
  readonly #retried = new Set<string>();
  /** Keys are being looked up: what is let go meanwhile would be missed by both. */
  #isAsking = false;
  readonly #onLag: ((lagMs: number) => void) | undefined;
  #parts: LogPart[] = [];
  #seen: SeenKey[] = [];
  /** What left last: its own batch, when it hears of it. */
  #left: readonly SeenKey[] | undefined;
  #read = 0;
  /** First-time parts of the window so far, those already flushed included. */
  total = 0;
  /** Newest event time so far; nothing read yet: before everything. */
  throughMs = Number.NEGATIVE_INFINITY;

  constructor(known: KnownKeys, onLag?: (lagMs: number) => void, unread?: UnreadLines) {
    this.#known = known;
    this.#onLag = onLag;
    this.#unread = unread;
  }

  /**
   * What a source need not make sense of; undefined where nothing is stored. Most of what live reading and re-reads show
   * is stored already, and to parse and redact it again costs as much as it did the first time.
   */
  get isStored(): IsKnown | undefined {
    if (this.#known.size === 0) return undefined;
    return ({ logStream, eventId }) => {
      const key = keyOf(logStream, eventId);
      return this.#known.has(key) && this.#unread?.keys.has(key) !== true;
    };
  }

  /** What is stored of the window, once that has been looked up. Before the first page. */
  know(known: KnownKeys): void {
    this.#known = known;
  }

  /**
   * Hears of events of the group that are on disk from now on. Another read of the same span may have been first: what
   * it stored of this window is new no more, whether it lies here or is yet to come.
   */
  stored(seen: readonly SeenKey[], { fromMs, toMs }: Window): void {
    if (seen === this.#left) {
      this.#letGo();
      return;
    }
    const repeats = new Set<string>();
    for (const { atMs, key } of seen)
      if (atMs >= fromMs && atMs <= toMs && !this.#here.add(atMs, key)) repeats.add(key);
    if (repeats.size === 0) return;
    this.#parts = this.#parts.filter((part) => !repeats.has(seenKeyOf(part)));
    this.#seen = this.#seen.filter(({ key }) => !repeats.has(key));
  }

  /** How many parts would leave with `flush(throughMs)`. */
  pendingThrough(throughMs = Number.POSITIVE_INFINITY): number {
    if (throughMs >= this.throughMs) return this.#seen.length;
    let count = 0;
    for (const { atMs } of this.#seen) if (atMs <= throughMs) count += 1;
    return count;
  }

  /** Lets go of keys that are on disk and older than what pages may still show. */
  #letGo(): void {
    if (this.#isAsking) return;
    let beforeMs = this.throughMs - REMEMBERED_MS;
    for (const { atMs } of this.#seen) if (atMs < beforeMs) beforeMs = atMs;
    this.#here.letGo(beforeMs);
  }

  /**
   * Takes a page in: at once, but for one that goes back to a time whose keys are no longer remembered. What is stored of
   * that time is asked of `storedIn` first.
   */
  take(page: Page<LogPart>, storedIn: StoredIn): Promise<void> | undefined {
    const forgotten = this.#forgottenAmong(page.items);
    if (forgotten !== undefined) return this.#askAndTake(page, storedIn(forgotten.fromMs, forgotten.toMs));
    this.#takeIn(page, NOTHING);
    return undefined;
  }

  async #askAndTake(page: Page<LogPart>, asked: Promise<KnownKeys>): Promise<void> {
    this.#isAsking = true;
    try {
      this.#takeIn(page, await asked);
    } finally {
      this.#isAsking = false;
    }
  }

  #forgottenAmong(items: readonly LogPart[]): Window | undefined {
    let fromMs = Number.POSITIVE_INFINITY;
    let toMs = Number.NEGATIVE_INFINITY;
    for (const { source } of items) {
      if (!this.#here.isForgotten(source.timestampMs)) continue;
      fromMs = Math.min(fromMs, source.timestampMs);
      toMs = Math.max(toMs, source.timestampMs);
    }
    return fromMs <= toMs ? { fromMs, toMs } : undefined;
  }

  /** `newestMs`: of the page, what was left out of it as stored included. */
  #takeIn({ items, read, newestMs }: Page<LogPart>, recalled: KnownKeys): void {
    this.#read += read;
    if (newestMs !== undefined && newestMs > this.throughMs) this.throughMs = newestMs;
    for (const part of items) {
      const { timestampMs: atMs, ingestionMs } = part.source;
      if (atMs > this.throughMs) this.throughMs = atMs;
      const key = seenKeyOf(part);
      if (!this.#here.add(atMs, key) || this.#isKnown(part, key, recalled)) continue;
      this.#parts.push(part);
      this.#seen.push({ atMs, key });
      this.#onLag?.(ingestionMs - atMs);
    }
  }

  /** A line that nobody could read counts as known until somebody can. */
  #isKnown(part: LogPart, key: string, recalled: KnownKeys): boolean {
    const unread = this.#unread;
    if (unread === undefined || part.role === 'unparsed' || !unread.keys.has(key))
      return this.#known.has(key) || recalled.has(key);
    if (this.#retried.has(key)) return true;
    this.#retried.add(key);
    unread.onRead(part.source);
    return unread.isTold(key);
  }

  /** Takes out what is no younger than `throughMs`; the rest stays for the next time. */
  flush(throughMs = Number.POSITIVE_INFINITY): Slice {
    const slice = { parts: this.#parts, seen: this.#seen, read: this.#read };
    this.#parts = [];
    this.#seen = [];
    this.#read = 0;
    const whole = throughMs >= this.throughMs ? slice : this.#keepYounger(slice, throughMs);
    this.total += whole.parts.length;
    this.#left = whole.seen;
    return whole;
  }

  #keepYounger(slice: Slice, throughMs: number): Slice {
    const parts: LogPart[] = [];
    const seen: SeenKey[] = [];
    for (let index = 0; index < slice.parts.length; index += 1) {
      const part = slice.parts[index];
      const key = slice.seen[index];
      if (part === undefined || key === undefined) continue;
      const isOlder = key.atMs <= throughMs;
      (isOlder ? parts : this.#parts).push(part);
      (isOlder ? seen : this.#seen).push(key);
    }
    // Repeats count where they stand; what is kept is counted with the slice it leaves in.
    this.#read = Math.min(slice.read, this.#parts.length);
    return { parts, seen, read: slice.read - this.#read };
  }
}
