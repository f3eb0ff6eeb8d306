import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../../core/errors.ts';
import { inTransaction, inUnsyncedTransaction } from '../connection.ts';
import { toJournalError } from '../sqlite-error.ts';
import type { Reserve } from './reserve.ts';
import { type StorageWatch, troubleKindOf } from './storage-watch.ts';

/**
 * Every writing transaction of the journal. When the disk is full, new rows are turned away before they touch it, and
 * what is left of it, the released reserve included, belongs to acknowledgements.
 */
export class GuardedWrites {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #watch: StorageWatch;
  readonly #reserve: Reserve;
  #turnsAway = false;

  constructor(db: DatabaseSync, path: string, watch: StorageWatch, reserve: Reserve) {
    this.#db = db;
    this.#path = path;
    this.#watch = watch;
    this.#reserve = reserve;
  }

  /** A small change that must get through: holds, orders, the lease, acknowledgements that must not be lost. */
  small<T>(work: () => T): T {
    return this.#orFromReserve(() => this.#transaction(work));
  }

  /**
   * What destinations answered. Many of them come in a second, and one that is lost with the machine's power costs a
   * repeat under known ids: the next commit takes them to the disk.
   */
  acknowledging<T>(work: () => T): T {
    return this.#orFromReserve(() => this.#transaction(work, inUnsyncedTransaction));
  }

  #orFromReserve<T>(write: () => T): T {
    try {
      return write();
    } catch (error) {
      if (troubleKindOf(error) !== 'full' || !this.#useReserve()) throw error;
      return write();
    }
  }

  /** New rows. Throws `journal_full` without touching the disk while it is known to be full. */
  growing<T>(work: () => T): T {
    if (this.#turnsAway) throw this.#stillFull();
    try {
      const result = this.#transaction(work);
      this.#watch.wrote();
      return result;
    } catch (error) {
      if (troubleKindOf(error) === 'full') {
        this.#turnsAway = true;
        this.#useReserve();
      }
      throw error;
    }
  }

  tryAgain(): void {
    this.#turnsAway = false;
  }

  /** The reserve is larger than the log may get: what stands there fits into the file, and the log starts over empty. */
  #useReserve(): boolean {
    if (!this.#reserve.release()) return false;
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      this.#watch.note(toJournalError(error, this.#path));
    }
    return true;
  }

  #transaction<T>(work: () => T, run: typeof inTransaction = inTransaction): T {
    try {
      return run(this.#db, this.#path, work);
    } catch (error) {
      this.#watch.note(error);
      throw error;
    }
  }

  #stillFull(): GatewatchError {
    const reason = this.#watch.trouble?.reason ?? `The journal ${this.#path} is full.`;
    return new GatewatchError('journal_full', reason);
  }
}
