import { describe, expect, it } from 'vitest';
import { hashesOf, KeySet } from '../../src/core/key-set.ts';

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

  it('knows keys by the hashes that were made of others like them, and goes on from those', () => {
    const set = new KeySet();
    const all = keys(1_000);
    set.addHashes(hashesOf(all.slice(0, 500)));
    set.addHashes(hashesOf(all.slice(0, 1)));
    expect(set.size).toBe(500);
    expect(all.filter((key) => set.has(key))).toEqual(all.slice(0, 500));
    expect(all.filter((key) => set.add(key))).toEqual(all.slice(500));
  });

  it('makes hashes that stay the same from release to release', () => {
    expect([...hashesOf(['', 'stream\n1'])]).toEqual([
      243_406_415, 3_243_087_473, 2_229_903_421, 511_952_408, 2_410_133_583, 3_079_763_760,
    ]);
  });
});
