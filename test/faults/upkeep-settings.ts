import type { UpkeepSettings } from '../../src/pipeline/upkeep.ts';

const YEAR_MS = 365 * 86_400_000;

/** Everything stays in the live file and nothing is compared. */
export const NO_SEALING: UpkeepSettings = {
  budgets: { queueBytes: 1e12, trailBytes: 1e12 },
  onTrailFull: { kind: 'stop' },
  seal: { sealAfterMs: YEAR_MS, segmentBytes: 1e9 },
  scrubEveryMs: YEAR_MS,
};
