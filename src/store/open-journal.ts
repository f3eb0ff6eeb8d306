import { existsSync, renameSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../core/clock.ts';
import { GatewatchError, messageOf, UserError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Journal, JournalReader } from '../model/journal.ts';
import { openReaderConnection, openWriterConnection } from './connection.ts';
import { checkHealth } from './health-check.ts';
import { migrate, requireCurrentSchema } from './schema.ts';
import { isCorrupt, toJournalError } from './sqlite-error.ts';
import { SqliteJournal } from './sqlite-journal.ts';
import { SqliteJournalReader } from './sqlite-journal-reader.ts';
import { ProcessLock, WriterLease } from './writer-lease.ts';

const DEFAULT_LEASE_MS = 15_000;

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
}

/**
 * Opens the journal for writing, creating or migrating it. A process that died leaves nothing to wait for; a living
 * owner with a fresh lease is `journal_in_use`; one whose lease ran out is fenced off. A damaged file is moved aside
 * (`recoveredFrom` says where) and a fresh one begun: the caller records the gap.
 */
export async function openJournal(options: OpenJournalOptions): Promise<Journal> {
  const lock = new ProcessLock(`${options.path}.lock`);
  try {
    const ownsLock = lock.tryAcquire();
    const { db, recoveredFrom } = openOrRebuild(options, ownsLock);
    return takeOver(options, lock, db, recoveredFrom);
  } catch (error) {
    lock.release();
    throw toJournalError(error, options.path);
  }
}

/** Opens an existing journal for reading beside its writer. */
export async function openJournalReader(path: string): Promise<JournalReader> {
  if (!existsSync(path)) {
    throw new UserError(
      'journal_missing',
      `Expected a journal at ${path}, found no file: check journal.path, or start the worker once.`,
    );
  }
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

function takeOver(
  options: OpenJournalOptions,
  lock: ProcessLock,
  db: DatabaseSync,
  recoveredFrom: string | undefined,
): Journal {
  const { path, clock, logger, owner, leaseMs = DEFAULT_LEASE_MS } = options;
  return closingOnError(db, () => {
    const lease = WriterLease.take({ db, path, clock, owner, leaseMs, lock });
    return new SqliteJournal({ db, path, logger, lease, recoveredFrom });
  });
}

interface Opened {
  readonly db: DatabaseSync;
  readonly recoveredFrom: string | undefined;
}

function openOrRebuild(options: OpenJournalOptions, ownsLock: boolean): Opened {
  try {
    return { db: openHealthy(options), recoveredFrom: undefined };
  } catch (error) {
    if (!isCorrupt(error) && !(error instanceof GatewatchError && error.code === 'journal_corrupt'))
      throw error;
    if (!ownsLock) throw error;
    const recoveredFrom = moveAside(options.path, options.clock.now());
    options.logger.error(
      { journal: options.path, movedTo: recoveredFrom, problem: messageOf(error) },
      'The journal is damaged: moved it aside and begin a fresh one, to be filled again from the sources.',
    );
    return { db: openHealthy(options), recoveredFrom };
  }
}

function openHealthy({ path, maxBytes }: OpenJournalOptions): DatabaseSync {
  const db = openWriterConnection({ path, ...(maxBytes !== undefined && { maxBytes }) });
  return closingOnError(db, () => {
    migrate(db, path);
    checkHealth(db);
    return db;
  });
}

/** Renames the database with its log and index, so that nothing of it can be mistaken for the new one's. */
function moveAside(path: string, nowMs: number): string {
  const target = `${path}.corrupt-${new Date(nowMs).toISOString().replaceAll(':', '')}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  }
  return target;
}

function closingOnError<T>(db: DatabaseSync, work: () => T): T {
  try {
    return work();
  } catch (error) {
    db.close();
    throw error;
  }
}
