import type { DatabaseSync } from 'node:sqlite';
import type { ScrubState } from '../../model/journal-upkeep.ts';
import { numberIn, optionalNumberIn } from '../row.ts';
import type { RowProblem } from './check-rows.ts';

/** Inside a transaction: a row stays marked by what was found first. */
export function noteDamage(db: DatabaseSync, problems: readonly RowProblem[], nowMs: number): void {
  const put = db.prepare('INSERT OR IGNORE INTO damage (seq, problem, found_ms) VALUES (?, ?, ?)');
  for (const { seq, problem } of problems) put.run(seq, problem, nowMs);
}

export function readScrub(db: DatabaseSync): ScrubState | undefined {
  const row = db
    .prepare(
      'SELECT started_ms, next_seq, finished_ms, (SELECT count(*) FROM damage) AS damaged FROM scrub WHERE id = 1',
    )
    .get();
  if (row === undefined) return undefined;
  const finishedMs = optionalNumberIn(row, 'finished_ms');
  return {
    startedMs: numberIn(row, 'started_ms'),
    nextSeq: numberIn(row, 'next_seq'),
    damagedRows: numberIn(row, 'damaged'),
    ...(finishedMs !== undefined && { finishedMs }),
  };
}

/** Inside a transaction. */
export function writeScrub(db: DatabaseSync, scrub: Omit<ScrubState, 'damagedRows'>): void {
  db.prepare('INSERT OR REPLACE INTO scrub (id, started_ms, next_seq, finished_ms) VALUES (1, ?, ?, ?)').run(
    scrub.startedMs,
    scrub.nextSeq,
    scrub.finishedMs ?? null,
  );
}
