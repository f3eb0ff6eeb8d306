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

/** Where the file of a segment is; `undefined` for one that has none any more. */
export function segmentPath(journalPath: string, { state, file }: Segment): string | undefined {
  if (state !== 'sealed' && state !== 'archived') return undefined;
  return isAbsolute(file) ? file : join(segmentFolderOf(journalPath), file);
}
