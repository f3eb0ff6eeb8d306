import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { RecordReader } from '../record-reader.ts';
import { numberIn } from '../row.ts';
import { openSegmentFile, toSegmentError } from './segment-file.ts';
import { segmentPath } from './segment-place.ts';
import { readSegments, type Segment } from './segment-table.ts';

/** Segments that are open at the same time: file handles and page caches stay bounded, however many there are. */
const MOST_OPEN = 4;
/** A revision of a record may be of an event time this far from the others, milliseconds. */
export const EVENT_TIME_SLACK_MS = 3_600_000;

interface OpenSegment {
  readonly db: DatabaseSync;
  readonly reader: RecordReader;
}

/** A segment whose rows can be read. */
export interface ReadableSegment extends Segment {
  readonly path: string;
}

/** The rows that are no longer in the live file, wherever they are by now. */
export class SealedRows {
  readonly #db: DatabaseSync;
  readonly #journalPath: string;
  readonly #through: StatementSync;
  /** Least recently used first. */
  readonly #open = new Map<string, OpenSegment>();
  #known: readonly ReadableSegment[] = [];
  #knownFor = '';

  constructor(db: DatabaseSync, journalPath: string) {
    this.#db = db;
    this.#journalPath = journalPath;
    this.#through = db.prepare(
      `SELECT coalesce(max(last_seq), 0) AS seq, coalesce(max(changed_ms), 0) AS changed, count(*) AS n,
         count(*) FILTER (WHERE state <> 'sealed') AS away FROM segment`,
    );
  }

  /** The last row that is not in the live file any more, whatever is still left of it there; 0 when all are. */
  through(): number {
    return numberIn(this.#through.get() ?? {}, 'seq');
  }

  /** Another text whenever a segment came or changed its place. */
  version(): string {
    const { seq, changed, n, away } = this.#through.get() ?? {};
    return `${seq} ${changed} ${n} ${away}`;
  }

  /** Segments that have a file, oldest first. */
  segments(): readonly ReadableSegment[] {
    const state = this.version();
    if (state !== this.#knownFor) {
      this.#known = readSegments(this.#db).flatMap((segment) => {
        const path = segmentPath(this.#journalPath, segment);
        return path === undefined ? [] : [{ ...segment, path }];
      });
      this.#knownFor = state;
    }
    return this.#known;
  }

  /** No revision of a sealed record is of a newer event than this; -Infinity while nothing is sealed. */
  newestEventMs(): number {
    let newest = Number.NEGATIVE_INFINITY;
    for (const { maxEventMs } of this.segments()) newest = Math.max(newest, maxEventMs + EVENT_TIME_SLACK_MS);
    return newest;
  }

  /** Those that hold rows of `[firstSeq, lastSeq]`. */
  holding(firstSeq: number, lastSeq: number): readonly ReadableSegment[] {
    return this.segments().filter((one) => one.firstSeq <= lastSeq && one.lastSeq >= firstSeq);
  }

  /** Those that may hold a revision of a record whose event is not older than this, newest first. */
  since(eventMs: number): readonly ReadableSegment[] {
    return this.segments()
      .filter(({ maxEventMs }) => maxEventMs + EVENT_TIME_SLACK_MS >= eventMs)
      .toReversed();
  }

  /** Reads from one segment. What fails there is told as the segment's failure, never as one of the live file. */
  read<T>(segment: ReadableSegment, work: (open: OpenSegment) => T): T {
    try {
      return work(this.#opened(segment.path));
    } catch (error) {
      throw toSegmentError(error, segment.path);
    }
  }

  close(): void {
    for (const { db } of this.#open.values()) db.close();
    this.#open.clear();
  }

  #opened(path: string): OpenSegment {
    const known = this.#open.get(path);
    this.#open.delete(path);
    const db = known?.db ?? openSegmentFile(path);
    const opened = known ?? { db, reader: new RecordReader(db) };
    this.#open.set(path, opened);
    for (const [name, { db: oldest }] of this.#open) {
      if (this.#open.size <= MOST_OPEN) break;
      this.#open.delete(name);
      oldest.close();
    }
    return opened;
  }
}
