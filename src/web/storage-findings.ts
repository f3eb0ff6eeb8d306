import { formatBytes } from '../core/bytes.ts';
import type { Finding } from './finding.ts';
import { iso, plain } from './finding-words.ts';

/** How full the journal's disk is, and what follows from it. Sizes in bytes. */
export interface StorageHealth {
  readonly trailBytes: number;
  readonly trailBudgetBytes: number;
  readonly queueBytes: number;
  readonly queueBudgetBytes: number;
  readonly segments: number;
  readonly diskFreeBytes?: number;
  /** Until the trail's budget or the disk is full, at the growth of the last day; absent while that is unknown. */
  readonly daysLeft?: number;
  /** Rows that are known not to match their hashes; absent before the first comparison. */
  readonly damagedRows?: number;
  /** When the last comparison of the trail with its hashes ended, milliseconds since the epoch. */
  readonly comparedMs?: number;
  /** Why nothing new is read; absent while reading. */
  readonly intakeStop?: { readonly kind: string; readonly reason: string; readonly sinceMs: number };
}

/** A person needs about this long to get a larger disk. */
const FEW_DAYS = 7;

/** Reading that was stopped breaks the promise at once: what is not read is not delivered either. */
export function storageReasons(storage: StorageHealth | undefined): readonly Finding[] {
  const stop = storage?.intakeStop;
  if (stop === undefined) return [];
  const sentence = `Reading is stopped since ${iso(stop.sinceMs)}, delivery goes on: ${plain(stop.reason)}; it resumes by itself.`;
  return [{ kind: 'intake_stopped', subject: 'journal', sinceMs: stop.sinceMs, sentence }];
}

export function storageNotices(storage: StorageHealth | undefined, nowMs: number): readonly Finding[] {
  if (storage === undefined) return [];
  return [...fillingNotice(storage, nowMs), ...damageNotice(storage, nowMs)];
}

function fillingNotice(storage: StorageHealth, nowMs: number): readonly Finding[] {
  const { trailBytes, trailBudgetBytes, daysLeft } = storage;
  if (daysLeft === undefined || daysLeft >= FEW_DAYS) return [];
  const sentence = `The trail takes ${formatBytes(trailBytes)} of ${formatBytes(trailBudgetBytes)} and fills up in ${daysLeft.toFixed(1)} days at the growth of the last day: get it a larger disk or budget, or let journal.onTrailFull archive it.`;
  return [{ kind: 'trail_filling', subject: 'journal', sinceMs: nowMs, sentence }];
}

function damageNotice({ damagedRows = 0, comparedMs = 0 }: StorageHealth, nowMs: number): readonly Finding[] {
  if (damagedRows === 0) return [];
  const rows = damagedRows === 1 ? '1 row' : `${damagedRows} rows`;
  const sentence = `The trail has ${rows} that do not match their hashes: \`gatewatch audit verify\` names them, so compare them with a backup or the copy at a destination, and look at the disk.`;
  return [{ kind: 'rows_damaged', subject: 'journal', sinceMs: comparedMs || nowMs, sentence }];
}
