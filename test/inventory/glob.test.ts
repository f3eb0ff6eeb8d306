import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../../src/inventory/glob.ts';

describe('matchesGlob', () => {
  it.each([
    ['orders-*', 'orders-api', true],
    ['orders-*', 'orders-', true],
    ['orders-*', 'my-orders-api', false],
    ['*', '', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a.c', 'abc', false],
    ['*-api-*x', 'a-api-b-api-cx', true],
    ['', 'x', false],
  ])('%s on %s is %s', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  it('agrees with the regular expression it stands for', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(
        word,
        fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 10 }),
        (pattern, text) => {
          const source = pattern.replaceAll('.', '\\.').replaceAll('?', '.').replaceAll('*', '.*');
          expect(matchesGlob(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
        },
      ),
    );
  });

  it('stays quick on a pattern made to explode', () => {
    expect(matchesGlob(`${'*a'.repeat(60)}b`, 'a'.repeat(5_000))).toBe(false);
  });
});
