import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import { createLogger, type LoggerSettings } from '../../src/telemetry/logger.ts';
import { AT_MS } from './captured-telemetry.ts';

function capture(settings: Partial<LoggerSettings> = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
    clock: { now: () => AT_MS },
    version: '1.2.3',
    instanceId: 'worker-1',
    ...settings,
  });
  return { logger, lines };
}

function logged(fields: Record<string, unknown>, settings: Partial<LoggerSettings> = {}) {
  const { logger, lines } = capture(settings);
  logger.info(fields, 'hello');
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '');
}

/** Anything that breaks a line, paints a terminal or turns the reading direction. */
const UNSAFE =
  /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\p{Surrogate}]/u;
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\n', '\r', '\u001b', '\u0085', '\u2028', '\u202e', '\u0000', '\ud800', 'a'),
  }),
);

describe('a JSON log line', () => {
  it('carries level, time, version, instance, fields and message', () => {
    expect(logged({ lane: 'splunk:records', pending: 3 })).toEqual({
      level: 'info',
      time: '2026-07-01T12:00:00.000Z',
      version: '1.2.3',
      instance: 'worker-1',
      lane: 'splunk:records',
      pending: 3,
      message: 'hello',
    });
  });

  it.each(['json', 'text'] as const)(
    'stays one line without control characters whatever it holds (%s)',
    (format) => {
      fc.assert(
        fc.property(anyText, anyText, anyText, fc.anything(), (message, name, value, anything) => {
          const { logger, lines } = capture({ format });
          logger.warn({ [name]: value, nested: { [name]: [value] }, anything }, message);
          expect(lines).toHaveLength(1);
          expect(lines[0]?.endsWith('\n')).toBe(true);
          expect(lines[0]?.slice(0, -1)).not.toMatch(UNSAFE);
          if (format === 'json') expect(JSON.parse(lines[0] ?? '').level).toBe('warn');
        }),
      );
    },
  );

  it('means the same text after its escapes are read', () => {
    const value = 'a\nb\u001b[31mc\u2028d\u202ee\u007f"\\';

    expect(logged({ value }).value).toBe(value);
  });

  it('hides values by the name they stand under, at any depth', () => {
    const line = logged({
      token: 't0p',
      headers: { Authorization: 'Splunk t0p', accept: '*/*' },
      list: [{ apiKey: 't0p' }, new Map([['password', 't0p']])],
      held: new Secret('t0p'),
      tokenType: 'Bearer',
    });

    expect(JSON.stringify(line)).not.toContain('t0p');
    expect(line.headers).toEqual({ Authorization: '***', accept: '*/*' });
    expect(line.held).toBe('***');
    expect(line.tokenType).toBe('Bearer');
  });

  it('takes secrets out of texts, messages and errors with the redaction it is given', () => {
    const { logger, lines } = capture({ redactText: (text) => text.replaceAll('t0p', '[redacted]') });

    logger.error(
      { reason: 'got t0p', err: new Error('saw t0p', { cause: new Error('t0p') }) },
      'refused t0p',
    );

    expect(lines.join('')).not.toContain('t0p');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      message: 'refused [redacted]',
      reason: 'got [redacted]',
      err: { message: 'saw [redacted]', cause: { message: '[redacted]' } },
    });
  });

  it('keeps name, code, message, stack and cause of an error', () => {
    const { err } = logged({ err: new HeldError('denied', 'No access', { cause: new TypeError('inner') }) });

    expect(err).toMatchObject({ name: 'HeldError', code: 'denied', message: 'No access' });
    expect(err.stack).toContain('logger.test.ts');
    expect(err.cause).toMatchObject({ name: 'TypeError', message: 'inner' });
  });

  it('does not let a field take the place of what the line has already', () => {
    expect(logged({ level: 'x', time: 'y', message: 'z' })).toMatchObject({
      level: 'info',
      level_: 'x',
      time_: 'y',
      message: 'hello',
      message_: 'z',
    });
  });

  it('ends for a structure that holds itself, one that is huge, and one that throws when read', () => {
    const circle: Record<string, unknown> = { name: 'circle' };
    circle.self = circle;
    const hostile = {
      get boom(): never {
        throw new Error('no');
      },
    };
    const line = logged({
      circle,
      hostile,
      text: 'x'.repeat(100_000),
      many: Array.from({ length: 10_000 }, () => 1),
    });

    expect(JSON.stringify(line).length).toBeLessThan(20_000);
    expect(line.circle.name).toBe('circle');
    expect(line.hostile.boom).toBe('[unreadable]');
    expect(line.text).toMatch(/^x+… \(96000 more\)$/);
    expect(line.many.at(-1)).toBe('… more was left out');
  });

  it('is left out below the level asked for', () => {
    const { logger, lines } = capture({ level: 'warn' });

    logger.debug({}, 'one');
    logger.info({}, 'two');
    logger.warn({}, 'three');
    logger.error({}, 'four');

    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['three', 'four']);
  });
});

describe('a text log line', () => {
  it('reads as time, level, message and fields', () => {
    const { logger, lines } = capture({ format: 'text' });

    logger.warn({ lane: 'splunk:records', reason: 'status 403: "bad"', pending: 3 }, 'lane held');

    expect(lines).toEqual([
      '2026-07-01T12:00:00.000Z WARN  lane held lane=splunk:records reason="status 403: \\"bad\\"" pending=3\n',
    ]);
  });
});
