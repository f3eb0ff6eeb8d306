import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Window } from '../../../src/model/source-event.ts';
import { planMetricWindows } from '../../../src/sources/metrics/metric-windows.ts';

const MINUTE = 60_000;
const input = fc.record({
  checkpointMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_100_000_000 }),
  nowMs: fc.integer({ min: 1_700_000_000_000, max: 1_700_100_000_000 }),
  periodMs: fc.constantFrom(MINUTE, 5 * MINUTE, 60 * MINUTE),
  settleMs: fc.integer({ min: 0, max: 10 * MINUTE }),
  revisitMs: fc.integer({ min: 0, max: 60 * MINUTE }),
  maxSpanMs: fc.integer({ min: 1, max: 6 * 60 * MINUTE }),
});

function expectContiguous(windows: readonly Window[]): void {
  for (const [index, window] of windows.entries()) {
    expect(window.fromMs).toBeLessThan(window.toMs);
    const before = windows[index - 1];
    if (before) expect(window.fromMs).toBe(before.toMs);
  }
}

describe('planMetricWindows', () => {
  it('aligns every end, keeps to the longest span and reads nothing that has not settled', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { fresh, revisit, together } = planMetricWindows(given);
        const longest = Math.max(given.periodMs, given.maxSpanMs);
        for (const { fromMs, toMs } of [...fresh, ...revisit, ...together]) {
          expect(fromMs % given.periodMs).toBe(0);
          expect(toMs % given.periodMs).toBe(0);
          expect(toMs - fromMs).toBeLessThanOrEqual(longest);
          expect(toMs).toBeLessThanOrEqual(given.nowMs - given.settleMs);
        }
      }),
    );
  });

  it('leaves no hole: fresh reaches from the checkpoint to what has settled, together covers both', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { fresh, revisit, together } = planMetricWindows(given);
        expectContiguous(fresh);
        expectContiguous(revisit);
        expectContiguous(together);
        const settled = Math.floor((given.nowMs - given.settleMs) / given.periodMs) * given.periodMs;
        const from = Math.floor(given.checkpointMs / given.periodMs) * given.periodMs;
        if (from < settled) {
          expect(fresh[0]?.fromMs).toBe(from);
          expect(fresh.at(-1)?.toMs).toBe(settled);
          expect(together.at(-1)?.toMs).toBe(settled);
          if (revisit.length > 0) expect(revisit.at(-1)?.toMs).toBe(from);
        } else expect(fresh).toEqual([]);
        expect(together[0]?.fromMs).toBe((revisit[0] ?? fresh[0])?.fromMs);
      }),
    );
  });

  it('reads each point after it has settled, and for the last time when its revisit time is over, whatever the pauses', () => {
    const pauses = fc.array(fc.integer({ min: 1, max: 90 * MINUTE }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(pauses, (steps) => {
        const begun = 1_700_000_040_000;
        const settings = {
          periodMs: MINUTE,
          settleMs: 3 * MINUTE,
          revisitMs: 15 * MINUTE,
          maxSpanMs: 20 * MINUTE,
        };
        const lastReadAge = new Map<number, number>();
        let checkpointMs = begun;
        let nowMs = begun;
        for (const step of steps) {
          nowMs += step;
          const { together, fresh } = planMetricWindows({ ...settings, checkpointMs, nowMs });
          for (const { fromMs, toMs } of together) {
            for (let at = Math.max(fromMs, begun); at < toMs; at += MINUTE) lastReadAge.set(at, nowMs - at);
          }
          checkpointMs = fresh.at(-1)?.toMs ?? checkpointMs;
        }
        for (let at = begun; at < checkpointMs; at += MINUTE) {
          expect(lastReadAge.get(at)).toBeGreaterThanOrEqual(settings.settleMs);
        }
        for (const [at, age] of lastReadAge) {
          const young = at + settings.revisitMs >= checkpointMs;
          if (!young) expect(age).toBeGreaterThan(settings.settleMs + settings.revisitMs);
        }
      }),
    );
  });
});
