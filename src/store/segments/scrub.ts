import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../core/errors.ts';
import type { ScrubState } from '../../model/journal-upkeep.ts';
import { isCorrupt } from '../sqlite-error.ts';
import { checkRows, type RowProblem } from './check-rows.ts';
import { noteDamage, readScrub, writeScrub } from './damage-table.ts';
import type { SealedRows } from './sealed-rows.ts';
import { openSegmentFile } from './segment-file.ts';
import { readSegments } from './segment-table.ts';

/** Rows per step: about a tenth of a second. */
const STEP_ROWS = 5_000;

export interface ScrubOptions {
  readonly db: DatabaseSync;
  readonly sealed: SealedRows;
  readonly lastSeq: () => number;
  /** Runs a small fenced transaction. */
  readonly write: (work: () => void) => void;
}

/** One step of comparing every stored row with its hash, from the oldest on; where it stands survives a restart. */
export async function scrubStep(options: ScrubOptions, nowMs: number): Promise<ScrubState> {
  const { db, write, lastSeq } = options;
  const before = readScrub(db);
  const begun = before === undefined || before.finishedMs !== undefined;
  const startedMs = begun ? nowMs : before.startedMs;
  const from = begun ? 1 : before.nextSeq;
  const { next, problems } = await checkFrom(options, from);
  const isDone = next > lastSeq();
  write(() => {
    noteDamage(db, problems, nowMs);
    writeScrub(db, { startedMs, nextSeq: next, ...(isDone && { finishedMs: nowMs }) });
  });
  const damagedRows = readScrub(db)?.damagedRows ?? problems.length;
  return { startedMs, nextSeq: next, damagedRows, ...(isDone && { finishedMs: nowMs }) };
}

interface Step {
  readonly next: number;
  readonly problems: readonly RowProblem[];
}

/** Rows that were dropped or lost are on record as that and skipped. */
async function checkFrom({ db, sealed, lastSeq }: ScrubOptions, from: number): Promise<Step> {
  const through = sealed.through();
  if (from > through) {
    const to = Math.min(lastSeq(), from + STEP_ROWS - 1);
    const { problems } = await checkRows(db, { firstSeq: from, lastSeq: to });
    return { next: to + 1, problems };
  }
  const segment = readSegments(db).find(({ lastSeq: last }) => last >= from);
  const readable = segment && sealed.holding(segment.firstSeq, segment.lastSeq)[0];
  if (segment === undefined || readable === undefined)
    return { next: (segment?.lastSeq ?? from) + 1, problems: [] };
  const to = Math.min(segment.lastSeq, from + STEP_ROWS - 1);
  return { next: to + 1, problems: await checkSealed(readable.path, from, to) };
}

/** A segment that cannot be read at all is one problem, told at its first row. */
async function checkSealed(path: string, from: number, to: number): Promise<readonly RowProblem[]> {
  try {
    const segment = openSegmentFile(path);
    try {
      return (await checkRows(segment, { firstSeq: from, lastSeq: to })).problems;
    } finally {
      segment.close();
    }
  } catch (error) {
    const what = isCorrupt(error) ? 'lies on a damaged page of' : 'cannot be read from';
    return [{ seq: from, problem: `${what} ${path}: ${messageOf(error)}` }];
  }
}
