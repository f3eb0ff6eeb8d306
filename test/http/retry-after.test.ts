import { describe, expect, it } from 'vitest';
import { parseRetryAfterMs } from '../../src/http/retry-after.ts';

const NOW_MS = Date.UTC(2026, 10, 3, 10, 0, 0);

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5_000],
    ['Tue, 03 Nov 2026 10:00:30 GMT', 30_000],
    ['Tue, 03 Nov 2026 09:00:00 GMT', 0],
  ])('%j is a wait of %i ms', (text, ms) => {
    expect(parseRetryAfterMs({ 'retry-after': text }, NOW_MS)).toBe(ms);
  });

  it.each([
    '',
    '-1',
    '1.5',
    '10s',
    '1e3',
    '0x10',
    '99999999999',
    '2026-11-03T10:00:30Z',
    'Mon, 03 Nov 2026 10:00:30 GMT',
    'Tue, 3 Nov 2026 10:00:30 GMT',
    'Tue, 03 Nov 2026 10:00:30 CET',
    'soon',
  ])('%j is no answer', (text) => {
    expect(parseRetryAfterMs({ 'retry-after': text }, NOW_MS)).toBeUndefined();
  });

  it('is absent when the header is', () => {
    expect(parseRetryAfterMs({}, NOW_MS)).toBeUndefined();
  });

  it('measures a date against the clock of the server that gave it', () => {
    const headers = { date: 'Tue, 03 Nov 2026 12:00:00 GMT', 'retry-after': 'Tue, 03 Nov 2026 12:00:07 GMT' };
    expect(parseRetryAfterMs(headers, NOW_MS)).toBe(7_000);
  });
});
