import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { textIn } from './row.ts';
import { toJournalError } from './sqlite-error.ts';
import { refuseStrayLog } from './stray-log.ts';

/** Earlier releases can lose committed rows when the write-ahead log is reset (https://sqlite.org/wal.html#walresetbug). */
const OLDEST_SAFE_SQLITE = [3, 51, 3] as const;

/** How long a statement waits for another connection's lock before it fails as busy. */
const BUSY_TIMEOUT_MS = 5_000;
const PAGE_BYTES = 8_192;
/** The log is copied into the file when it holds this many pages, or half of the reserve. */
const AUTOCHECKPOINT_PAGES = 20_000;
const WRITER_CACHE_KIB = 8 * 1024;
const READER_CACHE_KIB = 16 * 1024;

export interface WriterConnectionOptions {
  readonly path: string;
  readonly maxBytes?: number;
  /** Room that a full disk leaves for copying the log into the file. */
  readonly reserveBytes: number;
}

/**
 * The one writing connection. Write-ahead mode with `synchronous=FULL`: a commit has been fsynced when it returns.
 * Memory mapping stays off: it has a corruption story of its own and defeats the memory bound.
 */
export function openWriterConnection(options: WriterConnectionOptions): DatabaseSync {
  refuseStrayLog(options.path);
  createPrivately(options.path);
  const db = new DatabaseSync(options.path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    requireSafeSqlite(db);
    giveBackFreePages(db);
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA mmap_size = 0; PRAGMA wal_autocheckpoint = ${autocheckpointPages(options.reserveBytes)};
      PRAGMA cache_size = -${WRITER_CACHE_KIB}; PRAGMA temp_store = MEMORY;`);
    if (options.maxBytes !== undefined) limitSize(db, options.maxBytes);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Only a file without pages can be told so; on any other the pragma would write to the header, whoever's file it is. */
function giveBackFreePages(db: DatabaseSync): void {
  if (db.prepare('PRAGMA page_count').get()?.page_count !== 0) return;
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`);
}

function autocheckpointPages(reserveBytes: number): number {
  return Math.max(1, Math.min(AUTOCHECKPOINT_PAGES, Math.floor(reserveBytes / 2 / PAGE_BYTES)));
}

/** The trail is nobody else's to read; SQLite gives its log and index files the rights of the database. */
function createPrivately(path: string): void {
  if (path !== ':memory:' && !existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}

/** A read-only connection, usable beside a running writer in another process. */
export function openReaderConnection(path: string): DatabaseSync {
  refuseStrayLog(path);
  const db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    requireSafeSqlite(db);
    db.exec(`PRAGMA mmap_size = 0; PRAGMA cache_size = -${READER_CACHE_KIB}; PRAGMA temp_store = MEMORY;`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Runs `work` in one immediate transaction. After a full disk SQLite has already rolled back, and a second ROLLBACK
 * would throw over the real error: it is sent only while a transaction is open.
 */
export function inTransaction<T>(db: DatabaseSync, path: string, work: () => T): T {
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw toJournalError(error, path);
  }
}

/**
 * Runs `work` in a transaction that no fsync follows: it is whole on disk with the next commit that is fsynced, and lost
 * with the machine's power before that, but not with the process. `db` is a writer connection.
 */
export function inUnsyncedTransaction<T>(db: DatabaseSync, path: string, work: () => T): T {
  db.exec('PRAGMA synchronous = NORMAL');
  try {
    return inTransaction(db, path, work);
  } finally {
    db.exec('PRAGMA synchronous = FULL');
  }
}

/** Throws for a SQLite older than the first without the write-ahead-log reset bug. */
export function requireSafeVersion(version: string): void {
  const parts = version.split('.').map(Number);
  for (const [index, oldest] of OLDEST_SAFE_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) {
      throw new GatewatchError(
        'sqlite_too_old',
        `Expected SQLite ${OLDEST_SAFE_SQLITE.join('.')} or newer, got ${version}, whose write-ahead log can lose data: run Node 24.15 or newer.`,
      );
    }
  }
}

function requireSafeSqlite(db: DatabaseSync): void {
  requireSafeVersion(textIn(db.prepare('SELECT sqlite_version() AS version').get() ?? {}, 'version'));
}

function limitSize(db: DatabaseSync, maxBytes: number): void {
  const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.page_size ?? PAGE_BYTES);
  db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
}
