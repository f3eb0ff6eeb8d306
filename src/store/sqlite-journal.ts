import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type {
  Checkpoint,
  CommitResult,
  Journal,
  JournalEntry,
  JournalRecord,
  KnownKeys,
  LaneAck,
  LaneId,
  LaneState,
  LetterChoice,
  StreamName,
  UnitCommit,
  WindowCommit,
} from '../model/journal.ts';
import type { JournalUpkeep } from '../model/journal-upkeep.ts';
import type { Order } from '../model/order.ts';
import { DeadLetterWriter } from './dead-letter-table.ts';
import { GuardedWrites } from './disk/guarded-writes.ts';
import type { Reserve } from './disk/reserve.ts';
import { SqliteUpkeep } from './disk/sqlite-upkeep.ts';
import type { StorageWatch } from './disk/storage-watch.ts';
import { EventChunkWriter } from './event-chunks.ts';
import { LaneWriter } from './lane-tables.ts';
import { updateOrder } from './order-table.ts';
import { PositionWriter } from './position-tables.ts';
import { RecentEntries } from './recent-entries.ts';
import { type AppendResult, RecordWriter } from './record-writer.ts';
import { RowsReadBack } from './rows-read-back.ts';
import { SeenKeys } from './seen-keys.ts';
import { SqliteJournalReader } from './sqlite-journal-reader.ts';
import { StandingCursors } from './standing-cursors.ts';
import { StateTable } from './state-table.ts';
import { StreamRunWriter } from './stream-runs.ts';
import type { WriterLease } from './writer-lease.ts';

/** Bounds of what the journal keeps in memory beside SQLite's page cache. */
const RECENT_BYTES = 24 * 1_024 * 1_024;
const READ_BACK_BYTES = 8 * 1_024 * 1_024;
const MAX_CACHED_SEEN_KEYS = 200_000;

export interface SqliteJournalOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly logger: Logger;
  readonly lease: WriterLease;
  readonly recoveredFrom: string | undefined;
  readonly watch: StorageWatch;
  readonly reserve: Reserve;
}

/** The writer. Every change is one immediate transaction that first looks whether this is still the writer. */
export class SqliteJournal extends SqliteJournalReader implements Journal {
  readonly epoch: number;
  readonly recoveredFrom?: string;
  /** Keeps the journal within its disk. */
  readonly upkeep: JournalUpkeep;
  readonly #options: SqliteJournalOptions;
  readonly #writes: GuardedWrites;
  readonly #records: RecordWriter;
  readonly #runs: StreamRunWriter;
  readonly #events: EventChunkWriter;
  readonly #seen: SeenKeys;
  readonly #state: StateTable;
  readonly #positions: PositionWriter;
  readonly #lanes: LaneWriter;
  readonly #deadLetters: DeadLetterWriter;
  readonly #recent = new RecentEntries(RECENT_BYTES);
  readonly #readBack = new RowsReadBack(READ_BACK_BYTES);
  /** Lanes that have to deliver a row before it may be sealed. */
  readonly #opened = new Set<string>();
  readonly #cursors = new StandingCursors();
  #lastSeq: number;

  constructor(options: SqliteJournalOptions) {
    super(options.db, options.path, (error) => options.watch.note(error));
    const { db, path, watch, reserve, lease, recoveredFrom } = options;
    this.#writes = new GuardedWrites(db, path, watch, reserve);
    this.#options = options;
    this.epoch = lease.epoch;
    if (recoveredFrom !== undefined) this.recoveredFrom = recoveredFrom;
    this.#records = new RecordWriter(db, this.records);
    this.#runs = new StreamRunWriter(db);
    this.#events = new EventChunkWriter(db);
    this.#seen = new SeenKeys(db, MAX_CACHED_SEEN_KEYS);
    this.#state = new StateTable(db);
    this.#positions = new PositionWriter(db);
    this.#deadLetters = new DeadLetterWriter(db);
    this.#lanes = new LaneWriter(db, this.#deadLetters);
    this.#lastSeq = this.records.lastSeq();
    const writes = this.#writes;
    const { sealed } = this.records;
    const lanes = () => [...this.#opened];
    this.upkeep = new SqliteUpkeep({ ...options, writes, sealed, lanes, lastSeq: () => this.#lastSeq });
  }

  async checkpoint(unit: string): Promise<Checkpoint | undefined> {
    return this.reading(() => this.#positions.checkpoint(unit));
  }

  async commitWindow(commit: WindowCommit): Promise<CommitResult> {
    try {
      return this.#commit(commit);
    } catch (error) {
      this.#records.forget();
      throw error;
    }
  }

  async seenIn(unit: string, fromMs: number, toMs: number): Promise<KnownKeys> {
    return this.reading(() => this.#seen.seenIn(unit, fromMs, toMs));
  }

  async state(kind: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.reading(() => this.#state.read(kind, keys));
  }

  async bodies(recordIds: readonly string[]): Promise<ReadonlyMap<string, JournalRecord>> {
    return this.reading(() => {
      const found = new Map<string, JournalRecord>();
      for (const recordId of recordIds) {
        const newest = this.records.newest(recordId);
        const entry = newest === undefined ? undefined : this.#entryAt(newest.seq);
        if (entry !== undefined) found.set(recordId, entry.record);
      }
      return found;
    });
  }

  override async readStream(
    stream: StreamName,
    afterSeq: number,
    limit: number,
  ): Promise<readonly JournalEntry[]> {
    return this.#recent.read({ stream, afterSeq, limit }) ?? super.readStream(stream, afterSeq, limit);
  }

  async lane(id: LaneId): Promise<LaneState> {
    const state = this.#transaction(() => this.#lanes.open(id));
    if (id.class !== 'replay') this.#opened.add(id.name);
    this.#cursors.open(id, state.cursor);
    return state;
  }

  async readLane(
    id: LaneId,
    afterSeq: number,
    limit: number,
    maxBytes?: number,
  ): Promise<readonly JournalEntry[]> {
    const origin = id.class === 'replay' ? undefined : id.class;
    const wanted = { stream: id.stream, origin, afterSeq, limit, maxBytes };
    return (
      this.#recent.read(wanted) ??
      this.#readBack.read(wanted) ??
      this.#readBack.keep(
        wanted,
        this.reading(() => this.records.readStream(id.stream, afterSeq, limit, origin, maxBytes)),
      )
    );
  }

  override async rowsAt(seqs: readonly number[]): Promise<readonly JournalEntry[]> {
    const ascending = seqs.toSorted((a, b) => a - b);
    return this.reading(() => ascending.flatMap((seq) => this.#entryAt(seq) ?? []));
  }

  async ackLane(ack: LaneAck): Promise<'acknowledged' | 'fenced'> {
    const result = ack.repeatsCount
      ? this.#writes.small(() => this.#acknowledge(ack))
      : this.#writes.acknowledging(() => this.#acknowledge(ack));
    if (result === 'acknowledged') this.#forgetDelivered(ack);
    return result;
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
    const { lease } = this.#options;
    lease.holdLock();
    return this.#transaction(() => (lease.fencedReason(this.epoch) === undefined ? 'renewed' : 'fenced'));
  }

  async saveOrder(order: Order): Promise<'saved' | 'fenced'> {
    return this.#transaction(() => {
      if (this.#options.lease.fencedReason(this.epoch) !== undefined) return 'fenced';
      updateOrder(this.#options.db, order);
      return 'saved';
    });
  }

  async dropDeadLetters(
    choice: LetterChoice,
    drop: { readonly order: string; readonly reason: string; readonly nowMs: number },
  ): Promise<number | 'fenced'> {
    return this.#transaction(() => {
      if (this.#options.lease.fencedReason(this.epoch) !== undefined) return 'fenced';
      return this.#deadLetters.drop(choice, drop);
    });
  }

  async prune(nowMs: number, seenBeforeMs: number): Promise<void> {
    this.#transaction(() => {
      if (this.#options.lease.fencedReason(this.epoch) !== undefined) return;
      this.#state.prune(nowMs);
      this.#seen.prune(seenBeforeMs);
    });
    this.reading(() => this.#options.db.exec('PRAGMA wal_checkpoint(PASSIVE)'));
  }

  /** A disk that takes nothing more keeps nobody from ending: the lease then runs out by itself. */
  override async close(): Promise<void> {
    if (!this.#options.db.isOpen) return;
    const { lease, logger } = this.#options;
    try {
      lease.release();
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'the lease of the journal could not be given back');
    } finally {
      await super.close();
    }
  }

  #commit(commit: WindowCommit): CommitResult {
    const outcome = this.#writes.growing(() => {
      const reason = this.#options.lease.fencedReason(commit.epoch) ?? this.#staleUnit(commit);
      return reason === undefined ? this.#write(commit) : ({ kind: 'fenced', reason } as const);
    });
    if (outcome.kind === 'fenced') return outcome;
    const { appended, units } = outcome;
    this.#lastSeq = appended.entries.at(-1)?.seq ?? this.#lastSeq;
    this.#recent.append(appended.entries, commit.backfilled);
    for (const { unit, seenBuckets } of units) this.#seen.remember(unit, seenBuckets);
    const [version = 0, ...besideVersions] = units.map((unit) => unit.version);
    const { entries, repeated } = appended;
    return { kind: 'committed', entries, version, besideVersions, repeated };
  }

  #write(commit: WindowCommit): Written {
    const appended = this.#records.append(commit.records, this.#lastSeq);
    this.#runs.append(appended.entries, commit.backfilled);
    this.#events.append(appended.entries);
    this.#state.apply(commit.state);
    this.#positions.addGaps(commit.gaps);
    const units = unitsOf(commit).map((one) => ({
      unit: one.unit,
      seenBuckets: this.#seen.append(one.unit, one.seen),
      version: this.#positions.apply(one),
    }));
    return { kind: 'written', appended, units };
  }

  /** Names the first unit whose version is not the one that the writer believes is stored. */
  #staleUnit(commit: WindowCommit): string | undefined {
    for (const { unit, expectedVersion } of unitsOf(commit)) {
      const stored = this.#positions.checkpoint(unit)?.version ?? 0;
      if (stored !== expectedVersion) return `expected version ${expectedVersion} of ${unit}, got ${stored}`;
    }
    return undefined;
  }

  #acknowledge(ack: LaneAck): 'acknowledged' | 'fenced' {
    if (this.#options.lease.fencedReason(ack.epoch) !== undefined) return 'fenced';
    this.#lanes.acknowledge(ack);
    return 'acknowledged';
  }

  #forgetDelivered({ lane, cursor }: LaneAck): void {
    this.#cursors.moved(lane, cursor);
    this.#recent.forget(({ stream, seq }, origin) => this.#cursors.isDelivered(stream, origin, seq));
    this.#readBack.forget((stream, origin, seq) => this.#cursors.isDelivered(stream, origin, seq));
  }

  #entryAt(seq: number): JournalEntry | undefined {
    return this.#recent.at(seq) ?? this.records.at(seq)?.entry;
  }

  #transaction<T>(work: () => T): T {
    return this.#writes.small(work);
  }
}

function unitsOf(commit: WindowCommit): readonly UnitCommit[] {
  return commit.beside === undefined ? [commit] : [commit, ...commit.beside];
}

interface Written {
  readonly kind: 'written';
  readonly appended: AppendResult;
  readonly units: readonly {
    readonly unit: string;
    readonly seenBuckets: ReadonlyMap<number, Uint32Array>;
    readonly version: number;
  }[];
}
