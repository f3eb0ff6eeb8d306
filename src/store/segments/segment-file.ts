import { createHash } from 'node:crypto';
import { closeSync, createReadStream, existsSync, fsyncSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { GatewatchError } from '../../core/errors.ts';
import { openReaderConnection } from '../connection.ts';
import { SCHEMA_VERSION } from '../schema.ts';
import { toJournalError } from '../sqlite-error.ts';

/** Marks a SQLite file as a sealed segment ("GWS1"). */
const APPLICATION_ID = 0x47575331;

/** Tables that hold the rows and what finds them. A segment has them with the columns and indexes of the live file. */
const TRAIL_TABLES = ['facet', 'record', 'stream_run', 'event_chunk'] as const;

/** Rows per step: a few milliseconds, so that commits and acknowledgements come between. */
const STEP_ROWS = 250;

/** A span of rows to be copied, ends included. */
export interface SeqSpan {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Copies rows of the live journal into a new file, step by step. The live file is attached read-only and nothing of it is
 * held between steps. The file is on disk when this resolves, and still has to be compared.
 */
export async function writeSegmentFile(path: string, livePath: string, span: SeqSpan): Promise<void> {
  const db = new DatabaseSync(path);
  try {
    db.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;');
    db.exec('PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;');
    db.prepare('ATTACH ? AS live').run(`${pathToFileURL(livePath).href}?mode=ro`);
    createTables(db);
    const { firstSeq, lastSeq } = span;
    db.exec('INSERT INTO main.facet SELECT * FROM live.facet');
    const copy = db.prepare('INSERT INTO main.record SELECT * FROM live.record WHERE seq BETWEEN ? AND ?');
    for (let from = firstSeq; from <= lastSeq; from += STEP_ROWS) {
      copy.run(from, Math.min(lastSeq, from + STEP_ROWS - 1));
      await setImmediate();
    }
    for (const [table, column] of [
      ['stream_run', 'first_seq'],
      ['event_chunk', 'first_seq'],
    ] as const) {
      db.prepare(`INSERT INTO main.${table} SELECT * FROM live.${table} WHERE ${column} BETWEEN ? AND ?`).run(
        firstSeq,
        lastSeq,
      );
      await setImmediate();
    }
    db.exec(
      `DETACH live; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`,
    );
  } finally {
    db.close();
  }
  syncPath(path);
}

/** As the live file has them, whatever columns a release has given them. */
function createTables(db: DatabaseSync): void {
  const names = TRAIL_TABLES.map((name) => `'${name}'`).join(', ');
  const statements = db
    .prepare(
      `SELECT sql FROM live.sqlite_schema WHERE tbl_name IN (${names}) AND sql IS NOT NULL
         ORDER BY type = 'index', rowid`,
    )
    .all();
  for (const { sql } of statements) if (typeof sql === 'string') db.exec(sql);
}

/** Opens a segment for reading. Throws `segment_missing`, or `segment_damaged` for one that cannot be one. */
export function openSegmentFile(path: string): DatabaseSync {
  if (!existsSync(path)) {
    throw new GatewatchError(
      'segment_missing',
      `Expected a sealed segment of the journal at ${path}, found no file: bring it back (from the archive or a backup), or ask for another time.`,
    );
  }
  try {
    const db = openReaderConnection(path);
    const id = db.prepare('PRAGMA application_id').get()?.application_id;
    if (id === APPLICATION_ID) return db;
    db.close();
  } catch (error) {
    throw toSegmentError(error, path);
  }
  throw segmentDamaged(path, 'it is no segment');
}

/** A damaged segment says nothing about the live journal: it gets an error of its own. */
export function toSegmentError(error: unknown, path: string): unknown {
  const known = toJournalError(error, path);
  if (!(known instanceof GatewatchError) || known.code !== 'journal_corrupt') return known;
  return segmentDamaged(path, known.message, error);
}

function segmentDamaged(path: string, problem: string, cause?: unknown): GatewatchError {
  return new GatewatchError(
    'segment_damaged',
    `The sealed segment ${path} is damaged (${problem}): put a copy from a backup in its place; \`gatewatch audit verify\` names the rows.`,
    { cause },
  );
}

/** SHA-256 of a file, lower-case hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const sum = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) sum.update(chunk);
  return sum.digest('hex');
}

/** Flushes a file, or a folder's list of names, to the disk. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
