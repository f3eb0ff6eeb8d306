import type { DatabaseSync } from 'node:sqlite';
import { numberIn, optionalNumberIn, type Row } from '../row.ts';
import { putSegment, type Segment } from '../segments/segment-table.ts';

/** What remains of a damaged journal beside its newest rows. All `seq` and times as far as they could be read. */
export interface Salvaged {
  /** Last row in a sealed segment: these are not lost. */
  readonly sealedThrough: number;
  /** Last row that was ever numbered; new rows are numbered after it. */
  readonly lastSeq: number;
  /** No lost row is of an event before this; absent where the file does not tell any more. */
  readonly lostFromMs?: number;
  /** Tables of which only a part, or nothing, could be read. */
  readonly incomplete: readonly string[];
}

/** What is history rather than a row of the trail: small, and kept whole. */
const KEPT_TABLES = [
  'segment',
  'gap',
  'lane',
  'dead_letter',
  'undelivered',
  'orders',
  'ledger',
  'usage_mark',
  'damage',
] as const;

/**
 * Inside a transaction on a fresh journal: takes over what can still be read of a damaged one. Rows that were not sealed
 * are not taken over, because nothing vouches for them any more; positions are set back so that their time is read again,
 * and no lane may take a new row for an old one.
 */
export function salvage(
  db: DatabaseSync,
  damaged: DatabaseSync | undefined,
  segmentsInFolder: () => readonly Segment[],
): Salvaged {
  const incomplete: string[] = KEPT_TABLES.filter((table) => !copyRows(db, damaged, table, ''));
  if (incomplete.includes('segment')) for (const one of segmentsInFolder()) putSegment(db, one);
  const sealedThrough = maxOf(db, 'SELECT max(last_seq) AS value FROM segment') ?? 0;
  const lastSeq = Math.max(
    sealedThrough,
    maxOf(damaged, 'SELECT max(seq) AS value FROM record') ?? 0,
    maxOf(damaged, 'SELECT max(last_seq) AS value FROM stream_run') ?? 0,
    maxOf(damaged, 'SELECT max(cursor) AS value FROM lane') ?? 0,
    // Where nothing tells, one number stands for all that were lost: it keeps lanes from starting over (`LaneWriter.open`).
    sealedThrough > 0 && incomplete.includes('lane') ? sealedThrough + 1 : 0,
  );
  if (!copyRows(db, damaged, 'stream_run', `WHERE last_seq <= ${sealedThrough}`))
    incomplete.push('stream_run');
  const lostFromMs =
    maxOf(damaged, `SELECT min(min_event_ms) AS value FROM stream_run WHERE last_seq > ${sealedThrough}`) ??
    maxOf(db, 'SELECT max(max_event_ms) AS value FROM segment');
  db.prepare('UPDATE lane SET cursor = ?, held_reason = NULL').run(lastSeq);
  db.prepare('UPDATE writer SET epoch = ?').run(maxOf(damaged, 'SELECT epoch AS value FROM writer') ?? 0);
  if (lostFromMs !== undefined && damaged !== undefined) setBack(db, damaged, lostFromMs);
  return { sealedThrough, lastSeq, incomplete, ...(lostFromMs !== undefined && { lostFromMs }) };
}

/** Every unit that was read is read again from where the loss begins. */
function setBack(db: DatabaseSync, damaged: DatabaseSync, fromMs: number): void {
  const put = db.prepare(
    'INSERT OR REPLACE INTO checkpoint (unit, read_through_ms, version, rereads) VALUES (?, ?, ?, ?)',
  );
  forEachRow(damaged, 'SELECT unit, read_through_ms, version FROM checkpoint', (row) => {
    const through = Math.min(numberIn(row, 'read_through_ms'), fromMs);
    put.run(row.unit ?? null, through, numberIn(row, 'version') + 1, '[]');
  });
}

/** False when not all of it could be read; what could be is kept. */
export function copyRows(
  db: DatabaseSync,
  damaged: DatabaseSync | undefined,
  table: string,
  where: string,
): boolean {
  if (damaged === undefined) return false;
  const columns = columnsOf(db, table);
  const theirs = new Set(columnsOf(damaged, table));
  const shared = columns.filter((column) => theirs.has(column));
  if (shared.length === 0) return false;
  const names = shared.join(', ');
  const marks = shared.map(() => '?').join(', ');
  const put = db.prepare(`INSERT OR REPLACE INTO ${table} (${names}) VALUES (${marks})`);
  return forEachRow(damaged, `SELECT ${names} FROM ${table} ${where}`, (row) =>
    put.run(...shared.map((column) => row[column] ?? null)),
  );
}

function columnsOf(db: DatabaseSync, table: string): string[] {
  const columns: string[] = [];
  forEachRow(db, `SELECT name FROM pragma_table_info('${table}')`, ({ name }) => columns.push(String(name)));
  return columns;
}

/** The one number of a query; `undefined` when there is none or it cannot be read. */
function maxOf(db: DatabaseSync | undefined, sql: string): number | undefined {
  if (db === undefined) return undefined;
  let value: number | undefined;
  forEachRow(db, sql, (row) => {
    value = optionalNumberIn(row, 'value');
  });
  return value;
}

/** Reads as far as the damage lets it: what lies behind it is what the gap record is for. */
function forEachRow(db: DatabaseSync, sql: string, each: (row: Row) => unknown): boolean {
  try {
    for (const row of db.prepare(sql).iterate()) each(row);
    return true;
  } catch {
    return false;
  }
}
