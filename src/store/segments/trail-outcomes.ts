import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../../core/errors.ts';
import type { OutcomeCount, Outcomes, UncountedRows } from '../../model/journal.ts';
import { type EventSpan, FileOutcomes, OutcomeTally, type RevisedRecord } from '../outcome-counts.ts';
import { EVENT_TIME_SLACK_MS, type ReadableSegment, type SealedRows } from './sealed-rows.ts';
import { readSegments, type Segment } from './segment-table.ts';

/**
 * How the requests of a span were joined, over the live file and each segment that holds some of them. Reads the rows of
 * the span, an hour at a time; what a segment holds goes with it when it cannot be read, and is named.
 */
export function trailOutcomes(db: DatabaseSync, sealed: SealedRows, span: EventSpan): Outcomes {
  const gone = readSegments(db).filter((segment) => isGone(segment) && touches(segment, span));
  const trail = new TrailOutcomes(db, sealed, span);
  const counts = trail.count();
  const uncounted = [...gone.map((segment) => toUncounted(segment, GONE)), ...trail.unread];
  return { counts, uncounted: uncounted.sort((a, b) => a.firstSeq - b.firstSeq) };
}

const GONE = 'no longer in the journal; its gap record says why';

/**
 * A file counts the newest revision it has of a record. Where a later file has a newer one, that is taken back: revised
 * records are few, so they are looked for from there.
 */
class TrailOutcomes {
  readonly unread: UncountedRows[] = [];
  readonly #sealed: SealedRows;
  readonly #span: EventSpan;
  readonly #near: EventSpan;
  readonly #live: FileOutcomes;
  /** Of each segment that could be read so far, oldest first. */
  readonly #segments = new Map<ReadableSegment, OutcomeTally>();

  constructor(db: DatabaseSync, sealed: SealedRows, span: EventSpan) {
    this.#sealed = sealed;
    this.#span = span;
    // A revision may tell another time than the row that it revises.
    this.#near = { fromMs: span.fromMs - EVENT_TIME_SLACK_MS, toMs: span.toMs + EVENT_TIME_SLACK_MS };
    this.#live = new FileOutcomes(db, sealed.through());
  }

  count(): readonly OutcomeCount[] {
    const near = this.#sealed.segments().filter((segment) => touches(segment, this.#near));
    for (const segment of near) {
      const tally = new OutcomeTally();
      this.#segments.set(segment, tally);
      this.#read(segment, (file) => file.count(this.#span, tally));
    }
    for (const segment of this.#segments.keys()) this.#takeBackBefore(segment);
    const total = new OutcomeTally();
    this.#live.count(this.#span, total);
    const sealed = [...this.#segments.keys()].reverse();
    if (sealed.length > 0) for (const slice of this.#live.revised(this.#near)) this.#takeBack(slice, sealed);
    for (const tally of this.#segments.values()) total.addAll(tally);
    return total.counts();
  }

  /** What a segment revises is read whole before others are opened: they might have to close it. */
  #takeBackBefore(segment: ReadableSegment): void {
    const older = [...this.#segments.keys()].filter(({ lastSeq }) => lastSeq < segment.firstSeq).reverse();
    if (older.length === 0) return;
    const revised: RevisedRecord[] = [];
    this.#read(segment, (file) => {
      for (const slice of file.revised(this.#near)) revised.push(...slice);
    });
    this.#takeBack(revised, older);
  }

  /** Newest segment first: an older row than the one found there was taken back for its sake. */
  #takeBack(revised: readonly RevisedRecord[], newestFirst: readonly ReadableSegment[]): void {
    let left = revised;
    for (const segment of newestFirst) {
      const tally = this.#segments.get(segment);
      const here = left.filter(({ eventMs }) => isNear(segment, eventMs));
      if (tally === undefined || here.length === 0) continue;
      const found = new Set<string>();
      this.#read(segment, (file) => {
        for (const { recordId } of here) if (file.takeBack(recordId, this.#span, tally)) found.add(recordId);
      });
      left = left.filter(({ recordId }) => !found.has(recordId));
    }
  }

  /** A segment that fails is left out of the result, and named. */
  #read(segment: ReadableSegment, work: (file: FileOutcomes) => void): void {
    try {
      this.#sealed.read(segment, ({ db }) => work(new FileOutcomes(db)));
    } catch (error) {
      if (!(error instanceof GatewatchError) || !error.code.startsWith('segment_')) throw error;
      this.#segments.delete(segment);
      if (touches(segment, this.#span)) this.unread.push(toUncounted(segment, error.message));
    }
  }
}

function isGone({ state }: Segment): boolean {
  return state === 'dropped' || state === 'lost';
}

function touches({ minEventMs, maxEventMs }: Segment, { fromMs, toMs }: EventSpan): boolean {
  return minEventMs < toMs && maxEventMs >= fromMs;
}

function isNear({ minEventMs, maxEventMs }: Segment, eventMs: number): boolean {
  return eventMs >= minEventMs - EVENT_TIME_SLACK_MS && eventMs <= maxEventMs + EVENT_TIME_SLACK_MS;
}

function toUncounted({ firstSeq, lastSeq, minEventMs, maxEventMs }: Segment, reason: string): UncountedRows {
  return { firstSeq, lastSeq, fromMs: minEventMs, toMs: maxEventMs + 1, reason };
}
