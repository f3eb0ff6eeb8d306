import type { LaneCounts } from '../model/journal.ts';
import type { Verdict } from '../model/sink.ts';

export function emptyCounts(): LaneCounts {
  return { accepted: 0, rejected: 0, rejectedUnknown: 0, expired: 0, filtered: 0 };
}

/** What one answer adds. Rows refused without a name are among the accepted ones until they are taken off here. */
export function countsOf(verdict: Verdict): LaneCounts {
  const unknown = verdict.rejectedUnknown?.count ?? 0;
  return {
    accepted: verdict.accepted.length - unknown,
    rejected: verdict.rejected.length,
    rejectedUnknown: unknown,
    expired: verdict.expired.length,
    filtered: verdict.filtered.length,
  };
}

export function addCounts(a: LaneCounts, b: LaneCounts): LaneCounts {
  return {
    accepted: a.accepted + b.accepted,
    rejected: a.rejected + b.rejected,
    rejectedUnknown: a.rejectedUnknown + b.rejectedUnknown,
    expired: a.expired + b.expired,
    filtered: a.filtered + b.filtered,
  };
}

export function isZero(counts: LaneCounts): boolean {
  return counts.accepted + counts.rejected + counts.rejectedUnknown + counts.expired + counts.filtered === 0;
}
