import { describe, expect, it } from 'vitest';
import { alarmTimeline } from '../../src/evaluate/alarm-timeline.ts';
import type { AlarmSettings } from '../../src/evaluate/evaluate-alarm.ts';
import { evaluateAlarm } from '../../src/evaluate/evaluate-alarm.ts';
import { percentileOf, samplesNeeded } from '../../src/evaluate/low-samples.ts';
import { stateReason } from '../../src/evaluate/state-reason.ts';
import { type MinuteStatistics, seriesFromMinutes, seriesFromSlots } from '../../src/evaluate/windows.ts';
import { at, vectors } from './vectors.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const above: AlarmSettings = {
  periodMs: MINUTE,
  evaluationPeriods: 1,
  datapointsToAlarm: 1,
  comparison: 'GreaterThanThreshold',
  threshold: 0,
  missingData: 'notBreaching',
};

/** One sample a minute with these values; undefined is a minute without data. */
function minutes(fromMs: number, values: readonly (number | undefined)[]): Map<number, MinuteStatistics> {
  const made = new Map<number, MinuteStatistics>();
  values.forEach((value, index) => {
    if (value === undefined) return;
    made.set(fromMs + index * MINUTE, { sum: value, sampleCount: 1, minimum: value, maximum: value });
  });
  return made;
}

describe('alarmTimeline', () => {
  it('fires at the third bad minute of five and clears when the third good one has come', () => {
    const values = [...Array(10).fill(0), ...Array(5).fill(0.4), ...Array(16).fill(0)];
    const { transitions, doubts } = alarmTimeline({
      alarm: { ...above, evaluationPeriods: 5, datapointsToAlarm: 3, threshold: 0.05 },
      series: seriesFromMinutes(minutes(0, values), 'Average'),
      fromMs: 0,
      toMs: 31 * MINUTE,
      delayMs: 0,
      initial: 'OK',
    });
    expect(transitions.map(({ atMs, to }) => [atMs / MINUTE, to])).toEqual([
      [13, 'ALARM'],
      [18, 'OK'],
    ]);
    expect(doubts).toEqual([]);
  });

  it.each(vectors.hourly.checks)(
    'looks at an alarm over more than a day once an hour: at %s it is %s',
    (clock, state) => {
      // The metric is 1 while the job is broken, from 10:02 to 11:43.
      const broken = (atMs: number): boolean => atMs >= at('10:02') && atMs < at('11:43');
      const { final } = alarmTimeline({
        alarm: { ...above, periodMs: 24 * HOUR, evaluationPeriods: 2, datapointsToAlarm: 1 },
        series: {
          slot: (startMs, periodMs) => ({ startMs, value: broken(startMs + periodMs) ? 1 : 0 }),
        },
        fromMs: at('09:00'),
        toMs: at(clock),
        delayMs: 0,
        initial: 'OK',
      });
      expect(final).toBe(state);
    },
  );

  it('slides its windows each minute: the same two bad minutes fall into one bucket, then into two', () => {
    const { nonZero, checks } = vectors.slidingBuckets;
    const from = at('10:00');
    const values = Array.from({ length: 70 }, (_, index) => {
      const clock = new Date(from + index * MINUTE).toISOString().slice(11, 16);
      return nonZero[clock] ?? 0;
    });
    const series = seriesFromMinutes(minutes(from, values), 'Sum');
    const alarm = { ...above, periodMs: 5 * MINUTE, evaluationPeriods: 12, rangeSize: 12 };
    for (const [clock, breaching] of checks) {
      const { judgements } = evaluateAlarm(alarm, series, at(clock));
      expect(judgements.filter((one) => one === 'breaching')).toHaveLength(breaching);
    }
  });

  it.each([3, 5, 9])(
    'keeps one isolated bad point of a sparse metric for %i minutes, the size of its range',
    (size) => {
      const { transitions } = alarmTimeline({
        alarm: { ...above, rangeSize: size },
        series: seriesFromMinutes(minutes(10 * MINUTE, [1]), 'Sum'),
        fromMs: 0,
        toMs: 60 * MINUTE,
        delayMs: 0,
        initial: 'OK',
      });
      expect(transitions.map(({ atMs, to }) => [atMs / MINUTE, to])).toEqual([
        [11, 'ALARM'],
        [11 + size, 'OK'],
      ]);
    },
  );

  it('keeps INSUFFICIENT_DATA while it warms up and does not judge a minute that is not usable yet', () => {
    const { transitions } = alarmTimeline({
      alarm: above,
      series: seriesFromMinutes(minutes(0, Array(30).fill(1)), 'Sum'),
      fromMs: 0,
      toMs: 20 * MINUTE,
      delayMs: MINUTE,
      initial: 'INSUFFICIENT_DATA',
      warmUpMs: 5 * MINUTE,
    });
    expect(transitions.map(({ atMs, from, to }) => [atMs / MINUTE, from, to])).toEqual([
      [5, 'INSUFFICIENT_DATA', 'ALARM'],
    ]);
  });

  it('collects the moments that AWS leaves open instead of guessing in silence', () => {
    const { doubts } = alarmTimeline({
      alarm: { ...above, evaluationPeriods: 3, datapointsToAlarm: 2, missingData: 'missing' },
      series: seriesFromMinutes(minutes(10 * MINUTE, [1]), 'Sum'),
      fromMs: 0,
      toMs: 30 * MINUTE,
      delayMs: 0,
      initial: 'OK',
    });
    expect(doubts.map(({ atMs }) => atMs / MINUTE)).toEqual([13, 14, 15]);
    expect(doubts[0]?.why).toContain('- - X - -');
  });
});

describe('low sample counts', () => {
  it.each(vectors.lowSampleCount)('$stat needs $needs samples', ({ stat, needs }) => {
    const percent = percentileOf(stat);
    expect(percent).toBeDefined();
    expect(samplesNeeded(percent ?? 0)).toBe(needs);
  });

  it.each(['Average', 'p0', 'p100', 'tm90', 'p'])('does not take %s for a percentile', (statistic) => {
    expect(percentileOf(statistic)).toBeUndefined();
  });

  it('keeps the state on a thin percentile, and says when counting it as missing would differ', () => {
    const thin = seriesFromSlots([{ startMs: 0, value: 9_000, sampleCount: 999 }]);
    const alarm = { ...above, threshold: 5_000, lowSamplePercentile: 99 };
    const evaluation = evaluateAlarm(alarm, thin, MINUTE);
    expect(evaluation.verdict).toBe('RETAIN');
    expect(evaluation.inconclusive).toContain('fewer than 1000 samples');
    const enough = seriesFromSlots([{ startMs: 0, value: 9_000, sampleCount: 1_000 }]);
    expect(evaluateAlarm(alarm, enough, MINUTE)).toMatchObject({ verdict: 'ALARM' });
  });
});

describe('seriesFromMinutes', () => {
  it('rebuilds each statistic of a longer window from minutes, and leaves a silent one missing', () => {
    const source = new Map([
      [0, { sum: 10, sampleCount: 2, minimum: 1, maximum: 9 }],
      [2 * MINUTE, { sum: 20, sampleCount: 3, minimum: 4, maximum: 12 }],
    ]);
    const value = (statistic: string, startMs = 0): number | undefined =>
      seriesFromMinutes(source, statistic).slot(startMs, 5 * MINUTE).value;
    expect(['Sum', 'SampleCount', 'Minimum', 'Maximum', 'Average'].map((one) => value(one))).toEqual([
      30, 5, 1, 12, 6,
    ]);
    expect(value('Sum', HOUR)).toBeUndefined();
  });

  it('refuses to rebuild a percentile', () => {
    expect(() => seriesFromMinutes(new Map(), 'p99')).toThrow(
      /has to be read from CloudWatch for each offset/,
    );
  });
});

describe('stateReason', () => {
  it('says which values crossed the threshold, in CloudWatch’s words', () => {
    const series = seriesFromMinutes(minutes(at('16:58'), [7]), 'Sum');
    const alarm = { ...above, threshold: 5 };
    expect(stateReason(alarm, evaluateAlarm(alarm, series, at('16:59')))).toBe(
      'Threshold Crossed: 1 out of the last 1 datapoint [7 (20/11/26 16:58:00)] was greater than the threshold (5) ' +
        '(minimum 1 datapoint for OK -> ALARM transition).',
    );
  });

  it('says that nothing was received', () => {
    const evaluation = evaluateAlarm(above, seriesFromSlots([]), 0);
    expect(stateReason(above, evaluation)).toBe(
      'Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint were treated as [NonBreaching].',
    );
  });
});
