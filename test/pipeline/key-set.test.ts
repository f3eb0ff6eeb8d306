import { describe, expect, it } from 'vitest';
import { KeySet } from '../../src/pipeline/key-set.ts';

/** As seen keys are: long, and alike but for a few digits. */
function keys(count: number): string[] {
  return Array.from(
    { length: count },
    (_, n) => `2026/11/22/[$LATEST]f65b0ae3\n391795355338499${String(n).padStart(12, '0')}`,
  );
}

describe('a set of keys', () => {
  it('takes each of many similar keys once, however far it has grown', () => {
    const set = new KeySet();
    const all = keys(50_000);
    expect(all.filter((key) => set.add(key))).toHaveLength(50_000);
    expect(all.filter((key) => set.add(key))).toEqual([]);
    expect(set.size).toBe(50_000);
  });

  it('tells apart keys that differ in one character or in length only', () => {
    const set = new KeySet();
    expect(['', 'a', 'aa', 'b', 'a\n', '\na', '\u0000', '\u0000\u0000'].map((key) => set.add(key))).toEqual(
      Array.from({ length: 8 }, () => true),
    );
  });
});
