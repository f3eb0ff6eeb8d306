import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { GatewatchError } from '../core/errors.ts';
import { numberIn, textIn } from './row.ts';

/** Tables that stay small whatever the trail's size: checked whole at each start. */
const SMALL_TABLES = ['writer', 'facet', 'checkpoint', 'lane'] as const;
const TAIL_ROWS = 500;

/**
 * What a start can afford on a file of any size: the structure of the small tables, and the newest rows against their
 * own hashes. A full integrity check reads every page and would keep a large journal closed for minutes.
 * Throws `journal_corrupt`.
 */
export function checkHealth(db: DatabaseSync): void {
  for (const table of SMALL_TABLES) {
    const problem = textIn(db.prepare(`PRAGMA quick_check('${table}')`).get() ?? {}, 'quick_check');
    if (problem !== 'ok')
      throw new GatewatchError('journal_corrupt', `Table ${table} is damaged: ${problem}`);
  }
  const tail = db.prepare('SELECT seq, hex(sha256) AS sha256, body FROM record ORDER BY seq DESC LIMIT ?');
  for (const row of tail.iterate(TAIL_ROWS)) {
    if (hash('sha256', textIn(row, 'body'), 'hex').toUpperCase() === textIn(row, 'sha256')) continue;
    throw new GatewatchError('journal_corrupt', `Row ${numberIn(row, 'seq')} does not match its hash.`);
  }
}
