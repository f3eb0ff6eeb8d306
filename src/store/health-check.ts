import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { numberIn, textIn } from './row.ts';
import { matchesHash, type RowProblem } from './segments/check-rows.ts';

/** Tables that stay small whatever the trail's size: checked whole at each start. */
const SMALL_TABLES = ['writer', 'facet', 'checkpoint', 'lane'] as const;
const TAIL_ROWS = 500;

/**
 * What a start can afford on a file of any size: the structure of the small tables, and the newest rows against their own
 * hashes. A full integrity check reads every page and would keep a large journal closed for minutes. Throws
 * `journal_corrupt` for a broken structure; a row that was changed inside a sound one is returned, as it costs itself alone.
 */
export function checkHealth(db: DatabaseSync): readonly RowProblem[] {
  checkSmallTables(db);
  const tail = db.prepare('SELECT seq, sha256, body FROM record ORDER BY seq DESC LIMIT ?').all(TAIL_ROWS);
  return tail
    .filter((row) => !matchesHash(row))
    .map((row) => ({ seq: numberIn(row, 'seq'), problem: 'does not match its hash' }));
}

/** Throws `journal_corrupt`. Takes a millisecond. */
export function checkSmallTables(db: DatabaseSync): void {
  for (const table of SMALL_TABLES) {
    const problem = textIn(db.prepare(`PRAGMA quick_check('${table}')`).get() ?? {}, 'quick_check');
    if (problem !== 'ok')
      throw new GatewatchError('journal_corrupt', `Table ${table} is damaged: ${problem}`);
  }
}
