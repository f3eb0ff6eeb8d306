import type { Clock } from '../core/clock.ts';
import { Mutex } from '../core/mutex.ts';
import type { Journal, LedgerEntry } from '../model/journal.ts';
import type { MetricRecord } from '../model/metric-record.ts';
import type { Source, Urgency, Window } from '../model/source-event.ts';
import type { Ingest } from './ingest.ts';
import type { Position } from './log-plan.ts';
import { uncoveredSpans } from './uncovered-spans.ts';

/** One window of points to read. Without `next` the unit's position stays: a span of the past, on order. */
export interface MetricRead {
  readonly source: Source<MetricRecord>;
  readonly window: Window;
  readonly urgency: Urgency;
  readonly signal: AbortSignal;
  /** Where the unit stands once the window was read whole. */
  readonly next?: Position;
}

interface OpenRead extends MetricRead {
  /** Points that other reads of the unit stored while the call under way was out, by record id. */
  readonly storedBeside: Set<string>;
}

interface Found {
  /** Points stored: new, or with other values than before. */
  changed: number;
  /** Points that say otherwise than what was stored beside them: nobody knows which of the two is the newer. */
  contested: number;
}

/**
 * Reads windows of metric points and commits what says something new. A backfill and live reading may have one window
 * open side by side, and CloudWatch may restate a point between their calls; a backfill with a rate holds its answer for
 * as long as that takes. The last committed would stand as the newest revision, whichever was read last. So whether a
 * point is new is judged in turns, and an answer that contradicts what was stored while its call was out is not taken:
 * the window is read again, and a call that begins after a commit is newer than what was committed. One instance for
 * all reads of a journal.
 */
export class MetricReads {
  readonly #ingest: Ingest;
  readonly #journal: Pick<Journal, 'latest' | 'gaps'>;
  readonly #clock: Clock;
  readonly #turns = new Mutex();
  readonly #open = new Set<OpenRead>();

  constructor(options: {
    readonly ingest: Ingest;
    readonly journal: Pick<Journal, 'latest' | 'gaps'>;
    readonly clock: Clock;
  }) {
    this.#ingest = options.ingest;
    this.#journal = options.journal;
    this.#clock = options.clock;
  }

  /** Reads the window to its end. Returns the points that were new or corrected. */
  async read(read: MetricRead): Promise<number> {
    const open: OpenRead = { ...read, storedBeside: new Set() };
    this.#open.add(open);
    try {
      let changed = 0;
      // Each further round answers a commit of another read: it ends when they are still for one round.
      for (;;) {
        const found = await this.#readOnce(open);
        changed += found.changed;
        if (found.contested === 0) return changed;
      }
    } finally {
      this.#open.delete(open);
    }
  }

  async #readOnce(open: OpenRead): Promise<Found> {
    const { source, window, signal, urgency, next } = open;
    const total: Found = { changed: 0, contested: 0 };
    // Points that were read and are in no commit yet.
    let read = 0;
    // What was committed before a call begins, the call has seen.
    open.storedBeside.clear();
    for await (const page of source.read(window, signal, urgency)) {
      for (const gone of page.gone ?? []) await this.#turns.run(() => this.#recordGone(source.unit, gone));
      read += page.read;
      const found = await this.#turns.run(() => this.#store(open, page.items, read));
      if (found.changed > 0) read = 0;
      total.changed += found.changed;
      total.contested += found.contested;
      open.storedBeside.clear();
    }
    if (total.contested > 0) {
      signal.throwIfAborted();
      return total;
    }
    await this.#ingest.commitRecords(source.unit, [], ledgerOf(open, read, 0), next);
    return total;
  }

  /** `read`: points of the window that no commit has counted yet, these included. */
  async #store(open: OpenRead, points: readonly MetricRecord[], read: number): Promise<Found> {
    const differing = await this.#differing(points);
    const fresh = differing.filter(({ recordId }) => !open.storedBeside.has(recordId));
    const contested = differing.length - fresh.length;
    if (fresh.length === 0) return { changed: 0, contested };
    const { unit } = open.source;
    const entries = await this.#ingest.commitRecords(
      unit,
      fresh,
      ledgerOf(open, read, fresh.length),
      undefined,
    );
    for (const other of this.#open) {
      if (other === open || other.source.unit !== unit) continue;
      for (const { recordId } of entries) other.storedBeside.add(recordId);
    }
    return { changed: entries.length, contested };
  }

  /** Points never seen, or with other values than the newest revision. */
  async #differing(points: readonly MetricRecord[]): Promise<MetricRecord[]> {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { eventMs } of points) oldestMs = Math.min(oldestMs, eventMs);
    const stored = await this.#journal.latest(
      points.map((point) => point.recordId),
      oldestMs,
    );
    return points.filter((point) => stored.get(point.recordId)?.eventId !== point.eventId);
  }

  /** What is a gap already, found by another read or by this one before it broke off, is not told again. */
  async #recordGone(unit: string, { reason, ...span }: Window & { readonly reason: string }): Promise<void> {
    const gaps = await this.#journal.gaps();
    const known = gaps.filter((gap) => gap.unit === unit);
    for (const { fromMs, toMs } of uncoveredSpans(span, known))
      await this.#ingest.commitGap({ unit, fromMs, toMs, reason, recordedMs: this.#clock.now() });
  }
}

function ledgerOf({ source, window }: MetricRead, read: number, seen: number): LedgerEntry {
  return { unit: source.unit, window, read, seen, stored: seen, quarantined: 0, filtered: 0, unparsed: 0 };
}
