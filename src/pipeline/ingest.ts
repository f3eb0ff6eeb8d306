import type { Clock } from '../core/clock.ts';
import { FencedError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import { Mutex } from '../core/mutex.ts';
import type { Correlation, Correlator } from '../correlate/correlator.ts';
import { lineRecordId } from '../correlate/ids.ts';
import type {
  Checkpoint,
  CommitResult,
  Gap,
  Journal,
  JournalEntry,
  JournalRecord,
  LedgerEntry,
  StateChange,
  UnitCommit,
} from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import { type CommitContent, contentOf, isEmpty, NOTHING, type UnitContent } from './commit-content.ts';
import { EarlyLeavers } from './early-leavers.ts';
import type { IngestBatch } from './ingest-batch.ts';
import { requireBalanced } from './ledger-entry.ts';
import { readFinallyThrough, readWholeThrough, watermarkOf } from './log-plan.ts';
import { type CommitTogether, type Reading, type ReadingOptions, Readings } from './open-reading.ts';
import { backfilledAmong, PAST_TAIL_MS, type PastReading } from './past-reading.ts';
import { SettlingGauge } from './settling-gauge.ts';

/**
 * The one door into the journal for all sources. Reading runs side by side; what was read of several groups is joined
 * and committed together and one commit at a time, because a line of one group settles a line of another. If a commit
 * fails, its joins are forgotten and rebuilt from the journal: memory never runs ahead of the disk.
 */
export class Ingest {
  readonly #journal: Journal;
  readonly #correlator: Correlator;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #logger: Logger;
  readonly #mutex = new Mutex();
  /** Those who settle take turns, so that reading has one commit of theirs before it at most. */
  readonly #carryingOn = new Mutex();
  readonly #readings: Readings;
  readonly #earlyLeavers: EarlyLeavers;
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #versions = new Map<string, number>();
  readonly #settlingGauge: SettlingGauge;
  readonly #past = new Map<string, PastReading>();
  readonly #refused = new Set<string>();
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
    /** True while deliveries that are well lag behind: reading that catches up gives way. Default: never. */
    readonly isCrowded?: () => boolean;
  }) {
    this.#journal = options.journal;
    this.#correlator = options.correlator;
    this.#clock = options.clock;
    this.#meter = options.meter;
    this.#logger = options.logger;
    this.#allowanceOf = options.allowanceOf;
    this.#isRead = options.isRead;
    this.#onCommit = options.onCommit;
    this.#earlyLeavers = new EarlyLeavers(options);
    this.#settlingGauge = new SettlingGauge(options);
    this.#readings = new Readings({
      clock: options.clock,
      commit: (compose, failed) => this.#commitTogether(compose, failed),
      isCrowded: options.isCrowded ?? (() => false),
    });
  }

  /** Reads checkpoints and correlation state. Call once before anything else. */
  async start(): Promise<void> {
    for (const checkpoint of await this.#journal.checkpoints()) {
      this.#checkpoints.set(checkpoint.unit, checkpoint);
      this.#versions.set(checkpoint.unit, checkpoint.version);
    }
    await this.#correlator.reset();
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
    return checkpoint === undefined ? undefined : watermarkOf(checkpoint, this.#allowanceOf(unit));
  }

  /** As `watermarkOf`; a group that will be read and has not been yet holds back whatever may have its partner there. */
  #liveWatermark(unit: string): number | undefined {
    return this.watermarkOf(unit) ?? (this.#isRead(unit) ? Number.NEGATIVE_INFINITY : undefined);
  }

  /**
   * Time by which what is kept for what may still be read is judged: now, or less while reading is overdue, for then that
   * still brings what it would have brought in time. A unit that cannot be read holds nothing for ever. What the join has
   * begun and not finished stands still.
   */
  forgetMs(nowMs: number): number {
    let forgetMs = nowMs;
    for (const [unit, checkpoint] of this.#checkpoints) {
      if (this.#isRead(unit))
        forgetMs = Math.min(forgetMs, readFinallyThrough(checkpoint) + this.#correlator.latenessMs);
    }
    return Math.min(Math.max(forgetMs, nowMs - LONGEST_OVERDUE_MS), this.#correlator.heldSinceMs);
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

  /** A window is going to be read: what it brings is committed together with what is read beside it. */
  begin(options: ReadingOptions): Reading {
    return this.#readings.begin(options);
  }

  /** See `Readings.onStored`. */
  onStored(...listening: Parameters<Readings['onStored']>): () => void {
    return this.#readings.onStored(...listening);
  }

  /** Joins and commits one batch of log parts. Throws `FencedError` when another worker has taken over. */
  commitParts(batch: IngestBatch): Promise<void> {
    return this.#commitTogether(
      () => [batch],
      () => undefined,
    );
  }

  /** Joins and commits, in one transaction, what `compose` returns when its turn has come; each unit at most once. */
  #commitTogether(...[compose, failed]: Parameters<CommitTogether>): Promise<void> {
    return this.#mutex.run(async () => {
      try {
        await this.#commitBatches(compose());
      } catch (error) {
        failed(error);
        throw error;
      }
    });
  }

  async #commitBatches([first, ...others]: readonly IngestBatch[]): Promise<void> {
    if (first === undefined) return;
    const nowMs = this.#clock.now();
    const { records, state, refused, leftEarly = 0 } = await this.#correlate([first, ...others], nowMs);
    const beside = others.map((one) => contentOf(one, refused));
    await this.#commit({ ...contentOf(first, refused), beside, records, state, gaps: [] });
    if (refused !== undefined) this.#tellRefused(refused);
    this.#correlator.committed(nowMs);
    this.#earlyLeavers.committed(leftEarly, nowMs);
  }

  /** True for a line that could not be joined since the start: it stands in the journal as one that nobody could read. */
  isRefused(recordId: string): boolean {
    return this.#refused.has(recordId);
  }

  #tellRefused(refused: ReadonlySet<LogPart>): void {
    if (this.#refused.size > MOST_REFUSED) this.#refused.clear();
    for (const { source } of refused) {
      this.#refused.add(lineRecordId(source));
      const { logGroup, logStream, eventId } = source;
      this.#logger.error(
        { logGroup, logStream, eventId },
        'a line could not be joined and is kept as unparsed: this is a defect of Gatewatch, report it',
      );
    }
  }

  /** Commits records that need no join (metrics, alarms), with state of their own. */
  commitRecords(
    unit: string,
    records: readonly JournalRecord[],
    ledger: LedgerEntry,
    next: Omit<Checkpoint, 'unit' | 'version'> | undefined,
    state: readonly StateChange[] = [],
  ): Promise<readonly JournalEntry[]> {
    return this.#mutex.run(() =>
      this.#commit({ ...NOTHING, unit, records, state, ledger, ...(next !== undefined && { next }) }),
    );
  }

  /** Commits what is to be said anew or of its own accord, without anything having been read. */
  commitRevisions(
    unit: string,
    records: readonly JournalRecord[],
    state: readonly StateChange[] = [],
  ): Promise<readonly JournalEntry[]> {
    return this.#mutex.run(() => this.#commit({ ...NOTHING, unit, records, state }));
  }

  /** Records a span that will never be read, and moves on behind it. */
  commitGap(gap: Gap, next?: Omit<Checkpoint, 'unit' | 'version'>): Promise<void> {
    return this.#mutex.run(async () => {
      this.#logger.error(
        { unit: gap.unit, fromMs: gap.fromMs, toMs: gap.toMs },
        `gap recorded: ${gap.reason}`,
      );
      this.#meter.count('gatewatch_gaps_total', 1, { unit: gap.unit });
      await this.#commit({
        ...NOTHING,
        unit: gap.unit,
        gaps: [gap],
        ...(next !== undefined && { next }),
      });
    });
  }

  /**
   * Lets go of what waited long enough, also when nothing was read. Where one commit does not take it all on, more follow,
   * with those of reading between, while it `mayCarryOn`; what is left then, whoever settles next takes on.
   */
  async settle(unit: string, mayCarryOn: () => boolean = () => true): Promise<void> {
    await this.#settleOnce(unit);
    while (this.#correlator.isBehind && mayCarryOn()) {
      await this.#carryingOn.run(async () => {
        if (!this.#correlator.isBehind || !mayCarryOn()) return;
        await this.#readings.giveWay();
        await this.#settleOnce(unit);
      });
    }
    this.#settlingGauge.tell(this.#correlator.settling);
  }

  #settleOnce(unit: string): Promise<void> {
    const nowMs = this.#clock.now();
    return this.commitParts({ unit, window: { fromMs: nowMs, toMs: nowMs }, read: 0, parts: [], seen: [] });
  }

  async #correlate(batches: readonly IngestBatch[], nowMs: number): Promise<Correlation> {
    try {
      // The watermarks of these very windows count: their lines stand in these batches or in those before them.
      const reached = new Map<string, number>();
      for (const { unit, next } of batches) {
        if (next === undefined) continue;
        reached.set(unit, watermarkOf({ unit, version: 0, ...next }, this.#allowanceOf(unit)));
      }
      return await this.#correlator.process({
        parts: batches.flatMap(({ parts }) => parts),
        nowMs,
        forgetMs: this.forgetMs(nowMs),
        watermarkOf: (unit, atMs) => {
          const live = reached.get(unit) ?? this.#liveWatermark(unit);
          return this.#past.size === 0 ? live : this.#watermarkAt(unit, atMs, live);
        },
      });
    } catch (error) {
      await this.#forgetBatch();
      throw error;
    }
  }

  /** What went wrong before is what whoever called is told: where this fails too, the next batch begins with it. */
  async #forgetBatch(): Promise<void> {
    try {
      await this.#correlator.reset();
    } catch (error) {
      const reason = messageOf(error);
      this.#logger.error(
        { reason },
        'the join could not be read back after a failure; the next batch begins with it',
      );
    }
  }

  async #commit(what: CommitContent): Promise<readonly JournalEntry[]> {
    if (isEmpty(what)) return [];
    const startedMs = this.#clock.monotonic();
    const result = await this.#write(what);
    this.#meter.observe('gatewatch_journal_commit_ms', this.#clock.monotonic() - startedMs);
    if (result.kind === 'fenced') {
      throw new FencedError(`This worker lost the journal and stops: ${result.reason}`);
    }
    this.#stands(what, result.version);
    for (const [index, one] of what.beside.entries()) {
      const version = result.besideVersions?.[index];
      if (version !== undefined) this.#stands(one, version);
    }
    this.#countOutcomes(result.entries);
    if (result.entries.length > 0) this.#onCommit(result.entries);
    return result.entries;
  }

  /** The commit is on disk: where a unit now stands, and what is counted for it. */
  #stands({ unit, seen, next, ledger }: UnitContent, version: number): void {
    this.#readings.stored(unit, seen);
    this.#versions.set(unit, version);
    if (next !== undefined) this.#checkpoints.set(unit, { unit, version, ...next });
    if (ledger !== undefined) this.#count(unit, ledger);
  }

  async #write(what: CommitContent): Promise<CommitResult> {
    const past = [...this.#past.values()];
    const backfilled = past.length === 0 ? undefined : backfilledAmong(what.records, what.unit, past);
    try {
      return await this.#journal.commitWindow({
        ...this.#unitCommit(what),
        epoch: this.#journal.epoch,
        records: what.records,
        state: what.state,
        gaps: what.gaps,
        nowMs: this.#clock.now(),
        ...(backfilled !== undefined && { backfilled }),
        ...(what.beside.length > 0 && { beside: what.beside.map((one) => this.#unitCommit(one)) }),
      });
    } catch (error) {
      await this.#forgetBatch();
      throw error;
    }
  }

  #unitCommit({ unit, seen, ledger, next }: UnitContent): UnitCommit {
    if (ledger !== undefined) requireBalanced(ledger);
    return {
      unit,
      expectedVersion: this.#versions.get(unit) ?? 0,
      seen,
      ...(ledger !== undefined && { ledger }),
      ...(next !== undefined && { nextCheckpoint: next }),
    };
  }

  /** Each record as it went out first, by how it was joined; and again each time it was written anew. */
  #countOutcomes(entries: readonly JournalEntry[]): void {
    const first = new Map<string, number>();
    const revised = new Map<string, number>();
    for (const { record, revision } of entries) {
      if (record.kind !== 'request') continue;
      const counts = revision === 0 ? first : revised;
      counts.set(record.outcome, (counts.get(record.outcome) ?? 0) + 1);
    }
    for (const [outcome, count] of first)
      this.#meter.count('gatewatch_records_joined_total', count, { outcome });
    for (const [outcome, count] of revised)
      this.#meter.count('gatewatch_records_revised_total', count, { outcome });
  }

  #count(unit: string, ledger: LedgerEntry): void {
    this.#meter.count('gatewatch_events_read_total', ledger.read, { unit });
    this.#meter.count('gatewatch_events_seen_total', ledger.seen, { unit });
    this.#meter.count('gatewatch_events_stored_total', ledger.stored, { unit });
    this.#meter.count('gatewatch_events_filtered_total', ledger.filtered, { unit });
    this.#meter.count('gatewatch_events_unparsed_total', ledger.unparsed, { unit });
    this.#meter.count('gatewatch_events_quarantined_total', ledger.quarantined, { unit });
  }
}

/** How far reading may be behind, for an outage of a long weekend, before what it still brings finds less and less. */
const LONGEST_OVERDUE_MS = 4 * 86_400_000;

/** How many lines that could not be joined are remembered by id. */
const MOST_REFUSED = 10_000;
