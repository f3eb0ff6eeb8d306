import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAscii, logText, needsNoEscape, partsText } from '../../src/sinks/stored-text.ts';
import { requestRecord } from './entries.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('"]', '\\"]', '\\', '"],"parts":[', ',"authorizerLog":["x"]', '}]', '', 'plain', '\ud800'),
);
const plain = fc.stringMatching(/^[ !#-[\]-~]{0,20}$/);

function bodyOf(changes: Parameters<typeof requestRecord>[1]): string {
  const { parts, ...record } = requestRecord(1, changes);
  return JSON.stringify({ ...record, parts });
}

describe('the stored text of a record', () => {
  it('gives its authorizer log back as it stands there, wherever it stands', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, (authorizerLog, userAgent) => {
        for (const changes of [
          { authorizerLog, userAgent },
          { userAgent, authorizerLog },
        ]) {
          expect(logText(bodyOf(changes))).toBe(JSON.stringify(authorizerLog));
        }
      }),
    );
    expect(logText(bodyOf({}))).toBeUndefined();
  });

  it('gives its parts back as they stand there', () => {
    fc.assert(
      fc.property(text, text, fc.integer({ min: 0 }), (logStream, path, ingestionMs) => {
        const [first, second] = requestRecord(1).parts;
        if (first === undefined || second === undefined) throw new Error('the sample has two parts');
        const parts = [
          { ...first, logStream, ingestionMs },
          { ...second, ingestionMs },
        ];
        const body = bodyOf({ path, parts });
        expect(partsText(body, ingestionMs)).toBe(JSON.stringify(parts));
      }),
    );
  });

  it('tells whether any text outside the log needs an escape', () => {
    const needsEscape = (value: string) => JSON.stringify(value) !== `"${value}"`;
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 3 }), (path, authorizerLog) => {
        expect(needsNoEscape(bodyOf({ path, authorizerLog }))).toBe(!needsEscape(path));
        expect(needsNoEscape(bodyOf({ path }))).toBe(!needsEscape(path));
      }),
    );
    const [part] = requestRecord(1).parts;
    if (part === undefined) throw new Error('the sample has parts');
    const parts = [{ ...part, logStream: 'behind the log: "' }];
    expect(needsNoEscape(bodyOf({ authorizerLog: ['{"a":1}'], parts }))).toBe(false);
    fc.assert(
      fc.property(plain, (path) => {
        expect(needsNoEscape(bodyOf({ path, authorizerLog: ['{"a":1}'] }))).toBe(true);
      }),
    );
  });

  it('tells whether every text of the record is plain ASCII', () => {
    const hasOnlyAscii = (value: string) => Buffer.byteLength(value) === value.length;
    fc.assert(
      fc.property(text, (path) => {
        // A lone surrogate stands in the text as an escape of plain letters.
        if (isAscii(bodyOf({ path }))) expect(hasOnlyAscii(path)).toBe(true);
        else expect(hasOnlyAscii(path) && !path.includes('\\ud')).toBe(false);
      }),
    );
  });
});
