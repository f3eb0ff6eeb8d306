import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { JournalUsage } from '../../model/journal-upkeep.ts';
import { numberIn, optionalNumberIn } from '../row.ts';
import { freeBytesAt } from './reserve.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What a row takes beside its body: ids, hashes, index entries. Measured at 1.2 kB bodies. */
const ROW_OVERHEAD_BYTES = 450;
/** Marks older than this say nothing that is still asked for. */
const KEEP_MARKS_MS = 40 * DAY_MS;

/**
 * Rows that wait in a lane, by lane class and stream: counted once, however many lanes wait for them. A replay's rows
 * are not waiting: they were delivered before.
 */
const QUEUE = `
  WITH behind AS (
    SELECT stream, class, min(cursor) AS cursor FROM lane WHERE class <> 'replay' GROUP BY stream, class
  )
  SELECT sum(run_rows) AS row_count, sum(run_bytes) AS bytes FROM (
    SELECT s.last_seq - max(s.first_seq - 1, b.cursor) AS run_rows,
      CAST(s.bytes AS REAL) * (s.last_seq - max(s.first_seq - 1, b.cursor)) / (s.last_seq - s.first_seq + 1) AS run_bytes
    FROM behind b JOIN stream_run s
      ON s.stream = b.stream AND s.origin = b.class AND s.last_seq > b.cursor
  )`;

export async function readUsage(db: DatabaseSync, path: string, nowMs: number): Promise<JournalUsage> {
  const diskFreeBytes = await freeBytesAt(path);
  const size = sizeOf(db, path);
  const bytesPerDay = growthOf(db, size.writtenBytes, nowMs);
  return {
    liveBytes: size.liveBytes,
    logBytes: size.logBytes,
    segmentBytes: size.segmentBytes,
    segments: size.segments,
    queueBytes: queueBytesOf(db),
    ...(diskFreeBytes !== undefined && { diskFreeBytes }),
    ...(bytesPerDay !== undefined && { bytesPerDay }),
  };
}

/** Inside a transaction: notes how much was ever written and through which row. */
export function writeMark(db: DatabaseSync, path: string, lastSeq: number, nowMs: number): void {
  db.prepare(
    `INSERT INTO usage_mark (at_ms, last_seq, written_bytes) VALUES (?, ?, ?)
     ON CONFLICT (at_ms) DO UPDATE SET last_seq = excluded.last_seq, written_bytes = excluded.written_bytes`,
  ).run(nowMs, lastSeq, sizeOf(db, path).writtenBytes);
  db.prepare('DELETE FROM usage_mark WHERE at_ms < ?').run(nowMs - KEEP_MARKS_MS);
}

function sizeOf(db: DatabaseSync, path: string) {
  const pageBytes = pragma(db, 'page_size');
  const liveBytes = (pragma(db, 'page_count') - pragma(db, 'freelist_count')) * pageBytes;
  const logBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  const row =
    db
      .prepare(
        `SELECT coalesce(sum(bytes), 0) AS ever, coalesce(sum(bytes) FILTER (WHERE state = 'sealed'), 0) AS here,
           count(*) FILTER (WHERE state IN ('sealed', 'archived')) AS segments FROM segment`,
      )
      .get() ?? {};
  return {
    liveBytes,
    logBytes,
    segmentBytes: numberIn(row, 'here'),
    segments: numberIn(row, 'segments'),
    writtenBytes: liveBytes + numberIn(row, 'ever'),
  };
}

function queueBytesOf(db: DatabaseSync): number {
  const row = db.prepare(QUEUE).get() ?? {};
  const rows = optionalNumberIn(row, 'row_count') ?? 0;
  return Math.round((optionalNumberIn(row, 'bytes') ?? 0) + rows * ROW_OVERHEAD_BYTES);
}

/** From the newest mark at least a day old, or the oldest there is; an hour is too short to say anything. */
function growthOf(db: DatabaseSync, writtenBytes: number, nowMs: number): number | undefined {
  const day = db.prepare('SELECT * FROM usage_mark WHERE at_ms <= ? ORDER BY at_ms DESC LIMIT 1');
  const oldest = db.prepare('SELECT * FROM usage_mark ORDER BY at_ms LIMIT 1');
  const mark = day.get(nowMs - DAY_MS) ?? oldest.get();
  if (mark === undefined) return undefined;
  const spanMs = nowMs - numberIn(mark, 'at_ms');
  if (spanMs < HOUR_MS) return undefined;
  return Math.max(0, ((writtenBytes - numberIn(mark, 'written_bytes')) / spanMs) * DAY_MS);
}

function pragma(db: DatabaseSync, name: 'page_size' | 'page_count' | 'freelist_count'): number {
  return numberIn(db.prepare(`PRAGMA ${name}`).get() ?? {}, name);
}
