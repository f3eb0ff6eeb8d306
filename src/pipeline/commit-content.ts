import type { Checkpoint, Gap, JournalRecord, LedgerEntry, SeenKey, StateChange } from '../model/journal.ts';
import type { LogPart } from '../model/part.ts';
import type { IngestBatch } from './ingest-batch.ts';
import { ledgerOf } from './ledger-entry.ts';

/** What a commit says of one unit. */
export interface UnitContent {
  readonly unit: string;
  readonly seen: readonly SeenKey[];
  readonly ledger?: LedgerEntry;
  readonly next?: Omit<Checkpoint, 'unit' | 'version'>;
}

/** All that one commit writes. */
export interface CommitContent extends UnitContent {
  readonly beside: readonly UnitContent[];
  readonly records: readonly JournalRecord[];
  readonly state: readonly StateChange[];
  readonly gaps: readonly Gap[];
}

export const NOTHING = { seen: [], beside: [], records: [], state: [], gaps: [] };

/** True when there is nothing to write. */
export function isEmpty(what: CommitContent): boolean {
  const rows = what.records.length + what.state.length + what.gaps.length;
  return (
    rows === 0 && [what, ...what.beside].every(({ seen, next }) => seen.length === 0 && next === undefined)
  );
}

export function contentOf(batch: IngestBatch, refused?: ReadonlySet<LogPart>): UnitContent {
  const { unit, seen, next } = batch;
  return { unit, seen, ledger: ledgerOf(batch, refused), ...(next !== undefined && { next }) };
}
