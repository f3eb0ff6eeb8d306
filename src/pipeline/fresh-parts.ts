import { KeySet } from '../core/key-set.ts';
import type { KnownKeys, SeenKey } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { IsKnown, SourceRef, Window } from '../model/source-event.ts';

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
  /** Of the whole window, which can hold a million events: no texts. */
  readonly #here = new KeySet();
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
    if (seen === this.#left) return;
    const repeats = new Set<string>();
    for (const { atMs, key } of seen)
      if (atMs >= fromMs && atMs <= toMs && !this.#here.add(key)) repeats.add(key);
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

  /** `newestMs`: of the page, what was left out of it as stored included. */
  take(items: readonly LogPart[], read: number, newestMs = Number.NEGATIVE_INFINITY): void {
    this.#read += read;
    if (newestMs > this.throughMs) this.throughMs = newestMs;
    for (const part of items) {
      const { timestampMs: atMs, ingestionMs } = part.source;
      if (atMs > this.throughMs) this.throughMs = atMs;
      const key = seenKeyOf(part);
      if (!this.#here.add(key) || this.#isKnown(part, key)) continue;
      this.#parts.push(part);
      this.#seen.push({ atMs, key });
      this.#onLag?.(ingestionMs - atMs);
    }
  }

  /** A line that nobody could read counts as known until somebody can. */
  #isKnown(part: LogPart, key: string): boolean {
    const unread = this.#unread;
    if (unread === undefined || part.role === 'unparsed' || !unread.keys.has(key))
      return this.#known.has(key);
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
