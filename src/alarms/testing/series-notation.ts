import { UserError } from '../../core/errors.ts';

/** One sample; `undefined` is a gap. */
export type Sample = number | undefined;

const NUMBER = '-?(?:\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)';
const GAPS = /^_(?:x(\d{1,6}))?$/;
const RUN = new RegExp(`^(${NUMBER})(?:([+-])(${NUMBER}))?(?:x(\\d{1,6}))?$`);
const MOST_SAMPLES = 50_000;

/**
 * promtool's notation: `1 2 _` are samples and a gap; `a+bxn` is a, a+b, … and n more, `axn` a and n more, `_xn` n gaps.
 *
 * @throws {UserError} `series_notation` with the part that cannot be read.
 */
export function parseSeries(text: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (const part of text.trim().split(/\s+/)) {
    samples.push(...samplesOf(part, text));
    if (samples.length > MOST_SAMPLES) {
      throw new UserError(
        'series_notation',
        `Expected at most ${MOST_SAMPLES} samples, got more in "${text.slice(0, 60)}"`,
      );
    }
  }
  return samples;
}

function samplesOf(part: string, text: string): readonly Sample[] {
  const gaps = GAPS.exec(part);
  if (gaps !== null) return Array.from({ length: Number(gaps[1] ?? 1) }, () => undefined);
  const run = RUN.exec(part);
  if (run === null) {
    throw new UserError(
      'series_notation',
      `Expected samples such as 0x9 0.4x4 1+2x5 _ _x3, got "${part}" in "${text.slice(0, 60)}"`,
    );
  }
  const start = Number(run[1]);
  const step = run[3] === undefined ? 0 : Number(run[3]) * (run[2] === '-' ? -1 : 1);
  return Array.from({ length: Number(run[4] ?? 0) + 1 }, (_, index) => start + index * step);
}
