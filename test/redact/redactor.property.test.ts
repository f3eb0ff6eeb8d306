import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/redact/redactor.ts';
import { countWork } from './count-work.ts';
import { anySecret, surroundings } from './secrets.ts';

const redactor = createRedactor({
  keys: [{ id: 'k1', secret: 'a secret of enough length' }],
  pseudonymise: ['principal', 'customer'],
  maxTextLength: 4_000,
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
    .map((codes) => String.fromCharCode(...codes)),
  fc.string({ unit: fc.constantFrom(...'eyJ.AKI@:="\'\\%20u0[]{}&;, password0123456789'), maxLength: 120 }),
  fc
    .array(
      fc.oneof(
        anySecret.map((secret) => secret.text),
        surroundings,
        fc.constantFrom('%40', '%2540', '[redacted:jwt]', '[redacted:', 'token=', '://'),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
);

const encodings: ((text: string) => string)[] = [
  (text) => text,
  encodeURIComponent,
  (text) => encodeURIComponent(encodeURIComponent(text)),
  (text) => text.replaceAll('@', '\\u0040').replaceAll(':', '\\u003a'),
];

describe('redaction of any text', () => {
  it('lets no planted secret through, plain or encoded once or twice', () => {
    fc.assert(
      fc.property(
        anySecret,
        surroundings,
        surroundings,
        fc.constantFrom(...encodings),
        (secret, before, after, encode) => {
          const out = redactor.text(`${before} ${encode(secret.text)} ${after}`);
          expect(out).not.toContain(secret.core);
          expect(out).not.toContain(encode(secret.core));
        },
      ),
      { numRuns: 1_500, seed: 1 },
    );
  });

  it('lets no planted secret through a path or a user agent', () => {
    fc.assert(
      fc.property(
        anySecret,
        fc.constantFrom(encodeURIComponent, (text: string) => encodeURIComponent(encodeURIComponent(text))),
        (secret, encode) => {
          const core = encode(secret.core);
          expect(
            redactor.path(`/orders/${encode(secret.text)}/items?q=${encode(secret.text)}#top`),
          ).not.toContain(core);
          expect(redactor.userAgent(`curl/8.5.0 ${secret.text} (x)`)).not.toContain(secret.core);
        },
      ),
      { numRuns: 500, seed: 2 },
    );
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const redact of [redactor.text, redactor.path, redactor.userAgent]) {
          const once = redact(text);
          expect(redact(once)).toBe(once);
        }
      }),
      { numRuns: 2_000, seed: 3 },
    );
  });

  it('gives well-formed text on one line, without control characters', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const redact of [redactor.text, redactor.path, redactor.userAgent]) {
          const out = redact(text);
          expect(out.isWellFormed()).toBe(true);
          expect(out).not.toMatch(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        }
      }),
      { numRuns: 1_000, seed: 4 },
    );
  });

  it('keeps a cap, and says so again when capped twice', () => {
    const short = createRedactor({ keys: [], pseudonymise: [], maxTextLength: 200 });
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 6 }), (parts) => {
        const once = short.text(parts.join(' '));
        expect(once.length).toBeLessThanOrEqual(200);
        expect(short.text(once)).toBe(once);
      }),
      { numRuns: 500, seed: 5 },
    );
  });

  it('explains exactly what it did', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const replacements = redactor.explain(text);
        let out = '';
        let at = 0;
        for (const { start, end, replacement } of replacements) {
          expect(start).toBeGreaterThanOrEqual(at);
          out += text.slice(at, start) + replacement;
          at = end;
        }
        expect(out + text.slice(at)).toBe(redactor.text(text));
      }),
      { numRuns: 500, seed: 6 },
    );
  });

  it.each([
    ['a run that is begun anew at each letter', (text: string) => [...text.matchAll(/[a-z]+@/g)]],
    ['a way back of its own for each letter', (text: string) => /^[a-z]*[a-z0-9]*!/.test(text)],
    [
      'a search to the end from each letter',
      (text: string) => [...text].map((_, at) => text.indexOf('@', at)),
    ],
  ])('would not take %s for work in proportion', (_what, look) => {
    const looksAt = (length: number) => countWork(() => look('a'.repeat(length)));
    expect(looksAt(1_000)).toBeGreaterThan(looksAt(250) * 8 + 5_000);
  });

  it('looks at a text in proportion to its length, whatever is repeated', () => {
    const uncapped = createRedactor({ keys: [], pseudonymise: [] });
    const pieces = fc.constantFrom(
      ...[
        'eyJ',
        'AKIA',
        '@',
        '.',
        ':',
        '=',
        '"',
        "'",
        '\\',
        '%25',
        '%',
        '4111',
        '1',
        ' ',
        '-',
        'DE89',
        'token',
        '{',
      ],
      ...[
        '[',
        '-----BEGIN',
        'Bearer ',
        '://',
        ';',
        'a',
        ',',
        '|',
        '&',
        '\u001b',
        '\ud800',
        'é',
        '[redacted:',
        'cookie',
      ],
    );
    const repeated = fc.oneof(
      pieces.map((piece) => [piece]),
      fc.array(pieces, { minLength: 2, maxLength: 5 }),
    );
    const looksAt = (text: string) =>
      countWork(() => {
        uncapped.text(text);
        uncapped.path(text);
      });
    fc.assert(
      fc.property(repeated, fc.string({ maxLength: 3 }), (unit, tail) => {
        const text = (length: number) =>
          unit.join('').repeat(Math.ceil(length / unit.join('').length)) + tail;
        // Four times the text: four times the work when linear, sixteen times when quadratic.
        expect(looksAt(text(1_000))).toBeLessThan(looksAt(text(250)) * 8 + 5_000);
      }),
      { numRuns: 50, seed: 8 },
    );
  }, 60_000);
});
