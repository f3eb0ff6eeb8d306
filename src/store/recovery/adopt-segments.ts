import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { numberIn } from '../row.ts';
import { openSegmentFile } from '../segments/segment-file.ts';
import { segmentFolderOf } from '../segments/segment-place.ts';
import type { Segment } from '../segments/segment-table.ts';

const READ_BYTES = 1024 * 1024;

/**
 * Segments as they lie in the folder, for a journal whose own list cannot be read any more. Each is whole or was never
 * put there. What had been archived is not among them: only that list knew where.
 */
export function segmentsInFolder(journalPath: string, nowMs: number): readonly Segment[] {
  const folder = segmentFolderOf(journalPath);
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder)
    .filter((name) => name.endsWith('.db'))
    .flatMap((file) => readSegment(folder, file, nowMs) ?? [])
    .sort((a, b) => a.firstSeq - b.firstSeq);
  return found.filter(({ firstSeq }, index) => firstSeq > (found[index - 1]?.lastSeq ?? 0));
}

/** `undefined` for a file that is no readable segment: it stays where it is and its rows are part of the gap. */
function readSegment(folder: string, file: string, nowMs: number): Segment | undefined {
  const path = join(folder, file);
  try {
    const db = openSegmentFile(path);
    try {
      const row =
        db
          .prepare(
            `SELECT min(seq) AS first, max(seq) AS last, count(*) AS n, min(event_ms) AS from_ms, max(event_ms) AS to_ms
               FROM record`,
          )
          .get() ?? {};
      return {
        firstSeq: numberIn(row, 'first'),
        lastSeq: numberIn(row, 'last'),
        state: 'sealed',
        file,
        sha256: hashNow(path),
        bytes: statSync(path).size,
        rows: numberIn(row, 'n'),
        minEventMs: numberIn(row, 'from_ms'),
        maxEventMs: numberIn(row, 'to_ms'),
        changedMs: nowMs,
      };
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
}

function hashNow(path: string): string {
  const sum = createHash('sha256');
  const chunk = Buffer.allocUnsafe(READ_BYTES);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk))
      sum.update(chunk.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return sum.digest('hex');
}
