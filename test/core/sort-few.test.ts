import fc from 'fast-check';
import { expect, it } from 'vitest';
import { byText, sortFew } from '../../src/core/sort-few.ts';

it('sorts as Array.sort does, however many there are, and keeps the order of equals', () => {
  const items = fc.array(fc.tuple(fc.string({ maxLength: 2 }), fc.nat()), { maxLength: 24 });
  fc.assert(
    fc.property(items, (pairs) => {
      const compare = (a: readonly [string, number], b: readonly [string, number]) => byText(a[0], b[0]);
      expect(sortFew([...pairs], compare)).toEqual([...pairs].sort(compare));
      const texts = pairs.map(([text]) => text);
      expect(sortFew([...texts], byText)).toEqual([...texts].sort());
    }),
  );
});
