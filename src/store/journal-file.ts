import { statSync } from 'node:fs';
import { UserError } from '../core/errors.ts';

/** For whoever reads a journal or orders something of its worker, and must not make one. Throws `journal_missing`. */
export function requireJournalFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return;
  const what =
    found === undefined ? 'no file: check journal.path, or start the worker once' : 'no file but a folder';
  throw new UserError('journal_missing', `Expected a journal at ${path}, found ${what}.`);
}
