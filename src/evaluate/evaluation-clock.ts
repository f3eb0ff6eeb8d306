const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface EvaluationClock {
  /** When the alarm is looked at, at or after `fromMs`. */
  next(fromMs: number): number;
  /** End of the newest slot that an evaluation at this time uses. */
  newestEndMs(evaluationMs: number): number;
}

/**
 * When CloudWatch evaluates, and through when it has data then. Windows slide: they end at the minute of the evaluation,
 * not on a multiple of the period. When `EvaluationPeriods` × `Period` is longer than a day, the alarm is looked at once
 * an hour, on data up to the last full hour.
 *
 * `delayMs` is how long a minute takes to become usable (about 40–60 s in AWS's samples; the exact rule is not
 * published).
 */
export function evaluationClock(settings: {
  readonly evaluationPeriods: number;
  readonly periodMs: number;
  readonly delayMs: number;
  /** Minutes after the full hour of an hourly evaluation; AWS's example shows 3. */
  readonly hourlyOffsetMs?: number;
}): EvaluationClock {
  if (isEvaluatedHourly(settings)) {
    const offsetMs = settings.hourlyOffsetMs ?? 3 * MINUTE_MS;
    return {
      next: (fromMs) => ceilTo(fromMs - offsetMs, HOUR_MS) + offsetMs,
      newestEndMs: (evaluationMs) => floorTo(evaluationMs - settings.delayMs, HOUR_MS),
    };
  }
  return {
    next: (fromMs) => ceilTo(fromMs, MINUTE_MS),
    newestEndMs: (evaluationMs) => floorTo(evaluationMs - settings.delayMs, MINUTE_MS),
  };
}

export function isEvaluatedHourly(settings: {
  readonly evaluationPeriods: number;
  readonly periodMs: number;
}): boolean {
  return settings.evaluationPeriods * settings.periodMs > DAY_MS;
}

function ceilTo(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function floorTo(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
