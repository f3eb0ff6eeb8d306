import type { JournalEntry, RowOrigin } from '../model/journal.ts';
import type { WantedRows } from './wanted-rows.ts';

/** What an entry takes in memory for each character of its body: the text, and about twice as much parsed. */
const BYTES_PER_UNIT = 3;
/** And whatever its length: objects, arrays, keys. */
const BYTES_PER_ENTRY = 1_000;

/** Memory that an entry takes, parsed record included, about. */
export function weightOf({ body }: JournalEntry): number {
  return body.length * BYTES_PER_UNIT + BYTES_PER_ENTRY;
}

/**
 * The newest rows in memory, gap-free in `seq`: lanes near the head read neither the file nor parse again.
 * Bounded by the memory they take; what falls out is still in the file.
 */
export class RecentEntries {
  readonly #maxBytes: number;
  #entries: JournalEntry[] = [];
  /** Entries before this index have fallen out; they are cut off in bulk. */
  #head = 0;
  #bytes = 0;
  /** Which of them, by `seq`, an order to read the past brought in. */
  readonly #backfilled = new Set<number>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(entries: readonly JournalEntry[], backfilled?: ReadonlySet<string>): void {
    for (const entry of entries) {
      this.#entries.push(entry);
      if (backfilled?.has(entry.recordId)) this.#backfilled.add(entry.seq);
      this.#bytes += weightOf(entry);
    }
    this.#shrink();
  }

  /**
   * Lets go of the oldest rows as far as nobody is going to deliver them any more. The newest stays: it tells lanes that
   * have everything that there is no more, without a look into the file.
   */
  forget(isDelivered: (entry: JournalEntry, origin: RowOrigin) => boolean): void {
    while (this.#head < this.#entries.length - 1) {
      const oldest = this.#entries[this.#head];
      if (oldest === undefined) break;
      if (!isDelivered(oldest, this.#backfilled.has(oldest.seq) ? 'backfill' : 'live')) break;
      this.#dropOldest(oldest);
    }
    this.#cutOff();
  }

  /** `undefined` when older rows than those in memory are needed. */
  read({ stream, origin, afterSeq, limit, maxBytes = Infinity }: WantedRows): JournalEntry[] | undefined {
    const first = this.#entries[this.#head]?.seq;
    if (first === undefined || afterSeq + 1 < first) return undefined;
    const found: JournalEntry[] = [];
    let bytes = 0;
    for (let index = this.#head + afterSeq + 1 - first; index < this.#entries.length; index++) {
      if (found.length >= limit) break;
      const entry = this.#entries[index];
      if (entry === undefined || entry.stream !== stream || !this.#isOf(entry, origin)) continue;
      found.push(entry);
      bytes += entry.body.length;
      if (bytes >= maxBytes) break;
    }
    return found;
  }

  at(seq: number): JournalEntry | undefined {
    const first = this.#entries[this.#head]?.seq;
    return first === undefined || seq < first ? undefined : this.#entries[this.#head + seq - first];
  }

  #isOf({ seq }: JournalEntry, origin: RowOrigin | undefined): boolean {
    return origin === undefined || this.#backfilled.has(seq) === (origin === 'backfill');
  }

  #shrink(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#entries[this.#head];
      if (oldest === undefined) break;
      this.#dropOldest(oldest);
    }
    this.#cutOff();
  }

  #dropOldest(oldest: JournalEntry): void {
    this.#bytes -= weightOf(oldest);
    this.#backfilled.delete(oldest.seq);
    this.#head += 1;
  }

  #cutOff(): void {
    // Not every time: the list is copied for it.
    if (this.#head < this.#entries.length / 8) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
