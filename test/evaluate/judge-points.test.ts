import { describe, expect, it } from 'vitest';
import type { Judgement, MissingDataMode } from '../../src/evaluate/alarm-state.ts';
import { judgePoints, describe as notation, rangeSize } from '../../src/evaluate/judge-points.ts';
import { pointsOf, vectors } from './vectors.ts';

const MODES: readonly MissingDataMode[] = ['missing', 'ignore', 'breaching', 'notBreaching'];

describe('judgePoints', () => {
  const cells = vectors.published.flatMap(({ N, M, cases }) =>
    cases.flatMap(({ points, fill, expect: expected }) =>
      MODES.map((mode) => ({ N, M, points, fill, mode, verdict: expected[mode] })),
    ),
  );

  it('has all forty published cells to hold', () => {
    expect(cells).toHaveLength(40);
  });

  it.each(cells)('$M of $N on $points with $mode is $verdict', ({ N, M, points, fill, mode, verdict }) => {
    const outcome = judgePoints(pointsOf(points), {
      evaluationPeriods: N,
      datapointsToAlarm: M,
      missingData: mode,
    });
    expect(outcome).toEqual({ verdict, filled: fill });
  });

  it.each(vectors.publishedText)('follows the text on $points, $M of $N with $mode', (row) => {
    const { verdict } = judgePoints(pointsOf(row.points), {
      evaluationPeriods: row.N,
      datapointsToAlarm: row.M,
      missingData: row.mode,
    });
    if (row.not !== undefined) expect(verdict).not.toBe(row.not);
    if (row.is !== undefined) expect(verdict).toBe(row.is);
  });

  it('calls exactly the patterns that AWS leaves open inconclusive, under missing and ignore', () => {
    const open = allPatterns(5).flatMap((points) =>
      [1, 2, 3].flatMap((m) =>
        MODES.flatMap((mode) => {
          const outcome = judgePoints(points, {
            evaluationPeriods: 3,
            datapointsToAlarm: m,
            missingData: mode,
          });
          return outcome.inconclusive === undefined ? [] : [`M=${m} ${mode} ${notation(points)}`];
        }),
      ),
    );
    const expected = (['missing', 'ignore'] as const).flatMap((mode) => [
      ...vectors.unspecified.M2.map((points) => `M=2 ${mode} ${points}`),
      ...vectors.unspecified.M3.map((points) => `M=3 ${mode} ${points}`),
    ]);
    expect(open.sort()).toEqual(expected.sort());
  });

  it.each(vectors.localstackDiffers)(
    'peer defect, LocalStack and moto alarm evaluation: $M of $N on $points is $aws, judged on the newest $N only',
    ({ N, M, points, aws }) => {
      const outcome = judgePoints(pointsOf(points), {
        evaluationPeriods: N,
        datapointsToAlarm: M,
        missingData: 'missing',
      });
      expect(outcome).toEqual({ verdict: aws, filled: 0 });
    },
  );

  it('depends on the size of the range, which AWS publishes for three periods only', () => {
    const settings = { evaluationPeriods: 3, datapointsToAlarm: 2, missingData: 'missing' } as const;
    expect(rangeSize(3)).toBe(5);
    expect(judgePoints(pointsOf('0 - X - -'), settings).verdict).toBe('OK');
    expect(judgePoints(pointsOf('- X - -'), settings).verdict).toBe('ALARM');
  });
});

function allPatterns(length: number): readonly (readonly Judgement[])[] {
  const kinds: readonly Judgement[] = ['ok', 'breaching', 'missing'];
  if (length === 0) return [[]];
  return allPatterns(length - 1).flatMap((rest) => kinds.map((kind) => [...rest, kind]));
}
