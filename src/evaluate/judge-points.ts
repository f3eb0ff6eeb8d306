import type { Judgement, MissingDataMode, Verdict } from './alarm-state.ts';

export interface JudgeSettings {
  /** `EvaluationPeriods`. */
  readonly evaluationPeriods: number;
  /** `DatapointsToAlarm`; CloudWatch takes `EvaluationPeriods` when it is not set. */
  readonly datapointsToAlarm: number;
  readonly missingData: MissingDataMode;
}

export interface Outcome {
  readonly verdict: Verdict;
  /** How many places the missing-data mode had to fill, as CloudWatch's tables count them. */
  readonly filled: number;
  /** Set when what CloudWatch publishes allows another verdict for these points: why, in words. */
  readonly inconclusive?: string;
}

/**
 * Judges the points of one evaluation range, oldest first. The range is longer than `EvaluationPeriods` (`rangeSize`):
 * with enough real points the newest ones decide and the missing-data mode is not used at all; otherwise every real
 * point counts and the mode fills what is short.
 *
 * Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data", tables 1 and 2 and the
 * paragraphs on avoiding premature transitions. Where three readings of that text fit every published cell and still
 * differ, the verdict is the widest one's and `inconclusive` says so.
 */
export function judgePoints(points: readonly Judgement[], settings: JudgeSettings): Outcome {
  const { evaluationPeriods: n, datapointsToAlarm: m } = settings;
  const real = points.filter((point) => point !== 'missing');
  if (real.length >= n) {
    return { verdict: breachesOf(real.slice(-n)) >= m ? 'ALARM' : 'OK', filled: 0 };
  }
  const filled = n - real.length;
  if (real.length === 0) return { verdict: verdictWithoutData(settings.missingData), filled };
  const breaching = breachesOf(real);
  if (settings.missingData === 'breaching') {
    return { verdict: breaching + filled >= m ? 'ALARM' : 'OK', filled };
  }
  if (breaching >= m) return { verdict: 'ALARM', filled };
  if (settings.missingData === 'notBreaching') return { verdict: 'OK', filled };
  return judgePremature(points, settings, filled);
}

/** How many of the newest places CloudWatch fetches. Its size is published for N = 3 only (5): N + 2 is an inference. */
export function rangeSize(evaluationPeriods: number): number {
  return evaluationPeriods + 2;
}

function judgePremature(points: readonly Judgement[], settings: JudgeSettings, filled: number): Outcome {
  const alarming: Verdict = settings.missingData === 'ignore' ? 'RETAIN' : 'ALARM';
  const [whole, ...others] = prematureReadings(points, settings);
  const verdict = whole === true ? alarming : 'OK';
  if (others.every((reading) => reading === whole)) return { verdict, filled };
  return {
    verdict,
    filled,
    inconclusive:
      `AWS does not say what ${describe(points)} means for ${settings.datapointsToAlarm} of ` +
      `${settings.evaluationPeriods} with TreatMissingData ${settings.missingData}: ${alarming} or OK`,
  };
}

/**
 * "If the oldest breaching point is at least M places old and everything younger is breaching or missing, the alarm goes
 * to ALARM." Three readings of where the oldest breaching point is looked for: in the whole range; in the newest
 * `EvaluationPeriods` places; exactly at place M with nothing but gaps before it.
 */
function prematureReadings(
  points: readonly Judgement[],
  settings: JudgeSettings,
): readonly [boolean, boolean, boolean] {
  if (points.includes('ok')) return [false, false, false];
  const { evaluationPeriods: n, datapointsToAlarm: m } = settings;
  const oldest = ageOfOldestBreach(points);
  const oldestInNewest = ageOfOldestBreach(points.slice(-n));
  return [oldest >= m, oldestInNewest >= m, oldest === m];
}

/** Places from the newest (1) to the oldest breaching point; 0 when none breaches. */
function ageOfOldestBreach(points: readonly Judgement[]): number {
  const index = points.indexOf('breaching');
  return index < 0 ? 0 : points.length - index;
}

function verdictWithoutData(mode: MissingDataMode): Verdict {
  switch (mode) {
    case 'missing':
      return 'INSUFFICIENT_DATA';
    case 'ignore':
      return 'RETAIN';
    case 'breaching':
      return 'ALARM';
    case 'notBreaching':
      return 'OK';
  }
}

function breachesOf(points: readonly Judgement[]): number {
  return points.filter((point) => point === 'breaching').length;
}

const SIGNS: Readonly<Record<Judgement, string>> = { ok: '0', breaching: 'X', missing: '-' };

/** The notation of CloudWatch's own tables: `0 X X - X`, oldest first. */
export function describe(points: readonly Judgement[]): string {
  return points.map((point) => SIGNS[point]).join(' ');
}
