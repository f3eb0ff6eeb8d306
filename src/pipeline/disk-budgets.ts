import { formatBytes } from '../core/bytes.ts';
import { type JournalUsage, trailBytesOf } from '../model/journal-upkeep.ts';

export type IntakeStopKind = 'queue_full' | 'trail_full' | 'disk_full' | 'disk_failing' | 'damaged';

/** Why nothing new is read; what is stored goes on being delivered. */
export interface IntakeStop {
  readonly kind: IntakeStopKind;
  readonly reason: string;
  readonly sinceMs: number;
}

export interface DiskBudgets {
  /** Most bytes of rows that wait for delivery. */
  readonly queueBytes: number;
  /** Most bytes of the whole trail on the journal's disk. */
  readonly trailBytes: number;
}

/** Reading resumes below these shares of a budget, so that it does not start and stop with every batch. */
const QUEUE_RESUMES_BELOW = 0.8;
const TRAIL_RESUMES_BELOW = 0.95;

/** Which budget is full, given which one was; `undefined` when there is room. */
export function fullBudget(
  usage: JournalUsage,
  budgets: DiskBudgets,
  was: IntakeStopKind | undefined,
): 'queue_full' | 'trail_full' | undefined {
  const queueMark = budgets.queueBytes * (was === 'queue_full' ? QUEUE_RESUMES_BELOW : 1);
  if (usage.queueBytes >= queueMark) return 'queue_full';
  const trailMark = budgets.trailBytes * (was === 'trail_full' ? TRAIL_RESUMES_BELOW : 1);
  return trailBytesOf(usage) >= trailMark ? 'trail_full' : undefined;
}

/** The sentence behind a full budget: what, how much, what happens now, what to do. */
export function budgetReason(
  kind: 'queue_full' | 'trail_full',
  usage: JournalUsage,
  budgets: DiskBudgets,
): string {
  if (kind === 'queue_full') {
    return `${formatBytes(usage.queueBytes)} wait for delivery, the queue budget is ${formatBytes(budgets.queueBytes)} (journal.queueBudget): reading pauses until it is below ${formatBytes(budgets.queueBytes * QUEUE_RESUMES_BELOW)}, so look at the destinations`;
  }
  return `the trail takes ${formatBytes(trailBytesOf(usage))}, its budget is ${formatBytes(budgets.trailBytes)} (journal.trailBudget): reading pauses, so raise the budget, or let journal.onTrailFull archive or drop the oldest`;
}

/** Days until the trail's budget or the disk is full, whichever comes first; `undefined` while growth is unknown. */
export function daysLeft(usage: JournalUsage, budgets: DiskBudgets): number | undefined {
  if (usage.bytesPerDay === undefined || usage.bytesPerDay === 0) return undefined;
  const budgetBytes = Math.max(0, budgets.trailBytes - trailBytesOf(usage));
  const leftBytes = Math.min(budgetBytes, usage.diskFreeBytes ?? budgetBytes);
  return leftBytes / usage.bytesPerDay;
}
