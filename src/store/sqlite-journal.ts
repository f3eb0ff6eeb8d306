import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../core/logger.ts';
import type {
  Checkpoint,
  CommitResult,
  Journal,
  JournalEntry,
  JournalRecord,
  LaneAck,
  LaneId,
  LaneState,
  StateRow,
  StreamName,
  WindowCommit,
} from '../model/journal.ts';
import type { Order } from '../model/order.ts';
import { inTransaction } from './connection.ts';
import { EventChunkWriter } from './event-chunks.ts';
import { LaneWriter } from './lane-tables.ts';
import { readOrders, updateOrder } from './order-table.ts';
import { PositionWriter } from './position-tables.ts';
import { RecentEntries } from './recent-entries.ts';
import { RecordReader } from './record-reader.ts';
import { type AppendResult, RecordWriter } from './record-writer.ts';
import { SeenKeys } from './seen-keys.ts';
import { SqliteJournalReader } from './sqlite-journal-reader.ts';
import { StateTable } from './state-table.ts';
import { StreamRunWriter } from './stream-runs.ts';
import type { WriterLease } from './writer-lease.ts';

/** Bounds of what the journal keeps in memory beside SQLite's page cache. */
const RECENT_LIMITS = { maxEntries: 20_000, maxBodyLength: 16 * 1024 * 1024 };
const MAX_CACHED_SEEN_KEYS = 100_000;

export interface SqliteJournalOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly logger: Logger;
  readonly lease: WriterLease;
  readonly recoveredFrom: string | undefined;
}

/** The writer. Every change is one immediate transaction that first looks whether this is still the writer. */
export class SqliteJournal extends SqliteJournalReader implements Journal {
  readonly epoch: number;
  readonly recoveredFrom?: string;
  readonly #options: SqliteJournalOptions;
  readonly #records: RecordWriter;
  readonly #stored: RecordReader;
  readonly #runs: StreamRunWriter;
  readonly #events: EventChunkWriter;
  readonly #seen: SeenKeys;
  readonly #state: StateTable;
  readonly #positions: PositionWriter;
  readonly #lanes: LaneWriter;
  readonly #recent = new RecentEntries(RECENT_LIMITS);
  #lastSeq: number;

  constructor(options: SqliteJournalOptions) {
    super(options.db, options.path);
    const { db, lease, recoveredFrom } = options;
    this.#options = options;
    this.epoch = lease.epoch;
    if (recoveredFrom !== undefined) this.recoveredFrom = recoveredFrom;
    this.#records = new RecordWriter(db);
    this.#stored = new RecordReader(db);
    this.#runs = new StreamRunWriter(db);
    this.#events = new EventChunkWriter(db);
    this.#seen = new SeenKeys(db, MAX_CACHED_SEEN_KEYS);
    this.#state = new StateTable(db);
    this.#positions = new PositionWriter(db);
    this.#lanes = new LaneWriter(db);
    this.#lastSeq = this.#stored.lastSeq();
  }

  async checkpoint(unit: string): Promise<Checkpoint | undefined> {
    return this.#positions.checkpoint(unit);
  }

  async commitWindow(commit: WindowCommit): Promise<CommitResult> {
    try {
      return this.#commit(commit);
    } catch (error) {
      this.#records.forget();
      throw error;
    }
  }

  async seenIn(unit: string, fromMs: number, toMs: number): Promise<ReadonlySet<string>> {
    return this.#seen.seenIn(unit, fromMs, toMs);
  }

  async state(kind: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#state.read(kind, keys);
  }

  async *allState(kind: string): AsyncIterable<StateRow> {
    yield* this.#state.all(kind);
  }

  async bodies(recordIds: readonly string[]): Promise<ReadonlyMap<string, JournalRecord>> {
    const found = new Map<string, JournalRecord>();
    for (const recordId of recordIds) {
      const newest = this.#stored.newest(recordId);
      const entry = newest === undefined ? undefined : this.#entryAt(newest.seq);
      if (entry !== undefined) found.set(recordId, entry.record);
    }
    return found;
  }

  override async readStream(
    stream: StreamName,
    afterSeq: number,
    limit: number,
  ): Promise<readonly JournalEntry[]> {
    return this.#recent.read(stream, afterSeq, limit) ?? super.readStream(stream, afterSeq, limit);
  }

  async lane(id: LaneId): Promise<LaneState> {
    return this.#transaction(() => this.#lanes.open(id));
  }

  async ackLane(ack: LaneAck): Promise<'acknowledged' | 'fenced'> {
    return this.#transaction(() => {
      if (this.#options.lease.fencedReason(ack.epoch) !== undefined) return 'fenced';
      this.#lanes.acknowledge(ack);
      return 'acknowledged';
    });
  }

  async setLaneHeld(lane: string, reason: string | undefined): Promise<void> {
    this.#transaction(() => {
      if (this.#options.lease.fencedReason(this.epoch) === undefined) this.#lanes.setHeld(lane, reason);
    });
  }

  async lastSeq(): Promise<number> {
    return this.#lastSeq;
  }

  async renewLease(): Promise<'renewed' | 'fenced'> {
    return this.#options.lease.renew();
  }

  async orders(): Promise<readonly Order[]> {
    return readOrders(this.#options.db);
  }

  async saveOrder(order: Order): Promise<'saved' | 'fenced'> {
    return this.#transaction(() => {
      if (this.#options.lease.fencedReason(this.epoch) !== undefined) return 'fenced';
      updateOrder(this.#options.db, order);
      return 'saved';
    });
  }

  async prune(nowMs: number, seenBeforeMs: number): Promise<void> {
    this.#transaction(() => {
      if (this.#options.lease.fencedReason(this.epoch) !== undefined) return;
      this.#state.prune(nowMs);
      this.#seen.prune(seenBeforeMs);
    });
    this.#options.db.exec('PRAGMA wal_checkpoint(PASSIVE)');
  }

  override async close(): Promise<void> {
    if (!this.#options.db.isOpen) return;
    try {
      this.#options.lease.release();
    } finally {
      await super.close();
    }
  }

  #commit(commit: WindowCommit): CommitResult {
    const outcome = this.#transaction(() => {
      const reason = this.#options.lease.fencedReason(commit.epoch) ?? this.#versionMismatch(commit);
      return reason === undefined ? this.#write(commit) : ({ kind: 'fenced', reason } as const);
    });
    if (outcome.kind === 'fenced') return outcome;
    const { appended, seenBuckets, version } = outcome;
    this.#lastSeq = appended.entries.at(-1)?.seq ?? this.#lastSeq;
    this.#recent.append(appended.entries);
    this.#seen.remember(commit.unit, seenBuckets);
    return { kind: 'committed', entries: appended.entries, version, repeated: appended.repeated };
  }

  #write(commit: WindowCommit): Written {
    const appended = this.#records.append(commit.records, this.#lastSeq);
    this.#runs.append(appended.entries);
    this.#events.append(appended.entries);
    const seenBuckets = this.#seen.append(commit.unit, commit.seen);
    this.#state.apply(commit.state);
    return { kind: 'written', appended, seenBuckets, version: this.#positions.apply(commit) };
  }

  #versionMismatch({ unit, expectedVersion }: WindowCommit): string | undefined {
    const stored = this.#positions.checkpoint(unit)?.version ?? 0;
    if (stored === expectedVersion) return undefined;
    return `expected version ${expectedVersion} of ${unit}, got ${stored}`;
  }

  #entryAt(seq: number): JournalEntry | undefined {
    return this.#recent.at(seq) ?? this.#stored.at(seq)?.entry;
  }

  #transaction<T>(work: () => T): T {
    return inTransaction(this.#options.db, this.#options.path, work);
  }
}

interface Written {
  readonly kind: 'written';
  readonly appended: AppendResult;
  readonly seenBuckets: ReadonlyMap<number, readonly string[]>;
  readonly version: number;
}
