import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { numberIn } from '../row.ts';
import { hashFile, openSegmentFile } from './segment-file.ts';
import { segmentPath } from './segment-place.ts';
import { readSegments, type Segment } from './segment-table.ts';

const HASHES = 'SELECT seq, sha256 FROM record';

/**
 * Whether a whole file in the folder of segments holds nothing of its own: it is, byte for byte, a segment on record, or
 * each of its rows stands with the same number and hash in the live file or in a segment that can be read. False in doubt.
 */
export async function isHeldElsewhere(db: DatabaseSync, journalPath: string, file: string): Promise<boolean> {
  const sha256 = await hashFile(file);
  const segments = readSegments(db);
  if (segments.some((one) => one.sha256 === sha256 && segmentPath(journalPath, one) !== file)) return true;
  try {
    return rowsAreHeld(db, journalPath, file, segments);
  } catch {
    // It, or what should hold its rows, cannot be read: it may be all there is of them.
    return false;
  }
}

function rowsAreHeld(
  db: DatabaseSync,
  journalPath: string,
  file: string,
  segments: readonly Segment[],
): boolean {
  const missing = new Map<number, string>();
  withSegment(file, (from) => {
    for (const row of from.prepare(HASHES).iterate()) missing.set(numberIn(row, 'seq'), hexOf(row.sha256));
  });
  if (missing.size === 0) return false;
  strike(db, missing);
  for (const segment of segments) {
    const holder = segmentPath(journalPath, segment);
    if (missing.size === 0) break;
    if (holder === undefined || holder === file || !existsSync(holder)) continue;
    if ([...missing.keys()].some((seq) => segment.firstSeq <= seq && seq <= segment.lastSeq))
      withSegment(holder, (from) => strike(from, missing));
  }
  return missing.size === 0;
}

/** Takes out what this file holds with the same number and hash. */
function strike(from: DatabaseSync, missing: Map<number, string>): void {
  const read = from.prepare('SELECT sha256 FROM record WHERE seq = ?');
  for (const [seq, sha256] of missing) if (hexOf(read.get(seq)?.sha256) === sha256) missing.delete(seq);
}

function withSegment(file: string, work: (from: DatabaseSync) => void): void {
  const from = openSegmentFile(file);
  try {
    work(from);
  } finally {
    from.close();
  }
}

function hexOf(sha256: unknown): string {
  return sha256 instanceof Uint8Array ? Buffer.from(sha256).toString('hex') : 'none';
}
