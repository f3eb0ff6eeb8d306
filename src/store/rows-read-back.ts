import type { JournalEntry } from '../model/journal.ts';
import { weightOf } from './recent-entries.ts';
import type { WantedRows } from './wanted-rows.ts';

/** All rows of one stream and origin with `afterSeq < seq <= lastSeq`. */
interface Stretch {
  readonly wanted: WantedRows;
  readonly lastSeq: number;
  readonly rows: readonly JournalEntry[];
  readonly bytes: number;
}

/**
 * Rows read back from disk not long ago. Lanes that are behind at about the same place (all sinks were down, or reading
 * is faster than any) read and parse them once between them. Bounded by the memory they take, the oldest go first.
 */
export class RowsReadBack {
  readonly #maxBytes: number;
  #stretches: Stretch[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** As far as they are in memory, which may be fewer than wanted; `undefined` when none is. */
  read(wanted: WantedRows): readonly JournalEntry[] | undefined {
    const { stream, origin, afterSeq, limit, maxBytes = Infinity } = wanted;
    const stretch = this.#stretches.find(
      (one) =>
        one.wanted.stream === stream &&
        one.wanted.origin === origin &&
        one.wanted.afterSeq <= afterSeq &&
        afterSeq < one.lastSeq,
    );
    if (stretch === undefined) return undefined;
    const found: JournalEntry[] = [];
    let bytes = 0;
    for (const row of stretch.rows) {
      if (row.seq <= afterSeq) continue;
      found.push(row);
      bytes += row.body.length;
      if (found.length >= limit || bytes >= maxBytes) break;
    }
    return found;
  }

  /** Lets go of rows that nobody is going to deliver any more. */
  forget(
    isDelivered: (stream: WantedRows['stream'], origin: WantedRows['origin'], seq: number) => boolean,
  ): void {
    const kept = this.#stretches.filter(
      ({ wanted, lastSeq }) => !isDelivered(wanted.stream, wanted.origin, lastSeq),
    );
    if (kept.length === this.#stretches.length) return;
    this.#stretches = kept;
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  keep(wanted: WantedRows, rows: readonly JournalEntry[]): readonly JournalEntry[] {
    const lastSeq = rows.at(-1)?.seq;
    if (lastSeq === undefined) return rows;
    const bytes = rows.reduce((sum, row) => sum + weightOf(row), 0);
    this.#stretches.push({ wanted, lastSeq, rows, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#bytes -= this.#stretches.shift()?.bytes ?? 0;
    return rows;
  }
}
