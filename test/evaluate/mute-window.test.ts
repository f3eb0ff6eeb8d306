import { describe, expect, it } from 'vitest';
import { MuteWindow } from '../../src/evaluate/mute-window.ts';

const at = (text: string) => Date.parse(`2026-11-${text}Z`);

describe('when a mute rule is active', () => {
  it('follows the clock of its time zone, daylight saving included', () => {
    const nightly = new MuteWindow({
      expression: 'cron(0 2 * * *)',
      duration: 'PT1H',
      timezone: 'America/New_York',
    });
    // 2:00 in New York was 6:00 UTC before 1 November 2026 and is 7:00 UTC after it.
    expect(nightly.isActiveAt(Date.parse('2026-10-31T06:30:00Z'))).toBe(true);
    expect(nightly.isActiveAt(at('02T06:30:00'))).toBe(false);
    expect(nightly.isActiveAt(at('02T07:30:00'))).toBe(true);
  });

  it('lasts as long as it says, from the first minute to before the last, whatever order it is asked in', () => {
    const weekend = new MuteWindow({ expression: 'cron(0 18 * * FRI)', duration: 'P2DT12H' });
    expect(weekend.isActiveAt(at('06T17:59:59'))).toBe(false);
    expect(weekend.isActiveAt(at('06T18:00:00'))).toBe(true);
    expect(weekend.isActiveAt(at('09T05:59:59'))).toBe(true);
    expect(weekend.isActiveAt(at('09T06:00:00'))).toBe(false);
    expect(weekend.isActiveAt(at('08T12:00:00'))).toBe(true);
    expect(weekend.isActiveAt(at('05T12:00:00'))).toBe(false);
  });

  it('takes either day where a day of the month and a day of the week are given', () => {
    const both = new MuteWindow({ expression: 'cron(0 1 1,15 NOV-DEC SUN)', duration: 'PT10M' });
    expect(both.isActiveAt(at('15T01:05:00'))).toBe(true);
    expect(both.isActiveAt(at('22T01:05:00'))).toBe(true);
    expect(both.isActiveAt(at('23T01:05:00'))).toBe(false);
  });

  it('begins once with at(…), and stays inside start and expire', () => {
    const once = new MuteWindow({ expression: 'at(2026-11-05T14:00)', duration: 'PT2H' });
    expect(once.isActiveAt(at('05T15:59:00'))).toBe(true);
    expect(once.isActiveAt(at('06T15:00:00'))).toBe(false);
    const bounded = new MuteWindow({
      expression: 'cron(* * * * *)',
      duration: 'PT1M',
      startMs: at('05T10:00:00'),
      expireMs: at('05T11:00:00'),
    });
    expect(bounded.isActiveAt(at('05T09:59:00'))).toBe(false);
    expect(bounded.isActiveAt(at('05T10:30:00'))).toBe(true);
    expect(bounded.isActiveAt(at('05T11:00:00'))).toBe(false);
  });

  it.each([
    ['cron(*/5 * * * *)', 'PT1H', 'joined by - and ,'],
    ['cron(0 2 * *)', 'PT1H', 'five fields'],
    ['cron(0 24 * * *)', 'PT1H', '0 to 23'],
    ['every day', 'PT1H', 'at(yyyy-MM-ddThh:mm)'],
    ['at(2026-13-05T14:00)', 'PT1H', 'at(yyyy-MM-ddThh:mm)'],
    ['cron(0 2 * * *)', 'P16D', 'PT1M to P15D'],
    ['cron(0 2 * * *)', '4h', 'PT1M to P15D'],
  ])('refuses %s for %s', (expression, duration, words) => {
    expect(() => new MuteWindow({ expression, duration })).toThrow(words);
  });

  it('refuses a time zone that does not exist, and bounds beside at(…)', () => {
    const nightly = { expression: 'cron(0 2 * * *)', duration: 'PT1H' };
    expect(() => new MuteWindow({ ...nightly, timezone: 'Europe/Londn' })).toThrow('time zone');
    const once = { expression: 'at(2026-11-05T14:00)', duration: 'PT1H' };
    expect(() => new MuteWindow({ ...once, expireMs: 1 })).toThrow('beside at(');
  });
});
