import type { Judgement, MissingDataMode, Verdict } from './alarm-state.ts';
import { breaches, type ComparisonOperator } from './comparison.ts';
import { judgePoints, rangeSize } from './judge-points.ts';
import { samplesNeeded } from './low-samples.ts';
import type { SeriesReader, Slot } from './windows.ts';

/** A metric alarm as the evaluator sees it; names follow PutMetricAlarm, durations are milliseconds. */
export interface AlarmSettings {
  readonly periodMs: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly comparison: ComparisonOperator;
  readonly threshold: number;
  readonly missingData: MissingDataMode;
  /** `EvaluateLowSampleCountPercentile: ignore`: keeps the state while the percentile rests on too few samples. */
  readonly lowSamplePercentile?: number;
  /** Places fetched; `rangeSize` when absent. AWS publishes it for N = 3 only. */
  readonly rangeSize?: number;
}

export interface Evaluation {
  readonly verdict: Verdict;
  /** Oldest first, as many as the range has. */
  readonly slots: readonly Slot[];
  readonly judgements: readonly Judgement[];
  readonly filled: number;
  /** Set when AWS's published rules allow another verdict: why, in words. */
  readonly inconclusive?: string;
}

/** Evaluates an alarm on the slots that end at `newestEndMs`, `newestEndMs - period`, … */
export function evaluateAlarm(
  settings: AlarmSettings,
  series: SeriesReader,
  newestEndMs: number,
): Evaluation {
  const slots = slotsOf(settings, series, newestEndMs);
  const judgements = slots.map((slot) => judgementOf(slot, settings));
  const outcome = judgePoints(judgements, settings);
  const lowSamples = lowSampleOutcome(settings, slots, judgements, outcome.verdict);
  return { slots, judgements, ...outcome, ...lowSamples };
}

function slotsOf(settings: AlarmSettings, series: SeriesReader, newestEndMs: number): readonly Slot[] {
  const count = settings.rangeSize ?? rangeSize(settings.evaluationPeriods);
  return Array.from({ length: count }, (_, index) =>
    series.slot(newestEndMs - (count - index) * settings.periodMs, settings.periodMs),
  );
}

function judgementOf(slot: Slot, settings: AlarmSettings): Judgement {
  if (slot.value === undefined) return 'missing';
  return breaches(slot.value, settings.comparison, settings.threshold) ? 'breaching' : 'ok';
}

/**
 * The user guide says an alarm with `ignore` keeps its state while samples are too few; an SDK release note of 2017 says
 * such a point counts as missing. The user guide is followed; where both lead elsewhere the outcome is inconclusive.
 */
function lowSampleOutcome(
  settings: AlarmSettings,
  slots: readonly Slot[],
  judgements: readonly Judgement[],
  verdict: Verdict,
): Partial<Pick<Evaluation, 'verdict' | 'inconclusive'>> {
  const percentile = settings.lowSamplePercentile;
  if (percentile === undefined) return {};
  const needed = samplesNeeded(percentile);
  const thin = slots.map((slot) => slot.value !== undefined && (slot.sampleCount ?? 0) < needed);
  if (!judgedIndices(judgements, settings.evaluationPeriods).some((index) => thin[index] === true)) {
    return {};
  }
  const asMissing = judgePoints(
    judgements.map((judgement, index) => (thin[index] === true ? 'missing' : judgement)),
    settings,
  );
  if (asMissing.verdict === 'RETAIN' || asMissing.verdict === verdict) return { verdict: 'RETAIN' };
  return {
    verdict: 'RETAIN',
    inconclusive:
      `a percentile with fewer than ${needed} samples keeps the state by the user guide; counted as missing it would ` +
      `be ${asMissing.verdict}`,
  };
}

/** The places the verdict rests on: the newest N real ones, or all real ones when there are fewer. */
function judgedIndices(judgements: readonly Judgement[], n: number): readonly number[] {
  const real = judgements.flatMap((judgement, index) => (judgement === 'missing' ? [] : [index]));
  return real.slice(-n);
}
