import { isAbsolute, join } from 'node:path';
import type { Segment } from './segment-table.ts';

/** Where the sealed segments of a journal lie. */
export function segmentFolderOf(journalPath: string): string {
  return `${journalPath}.segments`;
}

/** `2026-11-20.000000000001.db`: day of the oldest event, then the first row; the same for the same rows always. */
export function segmentName(firstSeq: number, minEventMs: number): string {
  return `${new Date(minEventMs).toISOString().slice(0, 10)}.${String(firstSeq).padStart(12, '0')}.db`;
}

const SEGMENT_FILE = /^\d{4}-\d\d-\d\d\.(\d{12,})\.db(\.partial)?$/;

/** Half a copy: nothing will ask for it. */
export function isPartial(name: string): boolean {
  return SEGMENT_FILE.exec(name)?.[2] !== undefined;
}

/**
 * True for a whole file in the folder of segments whose first number is by now in a segment of another name or place. The
 * number alone says nothing of the rows: a journal that began anew beside the segments of an earlier one numbers from 1
 * again, so that the rows are to be compared before such a file goes.
 */
export function isCovered(name: string, segments: readonly Segment[]): boolean {
  const parts = SEGMENT_FILE.exec(name);
  if (parts === null || isPartial(name)) return false;
  const seq = Number(parts[1]);
  const holder = segments.find(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq);
  if (holder === undefined || holder.state === 'lost') return false;
  return holder.state !== 'sealed' || holder.file !== name;
}

/** Where the file of a segment is; `undefined` for one that has none any more. */
export function segmentPath(journalPath: string, { state, file }: Segment): string | undefined {
  if (state !== 'sealed' && state !== 'archived') return undefined;
  return isAbsolute(file) ? file : join(segmentFolderOf(journalPath), file);
}
