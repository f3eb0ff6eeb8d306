import { describe, expect, it } from 'vitest';
import { LagMeter } from '../../src/pipeline/lag-meter.ts';

function measured(lagsMs: readonly number[]): LagMeter {
  const meter = new LagMeter(10_000, 120_000);
  for (const lagMs of lagsMs) meter.observe(lagMs);
  return meter;
}

describe('the lag of a log group', () => {
  it('is the configured allowance until something was measured', () => {
    expect(new LagMeter(60_000, 120_000).allowanceMs).toBe(60_000);
  });

  it('is what 99 of 100 events stayed below', () => {
    const quick = Array.from({ length: 980 }, () => 3_500);
    const late = Array.from({ length: 20 }, () => 45_200);
    expect(measured([...quick, ...late]).allowanceMs).toBe(46_000);
    expect(measured([...quick, ...late]).quantileMs(0.5)).toBe(4_000);
  });

  it('leaves a single straggler to the re-reads', () => {
    expect(measured([...Array.from({ length: 999 }, () => 12_000), 90_000]).allowanceMs).toBe(13_000);
  });

  it('names a shorter reach with which two lines of a thousand come later', () => {
    const quick = Array.from({ length: 998 }, () => 7_500);
    expect(measured([...quick, 40_000, 40_000]).shortReachMs).toBe(8_000);
    expect(measured([...quick, 40_000, 40_000, 40_000]).shortReachMs).toBe(41_000);
    expect(measured([200, 200]).shortReachMs).toBe(5_000);
  });

  it('stays within its bounds, whatever clocks say', () => {
    expect(measured(Array.from({ length: 100 }, () => 7_200_000)).allowanceMs).toBe(120_000);
    expect(measured(Array.from({ length: 100 }, () => -5_000)).allowanceMs).toBe(10_000);
  });

  it('forgets old weather as newer events come', () => {
    const meter = measured(Array.from({ length: 49_000 }, () => 100_000));
    expect(meter.allowanceMs).toBe(101_000);
    for (let n = 0; n < 500_000; n += 1) meter.observe(20_500);
    expect(meter.allowanceMs).toBe(21_000);
  });
});
