import { describe, expect, it } from 'vitest';
import { mathSeries } from '../../src/evaluate/math-series.ts';
import { compileMath } from '../../src/evaluate/metric-math.ts';
import { seriesFromSlots } from '../../src/evaluate/windows.ts';

type Values = Readonly<Record<string, number | undefined>>;

function evaluate(expression: string, values: Values = {}): number | undefined {
  return compileMath(expression).evaluate({ valueOf: (id) => values[id], periodS: 300 });
}

describe('compileMath', () => {
  it.each<[string, Values, number | undefined]>([
    ['2 + 3 * 4', {}, 14],
    ['(2 + 3) * 4', {}, 20],
    ['10 - 3 - 2', {}, 5],
    ['-m1 + 1', { m1: 3 }, -2],
    ['2 ^ 3', {}, 8],
    ['100 * errors / requests', { errors: 5, requests: 50 }, 10],
    ['m1 / PERIOD(m1)', { m1: 600 }, 2],
    ['ABS(0 - m1)', { m1: 4 }, 4],
    ['CEIL(m1)', { m1: 1.2 }, 2],
    ['FLOOR(m1)', { m1: 1.8 }, 1],
    ['m1 >= 3 AND m2 < 2', { m1: 3, m2: 1 }, 1],
    ['m1 > 3 || m2 == 1', { m1: 3, m2: 1 }, 1],
    ['m1 != 3', { m1: 3 }, 0],
    ['IF(m1 > 1, m1, 9)', { m1: 1 }, 9],
    ['1.5e2', {}, 150],
  ])('%s with %o is %s', (expression, values, expected) => {
    expect(evaluate(expression, values)).toBe(expected);
  });

  it('drops the point that divides by zero: an idle minute has no ratio', () => {
    expect(evaluate('100 * m4xx / count', { m4xx: 0, count: 0 })).toBeUndefined();
  });

  it('counts a missing operand as 0 while the other one is present, and stays missing when both are', () => {
    expect(evaluate('a + b', { a: 3 })).toBe(3);
    expect(evaluate('a < b', { b: 1 })).toBe(1);
    expect(evaluate('a + b')).toBeUndefined();
  });

  it('is missing where the condition of a two-argument IF is false or unknown', () => {
    expect(evaluate('IF(count >= 20, ratio)', { count: 19, ratio: 1 })).toBeUndefined();
    expect(evaluate('IF(count >= 20, ratio)', { count: 20, ratio: 0.4 })).toBe(0.4);
    expect(evaluate('IF(count >= 20, ratio)', { ratio: 1 })).toBeUndefined();
  });

  it('fills only what is missing', () => {
    expect(evaluate('FILL(m1, 0)')).toBe(0);
    expect(evaluate('FILL(m1, 0)', { m1: 7 })).toBe(7);
  });

  it.each([
    ['ANOMALY_DETECTION_BAND(m1, 2)', /Expected one of .*got ANOMALY_DETECTION_BAND\(…\)/],
    ['m1 +', /Expected a value .* got its end/],
    ['m1 m2', /Expected the end of the expression .* got "m2"/],
    ['IF(m1)', /Expected IF with two or three arguments .* got 1/],
    ['M1 + 1', /an id that starts with a small letter .* got "M1"/],
    ['m1 $ 2', /got "\$ 2" at character 4/],
    ['(m1', /Expected "\)"/],
  ])('refuses %s, saying why', (expression, message) => {
    expect(() => compileMath(expression)).toThrow(message);
  });
});

describe('mathSeries', () => {
  const slots = (values: readonly (number | undefined)[], sampleCount: number) =>
    seriesFromSlots(
      values.flatMap((value, index) =>
        value === undefined ? [] : [{ startMs: index * 60_000, value, sampleCount }],
      ),
    );

  it('evaluates slot by slot and trusts a result as far as its thinnest input', () => {
    const ratio = mathSeries(
      'errors / requests',
      new Map([
        ['errors', slots([1, undefined], 40)],
        ['requests', slots([4, undefined], 50)],
      ]),
    );
    expect(ratio.slot(0, 60_000)).toEqual({ startMs: 0, value: 0.25, sampleCount: 40 });
    expect(ratio.slot(60_000, 60_000)).toEqual({ startMs: 60_000 });
  });

  it('names the id that nobody gave a series for', () => {
    expect(() => mathSeries('a + b', new Map([['a', slots([], 1)]]))).toThrow(/got none for b; known: a/);
  });
});
