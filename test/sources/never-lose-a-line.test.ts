import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAccessLogReader } from '../../src/sources/access-logs/access-log-reader.ts';
import { compileAccessLogFormat } from '../../src/sources/access-logs/compile-format.ts';
import { DEFAULT_CONTEXT_ALIASES } from '../../src/sources/access-logs/to-access-part.ts';
import { createAuthorizerLogReader } from '../../src/sources/authorizer-logs/authorizer-log-reader.ts';
import { AUTO_FORM } from '../../src/sources/authorizer-logs/settings.ts';
import { GROUP, logEvent, stageOf, visibleRedactor } from './log-fixtures.ts';

const JSON_FORMAT =
  '{"c":"$context.authorizer.orgCustomerId","ua":"$context.identity.userAgent","path":"$context.path","s":$context.status,"id":"$context.requestId"}';
const CLF =
  '$context.identity.sourceIp [$context.requestTime] "$context.path" $context.status "$context.identity.userAgent"';
const CSV = '$context.requestId,$context.path,$context.status,"$context.identity.userAgent"';
const XML = '<r id="$context.requestId"><p>$context.path</p><u>$context.identity.userAgent</u></r>';
const FORMATS = [JSON_FORMAT, CLF, CSV, XML];

const accessReader = createAccessLogReader({
  group: GROUP,
  candidates: FORMATS.map((text, i) => ({
    stage: stageOf({ stage: `s${i}` }),
    format: compileAccessLogFormat(text),
  })),
  redactor: visibleRedactor,
  customerOf: new Map(),
  aliasesOf: () => DEFAULT_CONTEXT_ALIASES,
});
const authorizerReader = createAuthorizerLogReader({
  group: GROUP,
  unit: 'logs:1:e:g',
  form: AUTO_FORM,
  redactor: visibleRedactor,
  customerOf: new Map(),
});

/** Pieces that real lines are made of, so that random text comes near every branch. */
const pieces = fc.constantFrom(
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ',',
  ':',
  ' ',
  '\t',
  '\n',
  '-',
  '|',
  '=',
  "'",
  '<',
  '>',
  '\u0000',
  '\ud800',
  '__proto__',
  '"c":"',
  '","ua":"',
  '","path":"',
  '","s":',
  ',"id":"',
  '" 200 "',
  '] "',
  '</p><u>',
  '<r id="',
  'decision=Allow',
  'undefined',
  '2026-11-22T10:00:00.000Z',
  '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
  'START RequestId: ',
  'REPORT RequestId: ',
  'ERROR',
  'Invoke Error \t',
  '"type":"platform.start"',
  '"record":{',
  '"requestId":"',
  '12345678901234567890',
  '22/Nov/2026:10:00:00 +0000',
  'NaN',
  'null',
  'true',
);
const hostileText = fc
  .array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 30 })
  .map((all) => all.join(''));
const nested = fc.json({ maxDepth: 6 });

describe('no line is lost', () => {
  it('whatever stands in it: one event gives one part, and the same part again', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(hostileText, nested), { maxLength: 8 }), (messages) => {
        const events = messages.map((message, i) => logEvent(message, { eventId: `e${i}` }));
        for (const reader of [accessReader, authorizerReader]) {
          const parts = reader(events);
          expect(parts.map((part) => part.source.eventId)).toEqual(events.map((event) => event.eventId));
          expect(reader(events)).toEqual(parts);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('FT-26 when reading one line faults: only that line is set aside, redacted', () => {
    const poisoned = createAccessLogReader({
      group: GROUP,
      candidates: [{ stage: stageOf(), format: compileAccessLogFormat(CSV) }],
      redactor: {
        ...visibleRedactor,
        path: (value) => {
          if (value === '/poison') throw new RangeError(`cannot read ${value}`);
          return value;
        },
      },
      customerOf: new Map(),
      aliasesOf: () => DEFAULT_CONTEXT_ALIASES,
    });
    const parts = poisoned(['/a', '/poison', '/b'].map((path) => logEvent(`id,${path},200,"x"`)));
    expect(parts.map((part) => part.role)).toEqual(['access', 'unparsed', 'access']);
    expect(parts[1]).toMatchObject({
      problem: 'fault while reading the line: RangeError',
      raw: 'id,/poison,200,"x"',
      rawLength: 18,
    });
  });

  it('FT-28 however deep its JSON is nested', () => {
    const deep = `{"c":${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}}`;
    const bare = createAccessLogReader({
      group: GROUP,
      candidates: [{ stage: stageOf(), format: compileAccessLogFormat('{"c":$context.authorizer.x}') }],
      redactor: visibleRedactor,
      customerOf: new Map(),
      aliasesOf: () => DEFAULT_CONTEXT_ALIASES,
    });
    expect(bare([logEvent(deep)])).toHaveLength(1);
    expect(accessReader([logEvent(deep)])[0]?.role).toBe('unparsed');
    expect(authorizerReader([logEvent(deep)])).toHaveLength(1);
  });
});

describe('a client that writes into a line', () => {
  const clientText = fc
    .array(fc.oneof(pieces, fc.string({ maxLength: 6 })), { maxLength: 10 })
    .map((all) => all.join(''));
  const rendered = (ua: string, path: string, escaped: (text: string) => string) =>
    `{"c":"C-true","ua":"${escaped(ua)}","path":"${escaped(path)}","s":403,"id":"r-true"}`;
  const format = compileAccessLogFormat(JSON_FORMAT);

  it('changes no value but its own, whether or not the gateway escapes it', () => {
    fc.assert(
      fc.property(clientText, clientText, fc.boolean(), (ua, path, isEscaped) => {
        const escaped = (text: string) => (isEscaped ? JSON.stringify(text).slice(1, -1) : text);
        const parsed = format.parse(rendered(ua, path, escaped));
        if (parsed.kind === 'failed') {
          expect(isEscaped, 'an escaped line is always read').toBe(false);
          return;
        }
        expect([parsed.values[0], parsed.values[3], parsed.values[4]]).toEqual(['C-true', '403', 'r-true']);
        if (isEscaped) expect(parsed.values[1] ?? '').toBe(ua === '-' ? '' : ua);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('time spent on a line', () => {
  it.each([
    ['many literals in one value', CSV, (n: number) => `id,${'a,200,"'.repeat(n)}"`],
    [
      'many starts of a run',
      '$context.path/$context.stage $context.status',
      (n: number) => '/'.repeat(n * 8),
    ],
    ['many quotes in broken JSON', JSON_FORMAT, (n: number) => `{"c":"${'","ua":"'.repeat(n)}`],
  ])('grows with its length, not with the square of it: %s', (_, text, make) => {
    const format = compileAccessLogFormat(text);
    const spent = (n: number) => {
      const line = make(n);
      const start = process.cpuUsage();
      format.parse(line);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1_000;
    };
    spent(1_000);
    expect(spent(60_000)).toBeLessThan(1_000);
  });

  it('stays small for an authorizer line full of unclosed quotes and names', () => {
    const start = process.cpuUsage();
    for (const text of ['k="', 'a', 'k: ', '{"', '\\"k="\\']) {
      authorizerReader([logEvent(text.repeat(200_000))]);
    }
    const { user } = process.cpuUsage(start);
    expect(user / 1_000).toBeLessThan(3_000);
  });
});
