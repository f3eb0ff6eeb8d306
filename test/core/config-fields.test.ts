import { expect, test } from 'vitest';
import { byteSize, cron, duration, entryName, httpUrl, secret } from '../../src/core/config-fields.ts';

test.each([
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['30s', undefined],
  ['2h', undefined],
  ['5', undefined],
  [60, undefined],
])('a duration from 1m to 90m reads %j as %j', (written, expected) => {
  expect(duration({ minMs: 60_000, maxMs: 5_400_000 }).safeParse(written).data).toBe(expected);
});

test.each([
  ['2MiB', 2_097_152],
  ['512kB', 512_000],
  ['1.5KiB', 1_536],
  ['2 MB', 2_000_000],
  ['2M', undefined],
  ['2097152', undefined],
])('a size reads %j as %j', (written, expected) => {
  expect(byteSize().safeParse(written).data).toBe(expected);
});

test.each([
  ['https://splunk.example.com:8088', true],
  ['http://localhost/api', true],
  ['ftp://x', false],
  ['https://user:pass@x', false],
  ['https://x/?token=1', false],
  ['splunk.example.com', false],
])('a URL of %s is accepted: %s', (written, accepted) => {
  expect(httpUrl().safeParse(written).success).toBe(accepted);
});

test('a cron expression has five fields, or six with seconds first', () => {
  expect(cron().safeParse('*/5 * * * *').success).toBe(true);
  expect(cron().safeParse('*/20 * * * * *').success).toBe(true);
  expect(cron().safeParse('61 * * * *').success).toBe(false);
});

test('a secret counts bytes, not characters, and its refusal does not hold the value', () => {
  expect(secret({ minBytes: 4 }).safeParse('éé').success).toBe(true);
  const refused = secret({ minBytes: 16 }).safeParse('canary');
  expect(refused.success).toBe(false);
  expect(JSON.stringify(refused.error?.issues)).not.toContain('canary');
});

test.each(['central', 'a.b-c_1'])('%s is a name', (name) =>
  expect(entryName().safeParse(name).success).toBe(true),
);
test.each(['', '-a', 'a b', 'a/b', 'x'.repeat(64)])('%j is no name', (name) => {
  expect(entryName().safeParse(name).success).toBe(false);
});
