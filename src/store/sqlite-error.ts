import { GatewatchError, messageOf } from '../core/errors.ts';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that mean something to us. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** Primary SQLite result code of an error thrown by `node:sqlite`; `undefined` for any other error. */
export function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === BUSY || code === LOCKED;
}

/** True when the file cannot be trusted any more: it is no database, or its structure is broken. */
export function isCorrupt(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code === CORRUPT || code === NOTADB;
}

/**
 * Turns what SQLite throws into our own error with a stable code and what to do: `journal_full`, `journal_corrupt`,
 * `journal_busy`, `journal_read_only`, `journal_cannot_open`, `journal_io`. Other errors (bugs) pass unchanged.
 */
export function toJournalError(error: unknown, path: string): unknown {
  const described = describe(sqliteCodeOf(error), path);
  if (described === undefined) return error;
  const [code, text] = described;
  return new GatewatchError(code, `${text} (SQLite: ${messageOf(error)})`, { cause: error });
}

function describe(code: number | undefined, path: string): readonly [string, string] | undefined {
  switch (code) {
    case FULL:
      return [
        'journal_full',
        `The journal ${path} is full: nothing was written; free disk space or raise its size limit.`,
      ];
    case CORRUPT:
    case NOTADB:
      return [
        'journal_corrupt',
        `The journal ${path} is damaged; restart to have it moved aside and rebuilt.`,
      ];
    case BUSY:
    case LOCKED:
      return [
        'journal_busy',
        `Another process holds the write lock of the journal ${path}; nothing was written.`,
      ];
    case READONLY:
      return [
        'journal_read_only',
        `The journal ${path} cannot be written; give this user write access to file and folder.`,
      ];
    case CANTOPEN:
      return [
        'journal_cannot_open',
        `The journal ${path} cannot be opened; check that its folder exists and is accessible.`,
      ];
    case IOERR:
      return ['journal_io', `The disk under the journal ${path} failed; nothing of this step was written.`];
    default:
      return undefined;
  }
}
