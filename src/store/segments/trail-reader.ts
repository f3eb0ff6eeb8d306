import type { DatabaseSync } from 'node:sqlite';
import type {
  JournalEntry,
  Outcomes,
  RecordQuery,
  RowOrigin,
  RowSpan,
  StreamName,
} from '../../model/journal.ts';
import type { Position } from '../merge-newest-first.ts';
import { candidatesOf, matches } from '../record-query.ts';
import { RecordReader } from '../record-reader.ts';
import type { SealedRecords } from '../record-writer.ts';
import { type LazySequence, mergeSegments } from './merge-segments.ts';
import { type ReadableSegment, SealedRows } from './sealed-rows.ts';
import { openSegmentFile, toSegmentError } from './segment-file.ts';
import { trailOutcomes } from './trail-outcomes.ts';

type FoundRow = NonNullable<ReturnType<RecordReader['at']>>;
type NewestRow = NonNullable<ReturnType<RecordReader['newest']>>;

/**
 * The whole trail: the live file and the segments behind it, as one. Most reads end in the live file; a segment is
 * opened when rows are asked for that only it can hold.
 */
export class TrailReader implements SealedRecords {
  readonly sealed: SealedRows;
  readonly #db: DatabaseSync;
  readonly #live: RecordReader;

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#live = new RecordReader(db);
    this.sealed = new SealedRows(db, path);
  }

  close(): void {
    this.sealed.close();
  }

  lastSeq(): number {
    return Math.max(this.#live.lastSeq(), this.sealed.through());
  }

  /** Rows of a stream in `seq` order; without an origin of any. The last one is that which reaches `maxBytes`. */
  readStream(
    stream: StreamName,
    afterSeq: number,
    limit: number,
    origin?: RowOrigin,
    maxBytes = Number.POSITIVE_INFINITY,
  ): readonly JournalEntry[] {
    return this.#steady(() => {
      let left = maxBytes;
      const read = (reader: RecordReader, after: number, room: number) => {
        const rows = left <= 0 ? [] : reader.readStream(stream, after, room, origin, left);
        for (const { body } of rows) left -= body.length;
        return rows;
      };
      return this.#inOrder(afterSeq, Number.MAX_SAFE_INTEGER, limit, read);
    });
  }

  /** Rows of a stream and a span of event time, in `seq` order. */
  readSpan(span: RowSpan, limit: number): readonly JournalEntry[] {
    const isApart = ({ minEventMs, maxEventMs }: ReadableSegment) =>
      maxEventMs < span.fromMs || minEventMs >= span.toMs;
    const read = (reader: RecordReader, afterSeq: number, room: number) =>
      reader.readSpan({ ...span, afterSeq }, room);
    return this.#steady(() => this.#inOrder(span.afterSeq, span.throughSeq, limit, read, isApart));
  }

  /** The newest row of a record id, without its body. Segments that end before `sinceMs` are not asked. */
  newest(recordId: string, sinceMs = Number.NEGATIVE_INFINITY): NewestRow | undefined {
    return this.newestOf([recordId], sinceMs).get(recordId);
  }

  /** The newest row for each id that is stored. */
  newestOf(recordIds: readonly string[], sinceMs = Number.NEGATIVE_INFINITY): ReadonlyMap<string, NewestRow> {
    return this.#steady(() => {
      const found = new Map<string, NewestRow>();
      const segments = this.sealed.since(sinceMs);
      for (const recordId of recordIds) {
        const newest = this.#live.newest(recordId) ?? this.#newestIn(segments, recordId);
        if (newest !== undefined) found.set(recordId, newest);
      }
      return found;
    });
  }

  newestEventMs(): number {
    return this.sealed.newestEventMs();
  }

  newestSealed(recordId: string, sinceMs: number): NewestRow | undefined {
    return this.#newestIn(this.sealed.since(sinceMs), recordId);
  }

  /** Of segments in the order given, newest first. */
  #newestIn(segments: readonly ReadableSegment[], recordId: string): NewestRow | undefined {
    for (const segment of segments) {
      const found = this.sealed.read(segment, ({ reader }) => reader.newest(recordId));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** One row and whether a newer revision of its record is stored. */
  at(seq: number): FoundRow | undefined {
    return this.#steady(() => {
      const live = this.#live.at(seq);
      if (live !== undefined) return live;
      const [segment] = this.sealed.holding(seq, seq);
      return segment && this.#atSealed(segment, seq);
    });
  }

  /** Newest event first. */
  query(query: RecordQuery): readonly JournalEntry[] {
    return this.#steady(() => this.#query(query));
  }

  #query(query: RecordQuery): readonly JournalEntry[] {
    const segments = this.sealed.segments().filter((segment) => mayMatch(segment, query));
    const sequences = [this.#liveSequence(query), ...segments.map((one) => segmentSequence(one, query))];
    const found: JournalEntry[] = [];
    for (const { seq, source } of mergeSegments(sequences)) {
      if (found.length >= query.limit) break;
      const segment = segments[source - 1];
      const row = segment === undefined ? this.#live.at(seq) : this.#atSealed(segment, seq);
      if (row === undefined || !matches(row.entry, query)) continue;
      if (query.revisions === 'latest' && row.isSuperseded()) continue;
      found.push(row.entry);
    }
    return found;
  }

  outcomes(fromMs: number, toMs: number): Outcomes {
    return this.#steady(() => trailOutcomes(this.#db, this.sealed, { fromMs, toMs }));
  }

  /** Reads again when rows were moved meanwhile, by a worker beside this reader: they were in the other place then. */
  #steady<T>(read: () => T): T {
    for (;;) {
      const before = this.sealed.version();
      try {
        const result = read();
        if (this.sealed.version() === before) return result;
      } catch (error) {
        if (this.sealed.version() === before) throw error;
      }
    }
  }

  #inOrder(
    afterSeq: number,
    throughSeq: number,
    limit: number,
    read: (reader: RecordReader, afterSeq: number, room: number) => readonly JournalEntry[],
    isApart: (segment: ReadableSegment) => boolean = () => false,
  ): readonly JournalEntry[] {
    const through = this.sealed.through();
    if (afterSeq >= through) return read(this.#live, afterSeq, limit);
    const entries: JournalEntry[] = [];
    for (const segment of this.sealed.holding(afterSeq + 1, Math.min(through, throughSeq))) {
      if (isApart(segment)) continue;
      const room = limit - entries.length;
      if (room <= 0) return entries;
      entries.push(...this.sealed.read(segment, ({ reader }) => read(reader, afterSeq, room)));
    }
    const room = limit - entries.length;
    return room <= 0 ? entries : [...entries, ...read(this.#live, through, room)];
  }

  #atSealed(segment: ReadableSegment, seq: number): FoundRow | undefined {
    const row = this.sealed.read(segment, ({ reader }) => reader.at(seq));
    if (row === undefined) return undefined;
    const { recordId, eventMs } = row.entry;
    const isSuperseded = () =>
      this.sealed.read(segment, () => row.isSuperseded()) ||
      (this.newest(recordId, eventMs)?.seq ?? 0) > segment.lastSeq;
    return { entry: row.entry, isSuperseded };
  }

  /** What a segment holds as well is left of a deletion under way and belongs to the segment. */
  #liveSequence(query: RecordQuery): LazySequence {
    const through = this.sealed.through();
    const db = this.#db;
    function* positions(): Generator<Position> {
      for (const position of candidatesOf(db, query)) if (position.seq > through) yield position;
    }
    const open = () => {
      const opened = positions();
      return { positions: opened, close: () => void opened.return(undefined) };
    };
    return { newestMs: Number.POSITIVE_INFINITY, open };
  }
}

function mayMatch({ minEventMs, maxEventMs }: ReadableSegment, { fromMs, toMs }: RecordQuery): boolean {
  return (fromMs === undefined || maxEventMs >= fromMs) && (toMs === undefined || minEventMs < toMs);
}

/** Over a connection of its own, so that it stays open as long as it is walked. */
function segmentSequence({ path, maxEventMs }: ReadableSegment, query: RecordQuery): LazySequence {
  const told = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw toSegmentError(error, path);
    }
  };
  const open = () => {
    const db = openSegmentFile(path);
    const walk = candidatesOf(db, query)[Symbol.iterator]();
    const close = () => {
      walk.return?.(undefined);
      db.close();
    };
    return { positions: { next: () => told(() => walk.next()) }, close };
  };
  return { newestMs: maxEventMs, open };
}
