import type { Random } from './random.ts';

export interface Spell<Kind extends string> {
  readonly kind: Kind;
  readonly fromMs: number;
  readonly toMs: number;
}

/** When which fault is on. Between spells all is well. */
export class Weather<Kind extends string> {
  readonly #spells: readonly Spell<Kind>[];

  constructor(spells: readonly Spell<Kind>[]) {
    this.#spells = spells;
  }

  at(nowMs: number): Kind | undefined {
    return this.#spells.find(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs)?.kind;
  }
}

export interface Climate<Kind extends string> {
  readonly kinds: readonly [Kind, ...Kind[]];
  /** Spells of bad weather. */
  readonly count: number;
  readonly fromMs: number;
  /** Nothing is wrong any more from here on. */
  readonly calmMs: number;
  readonly longestMs: number;
  /** Where there is bad weather at all, a spell of this comes while there is traffic. */
  readonly first: Kind;
  readonly trafficMs: number;
}

export function randomSpells<Kind extends string>(climate: Climate<Kind>, random: Random): Spell<Kind>[] {
  const { kinds, count, fromMs, calmMs, longestMs, first, trafficMs } = climate;
  return Array.from({ length: count }, (_one, n) => {
    const start = random.int(fromMs, n === 0 ? trafficMs : calmMs);
    const lasts = random.logInt(n === 0 ? 150_000 : 5_000, longestMs);
    const kind = n === 0 ? first : random.pick(kinds);
    return { kind, fromMs: start, toMs: Math.min(calmMs, start + lasts) };
  });
}
