import type { Clock } from '../core/clock.ts';
import { FencedError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { Mutex } from '../core/mutex.ts';
import type { Correlation, Correlator } from '../correlate/correlator.ts';
import type {
  Checkpoint,
  CommitResult,
  Gap,
  Journal,
  JournalEntry,
  JournalRecord,
  LedgerEntry,
  SeenKey,
} from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { Window } from '../model/source-event.ts';
import { readWholeThrough } from './log-plan.ts';

export interface IngestBatch {
  readonly unit: string;
  readonly window: Window;
  /** Events read, repeats included, of which `parts` are the first-time ones. */
  readonly read: number;
  readonly parts: readonly LogPart[];
  readonly seen: readonly SeenKey[];
  /** Present on the last batch of a window read whole: where the unit then stands. */
  readonly next?: Omit<Checkpoint, 'unit' | 'version'>;
}

/** A span of the past that is read on order: lines of it wait for its own progress, not for live reading. */
export interface PastReading extends Window {
  /** Event time through which the unit was read for it; undefined for a unit that takes no part. */
  throughOf(unit: string): number | undefined;
}

/** A line is due up to this long after its event time: the longest request and some slack, milliseconds. */
export const PAST_TAIL_MS = 60_000;

/**
 * The one door into the journal for all sources. Reading runs side by side; what was read is joined and committed one
 * batch at a time, because a line of one group settles a line of another. If a commit fails, the joins of that batch are
 * forgotten and rebuilt from the journal: memory never runs ahead of the disk.
 */
export class Ingest {
  readonly #journal: Journal;
  readonly #correlator: Correlator;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #logger: Logger;
  readonly #mutex = new Mutex();
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #versions = new Map<string, number>();
  readonly #past = new Map<string, PastReading>();
  readonly #allowanceOf: (unit: string) => number;
  readonly #isRead: (unit: string) => boolean;
  readonly #onCommit: (entries: readonly JournalEntry[]) => void;

  constructor(options: {
    readonly journal: Journal;
    readonly correlator: Correlator;
    readonly clock: Clock;
    readonly meter: Meter;
    readonly logger: Logger;
    /** Lag allowance of a log unit, milliseconds: what its watermark stays behind `readThrough`. */
    readonly allowanceOf: (unit: string) => number;
    /** True for a log unit that is read, also before its first window. */
    readonly isRead: (unit: string) => boolean;
    readonly onCommit: (entries: readonly JournalEntry[]) => void;
  }) {
    this.#journal = options.journal;
    this.#correlator = options.correlator;
    this.#clock = options.clock;
    this.#meter = options.meter;
    this.#logger = options.logger;
    this.#allowanceOf = options.allowanceOf;
    this.#isRead = options.isRead;
    this.#onCommit = options.onCommit;
  }

  /** Reads checkpoints and correlation state. Call once before anything else. */
  async start(): Promise<void> {
    for (const checkpoint of await this.#journal.checkpoints()) {
      this.#checkpoints.set(checkpoint.unit, checkpoint);
      this.#versions.set(checkpoint.unit, checkpoint.version);
    }
    await this.#correlator.reset();
    await this.#recordLostJournal();
  }

  /** A damaged journal was moved aside: what CloudWatch no longer holds of it is gone, and said so. */
  async #recordLostJournal(): Promise<void> {
    const { recoveredFrom } = this.#journal;
    if (recoveredFrom === undefined) return;
    const nowMs = this.#clock.now();
    const reason = `the journal was damaged and moved aside to ${recoveredFrom}; only what CloudWatch still holds is read again`;
    await this.commitGap({ unit: 'journal', fromMs: 0, toMs: nowMs, reason, recordedMs: nowMs });
  }

  checkpointOf(unit: string): Checkpoint | undefined {
    return this.#checkpoints.get(unit);
  }

  /** Event time through which the unit was read whole; undefined before its first window. */
  readWholeThrough(unit: string): number | undefined {
    const checkpoint = this.#checkpoints.get(unit);
    return checkpoint === undefined ? undefined : readWholeThrough(checkpoint);
  }

  /** Event time through which the unit was read whole, less its lag allowance; undefined before its first window. */
  watermarkOf(unit: string): number | undefined {
    const checkpoint = this.#checkpoints.get(unit);
    return checkpoint === undefined ? undefined : readWholeThrough(checkpoint) - this.#allowanceOf(unit);
  }

  /** As `watermarkOf`; a group that will be read and has not been yet holds back whatever may have its partner there. */
  #liveWatermark(unit: string): number | undefined {
    return this.watermarkOf(unit) ?? (this.#isRead(unit) ? Number.NEGATIVE_INFINITY : undefined);
  }

  /** From now on lines of this span wait for its progress. `id` names it; opening it again replaces it. */
  openPast(id: string, reading: PastReading): void {
    this.#past.set(id, reading);
  }

  closePast(id: string): void {
    this.#past.delete(id);
  }

  /** The watermark that counts for a line due at `atMs`; without a time the furthest one, of live reading or a past one. */
  #watermarkAt(unit: string, atMs: number | undefined, live: number | undefined): number | undefined {
    let watermark = live;
    for (const past of this.#past.values()) {
      const through = past.throughOf(unit);
      if (through === undefined) continue;
      if (atMs === undefined) watermark = Math.max(watermark ?? through, through);
      else if (atMs >= past.fromMs && atMs < past.toMs + PAST_TAIL_MS) watermark = through;
    }
    return watermark;
  }

  /** Joins and commits one batch of log parts. Throws `FencedError` when another worker has taken over. */
  commitParts(batch: IngestBatch): Promise<void> {
    return this.#mutex.run(async () => {
      const nowMs = this.#clock.now();
      const correlation = await this.#correlate(batch, nowMs);
      await this.#commit(batch.unit, {
        records: correlation.records,
        state: correlation.state,
        seen: batch.seen,
        ledger: ledgerOf(batch, correlation),
        gaps: [],
        ...(batch.next !== undefined && { next: batch.next }),
      });
      this.#correlator.committed(nowMs);
    });
  }

  /** Commits records that need no join (metrics). */
  commitRecords(
    unit: string,
    records: readonly JournalRecord[],
    ledger: LedgerEntry,
    next: Omit<Checkpoint, 'unit' | 'version'> | undefined,
  ): Promise<readonly JournalEntry[]> {
    return this.#mutex.run(() =>
      this.#commit(unit, {
        records,
        state: [],
        seen: [],
        ledger,
        gaps: [],
        ...(next !== undefined && { next }),
      }),
    );
  }

  /** Records a span that will never be read, and moves on behind it. */
  commitGap(gap: Gap, next?: Omit<Checkpoint, 'unit' | 'version'>): Promise<void> {
    return this.#mutex.run(async () => {
      this.#logger.error(
        { unit: gap.unit, fromMs: gap.fromMs, toMs: gap.toMs },
        `gap recorded: ${gap.reason}`,
      );
      await this.#commit(gap.unit, {
        records: [],
        state: [],
        seen: [],
        gaps: [gap],
        ...(next !== undefined && { next }),
      });
    });
  }

  /** Lets go of what waited long enough, also when nothing was read. */
  settle(unit: string): Promise<void> {
    const nowMs = this.#clock.now();
    return this.commitParts({ unit, window: { fromMs: nowMs, toMs: nowMs }, read: 0, parts: [], seen: [] });
  }

  async #correlate(batch: IngestBatch, nowMs: number): Promise<Correlation> {
    try {
      // The watermark of this very window counts: its lines stand in this batch or in those before it.
      const reached =
        batch.next === undefined
          ? undefined
          : readWholeThrough({ unit: batch.unit, version: 0, ...batch.next }) - this.#allowanceOf(batch.unit);
      return await this.#correlator.process({
        unit: batch.unit,
        parts: batch.parts,
        nowMs,
        watermarkOf: (unit, atMs) => {
          const live = unit === batch.unit && reached !== undefined ? reached : this.#liveWatermark(unit);
          return this.#past.size === 0 ? live : this.#watermarkAt(unit, atMs, live);
        },
      });
    } catch (error) {
      await this.#correlator.reset();
      throw error;
    }
  }

  async #commit(unit: string, what: CommitContent): Promise<readonly JournalEntry[]> {
    if (isEmpty(what)) return [];
    const startedMs = this.#clock.monotonic();
    const result = await this.#write(unit, what);
    this.#meter.observe('gatewatch_journal_commit_ms', this.#clock.monotonic() - startedMs);
    if (result.kind === 'fenced') {
      throw new FencedError(`This worker lost the journal and stops: ${result.reason}`);
    }
    this.#versions.set(unit, result.version);
    if (what.next !== undefined) {
      this.#checkpoints.set(unit, { unit, version: result.version, ...what.next });
    }
    this.#count(unit, what);
    if (result.entries.length > 0) this.#onCommit(result.entries);
    return result.entries;
  }

  async #write(unit: string, what: CommitContent): Promise<CommitResult> {
    try {
      return await this.#journal.commitWindow({
        unit,
        epoch: this.#journal.epoch,
        expectedVersion: this.#versions.get(unit) ?? 0,
        records: what.records,
        state: what.state,
        seen: what.seen,
        gaps: what.gaps,
        nowMs: this.#clock.now(),
        ...(what.ledger !== undefined && { ledger: what.ledger }),
        ...(what.next !== undefined && { nextCheckpoint: what.next }),
      });
    } catch (error) {
      await this.#correlator.reset();
      throw error;
    }
  }

  #count(unit: string, what: CommitContent): void {
    const { ledger } = what;
    if (ledger === undefined) return;
    this.#meter.count('gatewatch_events_read_total', ledger.read, { unit });
    this.#meter.count('gatewatch_events_seen_total', ledger.seen, { unit });
    this.#meter.count('gatewatch_events_stored_total', ledger.stored, { unit });
    this.#meter.count('gatewatch_events_filtered_total', ledger.filtered, { unit });
    this.#meter.count('gatewatch_events_unparsed_total', ledger.unparsed, { unit });
    this.#meter.count('gatewatch_events_quarantined_total', ledger.quarantined, { unit });
  }
}

interface CommitContent {
  readonly records: readonly JournalRecord[];
  readonly state: Correlation['state'];
  readonly seen: readonly SeenKey[];
  readonly ledger?: LedgerEntry;
  readonly gaps: readonly Gap[];
  readonly next?: Omit<Checkpoint, 'unit' | 'version'>;
}

function isEmpty(what: CommitContent): boolean {
  const rows = what.records.length + what.state.length + what.seen.length + what.gaps.length;
  return rows === 0 && what.next === undefined;
}

/** `seen = stored + quarantined + filtered` holds by construction; unparsed lines are stored. */
function ledgerOf(batch: IngestBatch, correlation: Correlation): LedgerEntry {
  let filtered = 0;
  for (const count of correlation.filtered.values()) filtered += count;
  const seen = batch.parts.length;
  return {
    unit: batch.unit,
    window: batch.window,
    read: batch.read,
    seen,
    stored: seen - filtered,
    quarantined: 0,
    filtered,
    unparsed: correlation.unparsed,
  };
}
