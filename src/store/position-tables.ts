import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import type { Checkpoint, Gap, LedgerEntry, Reread, UnitCommit } from '../model/journal.ts';
import { numberIn, type Row, textIn } from './row.ts';

/** How far each source unit has read, what its windows held, and what was never read. Writing half. */
export class PositionWriter {
  readonly #select: StatementSync;
  readonly #put: StatementSync;
  readonly #bump: StatementSync;
  readonly #ledger: StatementSync;
  readonly #gap: StatementSync;

  constructor(db: DatabaseSync) {
    this.#select = db.prepare('SELECT * FROM checkpoint WHERE unit = ?');
    this.#put = db.prepare(
      `INSERT INTO checkpoint (unit, read_through_ms, version, rereads) VALUES (?, ?, ?, ?)
       ON CONFLICT (unit) DO UPDATE SET read_through_ms = excluded.read_through_ms, version = excluded.version,
         rereads = excluded.rereads`,
    );
    this.#bump = db.prepare('UPDATE checkpoint SET version = ? WHERE unit = ?');
    this.#ledger = db.prepare(
      `INSERT INTO ledger (unit, from_ms, to_ms, read, seen, stored, quarantined, filtered, unparsed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#gap = db.prepare(
      `INSERT INTO gap (unit, from_ms, to_ms, reason, recorded_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (unit, from_ms, to_ms) DO NOTHING`,
    );
  }

  checkpoint(unit: string): Checkpoint | undefined {
    const row = this.#select.get(unit);
    return row === undefined ? undefined : checkpointOf(row);
  }

  /** Inside a transaction, after the version was found to be the expected one. Returns the version now stored. */
  apply(commit: UnitCommit): number {
    if (commit.ledger !== undefined) this.#addLedger(commit.ledger);
    return this.#advance(commit);
  }

  addGaps(gaps: readonly Gap[]): void {
    for (const gap of gaps) this.#gap.run(gap.unit, gap.fromMs, gap.toMs, gap.reason, gap.recordedMs);
  }

  /** A unit without a position stays without one (version 0) until a commit brings its first. */
  #advance({ unit, expectedVersion, nextCheckpoint }: UnitCommit): number {
    const version = expectedVersion + 1;
    if (nextCheckpoint !== undefined) {
      this.#put.run(unit, nextCheckpoint.readThroughMs, version, JSON.stringify(nextCheckpoint.rereads));
      return version;
    }
    if (expectedVersion === 0) return 0;
    this.#bump.run(version, unit);
    return version;
  }

  #addLedger(entry: LedgerEntry): void {
    const { unit, window, read, seen, stored, quarantined, filtered, unparsed } = entry;
    this.#ledger.run(unit, window.fromMs, window.toMs, read, seen, stored, quarantined, filtered, unparsed);
  }
}

export function readCheckpoints(db: DatabaseSync): readonly Checkpoint[] {
  return db.prepare('SELECT * FROM checkpoint ORDER BY unit').all().map(checkpointOf);
}

/** Ledger rows whose window overlaps `[fromMs, toMs)`. */
export function readLedger(db: DatabaseSync, fromMs: number, toMs: number): readonly LedgerEntry[] {
  const sql = 'SELECT * FROM ledger WHERE to_ms > ? AND from_ms < ? ORDER BY from_ms, id';
  return db.prepare(sql).all(fromMs, toMs).map(ledgerEntryOf);
}

export function readGaps(db: DatabaseSync): readonly Gap[] {
  const rows = db.prepare('SELECT * FROM gap ORDER BY from_ms, unit').all();
  return rows.map((row) => ({
    unit: textIn(row, 'unit'),
    fromMs: numberIn(row, 'from_ms'),
    toMs: numberIn(row, 'to_ms'),
    reason: textIn(row, 'reason'),
    recordedMs: numberIn(row, 'recorded_ms'),
  }));
}

function checkpointOf(row: Row): Checkpoint {
  return {
    unit: textIn(row, 'unit'),
    readThroughMs: numberIn(row, 'read_through_ms'),
    version: numberIn(row, 'version'),
    rereads: parseRereads(textIn(row, 'rereads')),
  };
}

function ledgerEntryOf(row: Row): LedgerEntry {
  return {
    unit: textIn(row, 'unit'),
    window: { fromMs: numberIn(row, 'from_ms'), toMs: numberIn(row, 'to_ms') },
    read: numberIn(row, 'read'),
    seen: numberIn(row, 'seen'),
    stored: numberIn(row, 'stored'),
    quarantined: numberIn(row, 'quarantined'),
    filtered: numberIn(row, 'filtered'),
    unparsed: numberIn(row, 'unparsed'),
  };
}

function parseRereads(text: string): readonly Reread[] {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value) && value.every(isReread)) return value;
  throw new GatewatchError(
    'journal_corrupt',
    `Expected a list of rereads in the journal, got ${text.slice(0, 80)}`,
  );
}

function isReread(value: unknown): value is Reread {
  return (
    isObject(value) && ['fromMs', 'toMs', 'dueMs', 'pass'].every((key) => typeof value[key] === 'number')
  );
}
