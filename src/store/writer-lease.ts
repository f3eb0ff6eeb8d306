import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Clock } from '../core/clock.ts';
import { UserError } from '../core/errors.ts';
import { inTransaction } from './connection.ts';
import { numberIn, textIn } from './row.ts';
import { isBusy } from './sqlite-error.ts';

/**
 * A lock that the operating system takes back when its process dies: an exclusive transaction held open on a side
 * file. It tells a crashed owner (free: start at once) from one that lives or is stopped (taken: its lease decides).
 */
export class ProcessLock {
  readonly #path: string;
  #db: DatabaseSync | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** True when this process holds the lock, now or already. */
  tryAcquire(): boolean {
    if (this.#db !== undefined) return true;
    const db = new DatabaseSync(this.#path, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      if (isBusy(error)) return false;
      throw error;
    }
    this.#db = db;
    return true;
  }

  release(): void {
    this.#db?.close();
    this.#db = undefined;
  }
}

export interface WriterLeaseOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly clock: Clock;
  readonly owner: string;
  readonly leaseMs: number;
  readonly lock: ProcessLock;
}

/**
 * Who may write: the owner under the newest `epoch`. Opening takes the next epoch; every transaction of the writer
 * looks whether its own is still the stored one, so a writer that slept past its lease writes nothing on waking.
 */
export class WriterLease {
  readonly epoch: number;
  readonly #options: WriterLeaseOptions;
  readonly #readEpoch: StatementSync;
  readonly #renew: StatementSync;

  private constructor(options: WriterLeaseOptions, epoch: number) {
    this.#options = options;
    this.epoch = epoch;
    this.#readEpoch = options.db.prepare('SELECT epoch, owner FROM writer WHERE id = 1');
    this.#renew = options.db.prepare('UPDATE writer SET renewed_ms = ? WHERE id = 1 AND epoch = ?');
  }

  /** Throws `journal_in_use` while another living owner's lease is fresh. */
  static take(options: WriterLeaseOptions): WriterLease {
    const ownsLock = options.lock.tryAcquire();
    const epoch = inTransaction(options.db, options.path, () => {
      const row = options.db.prepare('SELECT * FROM writer WHERE id = 1').get() ?? {};
      if (!ownsLock) refuseFreshLease(options, row);
      const next = numberIn(row, 'epoch') + 1;
      const now = options.clock.now();
      options.db
        .prepare(
          'UPDATE writer SET epoch = ?, owner = ?, since_ms = ?, renewed_ms = ?, lease_ms = ?, released = 0 WHERE id = 1',
        )
        .run(next, options.owner, now, now, options.leaseMs);
      return next;
    });
    return new WriterLease(options, epoch);
  }

  /** Inside a transaction: why this writer must stop, or `undefined` while it is the writer; renews its lease. */
  fencedReason(epoch: number): string | undefined {
    const row = this.#readEpoch.get() ?? {};
    const stored = numberIn(row, 'epoch');
    if (stored !== epoch) {
      return `epoch ${epoch} was replaced by ${stored}, held by ${textIn(row, 'owner')}`;
    }
    this.#renew.run(this.#options.clock.now(), epoch);
    return undefined;
  }

  /** Takes the lock of a process that went away after this one had taken its lease. */
  holdLock(): void {
    this.#options.lock.tryAcquire();
  }

  /** Clean end: the next owner need not wait for the lease. */
  release(): void {
    const { db, path, lock } = this.#options;
    try {
      inTransaction(db, path, () =>
        db.prepare('UPDATE writer SET released = 1 WHERE id = 1 AND epoch = ?').run(this.epoch),
      );
    } finally {
      lock.release();
    }
  }
}

function refuseFreshLease(options: WriterLeaseOptions, row: Parameters<typeof numberIn>[0]): void {
  const renewedMs = numberIn(row, 'renewed_ms');
  const leaseMs = numberIn(row, 'lease_ms');
  const released = numberIn(row, 'released') === 1;
  if (released || options.clock.now() >= renewedMs + leaseMs) return;
  const since = new Date(numberIn(row, 'since_ms')).toISOString();
  throw new UserError(
    'journal_in_use',
    `The journal ${options.path} is in use by ${textIn(row, 'owner')} since ${since}: stop that process, or set another journal.path.`,
  );
}
