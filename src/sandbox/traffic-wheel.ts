import type { Random } from './random.ts';

/**
 * Hands out the items of a list in turn, one every few calls. Rare things thus occur in a short history, too, where
 * throwing dice for each would leave some out.
 */
export interface Wheel<T> {
  /** The next item, or nothing when its turn has not come. */
  turn(): T | undefined;
}

export function createWheel<T>(items: readonly T[], meanGap: number, random: Random): Wheel<T> {
  const gap = () => random.between(Math.ceil(meanGap / 2), Math.floor(meanGap * 1.5));
  let position = 0;
  let left = gap();
  return {
    turn: () => {
      if (items.length === 0 || --left > 0) return undefined;
      left = gap();
      return items[position++ % items.length];
    },
  };
}
