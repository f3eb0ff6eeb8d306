import { statSync } from 'node:fs';
import { GatewatchError } from '../core/errors.ts';

/**
 * Throws `journal_corrupt` for a journal that is empty or gone while its write-ahead log is there: rows may stand in that
 * log alone, and SQLite deletes it with the first look into the file, through a read-only connection too
 * (`pagerOpenWalIfPresent` in https://sqlite.org/src/file/src/pager.c). To be called before a connection is opened.
 */
export function refuseStrayLog(path: string): void {
  if (sizeOf(path) > 0 || sizeOf(`${path}-wal`) === 0) return;
  throw new GatewatchError(
    'journal_corrupt',
    `Expected the journal ${path} beside its log ${path}-wal, found it empty or gone: put it back from a backup, or start the worker, which moves the log aside and begins a fresh journal.`,
  );
}

/** 0 where there is no file. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
