import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../core/clock.ts';
import { GatewatchError, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { JournalReader } from '../model/journal.ts';
import { inTransaction, openReaderConnection, openWriterConnection } from './connection.ts';
import { Reserve } from './disk/reserve.ts';
import { StorageWatch, troubleKindOf } from './disk/storage-watch.ts';
import { checkHealth } from './health-check.ts';
import { requireJournalFile } from './journal-file.ts';
import { damageNoted, markDamaged } from './recovery/damage-marker.ts';
import { finishRebuild, rebuild } from './recovery/rebuild.ts';
import { migrate, requireCurrentSchema } from './schema.ts';
import type { RowProblem } from './segments/check-rows.ts';
import { noteDamage } from './segments/damage-table.ts';
import { isCorrupt, toJournalError } from './sqlite-error.ts';
import { SqliteJournal } from './sqlite-journal.ts';
import { SqliteJournalReader } from './sqlite-journal-reader.ts';
import { ProcessLock, WriterLease } from './writer-lease.ts';

const DEFAULT_LEASE_MS = 15_000;
const DEFAULT_RESERVE_BYTES = 256 * 1024 * 1024;

export interface OpenJournalOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who is writing, for people: host and process id. */
  readonly owner: string;
  /** Upper bound of the database file; past it commits fail with `journal_full`. Absent: the disk is the bound. */
  readonly maxBytes?: number;
  /** How long a writer that neither commits nor renews keeps others out while its process lives. */
  readonly leaseMs?: number;
  /** Size of the file that keeps room for acknowledgements on a full disk. */
  readonly reserveBytes?: number;
}

/**
 * Opens the journal for writing, creating or migrating it. A process that died leaves nothing to wait for; a living
 * owner with a fresh lease is `journal_in_use`; one whose lease ran out is fenced off. A damaged file is moved aside
 * (`recoveredFrom` says where) and a fresh one begun, with a gap record for what is gone.
 */
export async function openJournal(options: OpenJournalOptions): Promise<SqliteJournal> {
  const lock = new ProcessLock(`${options.path}.lock`);
  try {
    const ownsLock = lock.tryAcquire();
    return takeOver(options, lock, openOrRebuild(options, ownsLock));
  } catch (error) {
    lock.release();
    throw toJournalError(error, options.path);
  }
}

/** Opens an existing journal for reading beside its writer. */
export async function openJournalReader(path: string): Promise<JournalReader> {
  requireJournalFile(path);
  try {
    const db = openReaderConnection(path);
    return closingOnError(db, () => {
      requireCurrentSchema(db, path);
      return new SqliteJournalReader(db, path);
    });
  } catch (error) {
    throw toJournalError(error, path);
  }
}

function takeOver(options: OpenJournalOptions, lock: ProcessLock, opened: Opened): SqliteJournal {
  const { path, clock, logger, owner, leaseMs = DEFAULT_LEASE_MS } = options;
  const { db, damagedRows, recoveredFrom } = opened;
  return closingOnError(db, () => {
    const lease = WriterLease.take({ db, path, clock, owner, leaseMs, lock });
    const reserve = new Reserve(`${path}.reserve`, options.reserveBytes ?? DEFAULT_RESERVE_BYTES);
    const watch = new StorageWatch(clock, ({ reason }) => markDamaged(path, reason));
    if (damagedRows.length > 0) {
      inTransaction(db, path, () => noteDamage(db, damagedRows, clock.now()));
      const rows = damagedRows.map(({ seq }) => seq);
      logger.error({ journal: path, rows }, 'rows of the trail do not match their hashes');
    }
    return new SqliteJournal({ db, path, logger, lease, recoveredFrom, watch, reserve });
  });
}

interface Opened {
  readonly db: DatabaseSync;
  /** Among the newest, rows that do not match their hashes. */
  readonly damagedRows: readonly RowProblem[];
  readonly recoveredFrom: string | undefined;
}

function openOrRebuild(options: OpenJournalOptions, ownsLock: boolean): Opened {
  const { path, clock, logger } = options;
  if (ownsLock) finishRebuild(path, clock.now());
  try {
    const problem = damageNoted(path);
    if (problem !== undefined) throw new GatewatchError('journal_corrupt', problem);
    return { ...openHealthy(options, path), recoveredFrom: undefined };
  } catch (error) {
    const isDamaged = isCorrupt(error) || troubleKindOf(error) === 'damaged';
    if (!isDamaged || !ownsLock) throw error;
    const openFresh = (fresh: string) => openHealthy(options, fresh).db;
    const nowMs = clock.now();
    const recoveredFrom = rebuild({ path, nowMs, problem: messageOf(error), logger, openFresh });
    return { ...openHealthy(options, path), recoveredFrom };
  }
}

function openHealthy(options: OpenJournalOptions, path: string): Omit<Opened, 'recoveredFrom'> {
  const { maxBytes, reserveBytes = DEFAULT_RESERVE_BYTES } = options;
  const db = openWriterConnection({ path, reserveBytes, ...(maxBytes !== undefined && { maxBytes }) });
  return closingOnError(db, () => {
    migrate(db, path);
    return { db, damagedRows: checkHealth(db) };
  });
}

function closingOnError<T>(db: DatabaseSync, work: () => T): T {
  try {
    return work();
  } catch (error) {
    db.close();
    throw error;
  }
}
