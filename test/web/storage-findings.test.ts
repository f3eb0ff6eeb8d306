import { describe, expect, it } from 'vitest';
import { readiness } from '../../src/web/readiness.ts';
import { readinessBody } from '../../src/web/readiness-text.ts';
import type { StorageHealth } from '../../src/web/storage-findings.ts';

const NOW = Date.UTC(2026, 10, 22, 10, 0, 0);
const WELL: StorageHealth = {
  trailBytes: 4e9,
  trailBudgetBytes: 100e9,
  queueBytes: 0,
  queueBudgetBytes: 10e9,
  segments: 12,
  daysLeft: 40,
  damagedRows: 0,
};

function ready(storage: Partial<StorageHealth>) {
  const sources = [{ unit: 'logs:x', readThroughMs: NOW, promiseMs: 60_000 }];
  const worker = { startedMs: NOW, stopping: false };
  return readiness({ nowMs: NOW, sources, lanes: [], worker, storage: { ...WELL, ...storage } });
}

describe('the disk in the readiness', () => {
  it('is told in numbers, budget and days left included, and says nothing while all is well', () => {
    const told = ready({});
    expect(told).toMatchObject({ ready: true, reasons: [], notices: [] });
    expect(readinessBody(told).storage).toMatchObject({
      trailBytes: 4e9,
      trailBudgetBytes: 100e9,
      daysLeft: 40,
    });
  });

  it('keeps a worker from being ready whose reading is stopped, with the reason', () => {
    const intakeStop = { kind: 'queue_full', reason: '10 GB wait for delivery.', sinceMs: NOW - 60_000 };
    const { ready: isReady, reasons } = ready({ intakeStop });
    expect(isReady).toBe(false);
    expect(reasons[0]?.sentence).toBe(
      'Reading is stopped since 2026-11-22T09:59:00Z, delivery goes on: 10 GB wait for delivery; it resumes by itself.',
    );
  });

  it('warns a week before the trail is full, and of rows that were changed', () => {
    const { ready: isReady, notices } = ready({ daysLeft: 6.54, damagedRows: 2 });
    expect(isReady).toBe(true);
    expect(notices.map(({ kind }) => kind)).toEqual(['trail_filling', 'rows_damaged']);
    expect(notices[0]?.sentence).toMatch(/takes 4 GB of 100 GB and fills up in 6\.5 days/);
    expect(notices[1]?.sentence).toMatch(/2 rows that do not match.*audit verify/);
  });
});
