import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { Logger } from '../../core/logger.ts';
import type {
  JournalUpkeep,
  JournalUsage,
  ScrubState,
  SealedSpan,
  SealSettings,
  StorageTrouble,
} from '../../model/journal-upkeep.ts';
import { openReaderConnection } from '../connection.ts';
import { checkSmallTables } from '../health-check.ts';
import { requireCurrentSchema } from '../schema.ts';
import { readScrub } from '../segments/damage-table.ts';
import { scrubStep } from '../segments/scrub.ts';
import type { SealedRows } from '../segments/sealed-rows.ts';
import { Sealer } from '../segments/sealer.ts';
import { isBusy, toJournalError } from '../sqlite-error.ts';
import type { WriterLease } from '../writer-lease.ts';
import type { GuardedWrites } from './guarded-writes.ts';
import type { Reserve } from './reserve.ts';
import { type StorageWatch, troubleKindOf } from './storage-watch.ts';
import { readUsage, writeMark } from './usage.ts';

export interface SqliteUpkeepOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly logger: Logger;
  readonly lease: WriterLease;
  readonly writes: GuardedWrites;
  readonly watch: StorageWatch;
  readonly reserve: Reserve;
  /** Highest `seq` stored. */
  readonly lastSeq: () => number;
  readonly sealed: SealedRows;
  /** Lanes that this worker drains. */
  readonly lanes: () => readonly string[];
}

/** Keeps one journal file within its disk, over the connection that writes it. */
export class SqliteUpkeep implements JournalUpkeep {
  readonly #options: SqliteUpkeepOptions;
  readonly #sealer: Sealer;

  constructor(options: SqliteUpkeepOptions) {
    this.#options = options;
    this.#sealer = new Sealer(options);
  }

  get damaged(): Promise<StorageTrouble> {
    return this.#options.watch.damaged;
  }

  trouble(): StorageTrouble | undefined {
    return this.#options.watch.trouble;
  }

  async usage(nowMs: number): Promise<JournalUsage> {
    return this.#watched(() => readUsage(this.#options.db, this.#options.path, nowMs));
  }

  /** A fresh connection sees what the page cache of the old one hides: a header or a root that was overwritten. */
  async probe(): Promise<void> {
    const { path, watch } = this.#options;
    try {
      const db = openReaderConnection(path);
      try {
        requireCurrentSchema(db, path);
        touchTables(db);
        checkSmallTables(db);
      } finally {
        db.close();
      }
    } catch (error) {
      if (!isBusy(error)) watch.note(toJournalError(error, path));
    }
  }

  async keepReserve(): Promise<boolean> {
    return this.#options.reserve.restore();
  }

  /** The log is started over as well: on a full disk it must not grow by what is acknowledged. */
  async makeRoom(): Promise<boolean> {
    const { db, reserve } = this.#options;
    try {
      db.exec('PRAGMA wal_checkpoint(RESTART)');
    } catch (error) {
      this.#options.watch.note(toJournalError(error, this.#options.path));
    }
    return reserve.restore();
  }

  tryAgain(): void {
    this.#options.writes.tryAgain();
  }

  async mark(nowMs: number): Promise<void> {
    const { db, path, lease, writes, lastSeq } = this.#options;
    writes.small(() => {
      if (lease.fencedReason(lease.epoch) === undefined) writeMark(db, path, lastSeq(), nowMs);
    });
  }

  async sealNext(settings: SealSettings, nowMs: number): Promise<SealedSpan | undefined> {
    return this.#moving(() => this.#sealer.sealNext(settings, nowMs));
  }

  async shrink(): Promise<void> {
    await this.#watched(async () => {
      await this.#sealer.tidy();
      while (this.#sealer.purgeStep()) await setImmediate();
      while (this.#sealer.vacuumStep()) await setImmediate();
    });
  }

  async archiveOldest(folder: string, nowMs: number): Promise<SealedSpan | undefined> {
    return this.#moving(() => this.#sealer.archiveOldest(folder, nowMs));
  }

  async dropOldest(reason: string, nowMs: number): Promise<SealedSpan | undefined> {
    return this.#watched(async () => this.#sealer.dropOldest(reason, nowMs));
  }

  async scrubStep(nowMs: number): Promise<ScrubState> {
    const { db, sealed, lastSeq, writes, lease } = this.#options;
    const write = (work: () => void) =>
      writes.small(() => {
        if (lease.fencedReason(lease.epoch) === undefined) work();
      });
    return this.#watched(() => scrubStep({ db, sealed, lastSeq, write }, nowMs));
  }

  async scrubState(): Promise<ScrubState | undefined> {
    return this.#watched(async () => readScrub(this.#options.db));
  }

  /** A copy that finds no room is no reason to stop reading: what is to be copied stays where it is. */
  async #moving<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const known = toJournalError(error, this.#options.path);
      if (troubleKindOf(known) === 'damaged') this.#options.watch.note(known);
      throw known;
    }
  }

  async #watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const known = toJournalError(error, this.#options.path);
      this.#options.watch.note(known);
      throw known;
    }
  }
}

/** The way to the first row of every table: a root or an inner page that is gone shows at once. */
function touchTables(db: DatabaseSync): void {
  for (const { name } of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
    db.prepare(`SELECT * FROM "${String(name)}" LIMIT 1`).get();
}
