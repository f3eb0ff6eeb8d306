import type { JournalEntry, StreamName } from '../model/journal.ts';

export interface RecentEntriesLimits {
  readonly maxEntries: number;
  /** Sum of body lengths, in UTF-16 units. */
  readonly maxBodyLength: number;
}

/**
 * The newest rows in memory, gap-free in `seq`: lanes near the head read neither the file nor parse again.
 * Bounded by count and size; what falls out is still in the file.
 */
export class RecentEntries {
  readonly #limits: RecentEntriesLimits;
  #entries: JournalEntry[] = [];
  /** Entries before this index have fallen out; they are cut off in bulk. */
  #head = 0;
  #bodyLength = 0;

  constructor(limits: RecentEntriesLimits) {
    this.#limits = limits;
  }

  append(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bodyLength += entry.body.length;
    }
    this.#shrink();
  }

  /** Rows of a stream after `afterSeq`, or `undefined` when older rows than those in memory are needed. */
  read(stream: StreamName, afterSeq: number, limit: number): JournalEntry[] | undefined {
    const first = this.#entries[this.#head]?.seq;
    if (first === undefined || afterSeq + 1 < first) return undefined;
    const found: JournalEntry[] = [];
    for (let index = this.#head + afterSeq + 1 - first; index < this.#entries.length; index++) {
      if (found.length >= limit) break;
      const entry = this.#entries[index];
      if (entry?.stream === stream) found.push(entry);
    }
    return found;
  }

  at(seq: number): JournalEntry | undefined {
    const first = this.#entries[this.#head]?.seq;
    return first === undefined || seq < first ? undefined : this.#entries[this.#head + seq - first];
  }

  #shrink(): void {
    const { maxEntries, maxBodyLength } = this.#limits;
    while (this.#entries.length - this.#head > maxEntries || this.#bodyLength > maxBodyLength) {
      this.#bodyLength -= this.#entries[this.#head]?.body.length ?? 0;
      this.#head += 1;
    }
    if (this.#head <= this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
