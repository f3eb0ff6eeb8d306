import { breaches } from '../../evaluate/comparison.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import type { LintFacts, ReplayFacts } from '../lint/finding.ts';
import { signalOfMetric } from '../signal-rule.ts';
import type { AlarmHistory } from './alarm-history.ts';
import { type BacktestResult, watchedBy } from './backtest.ts';
import { MINUTE_MS } from './history-questions.ts';

/** What the linter learns from a replay: how many windows were beyond each threshold, and when each alarm fired. */
export function replayFacts(
  results: readonly BacktestResult<AlarmInstance>[],
  history: AlarmHistory,
): NonNullable<LintFacts['replayed']> {
  return new Map(
    results.flatMap(({ instance, outcome }) => {
      if (outcome.kind !== 'replayed') return [];
      return [[instance.id, { ...windowsOf(instance, history), firedAtMs: outcome.noise.firedAtMs }]];
    }),
  );
}

/** A window begins with every minute, as CloudWatch's do. A composite has none of its own. */
function windowsOf(
  instance: AlarmInstance,
  history: AlarmHistory,
): Pick<ReplayFacts, 'judged' | 'breaching'> {
  const counts = { judged: 0, breaching: 0 };
  const [watched] = watchedBy([instance]);
  const series = watched && history.seriesFor(watched);
  if (series === undefined || instance.model.kind !== 'metric') return counts;
  const { periodMs, comparison, threshold } = instance.model.settings;
  const { fromMs, toMs } = history.reach;
  const isCount = countsLines(instance);
  for (let startMs = fromMs; startMs + periodMs <= toMs; startMs += MINUTE_MS) {
    const slot = series.reader.slot(startMs, periodMs);
    const isRead = series.known.some((span) => span.fromMs <= startMs && startMs + periodMs <= span.toMs);
    const value = slot.value ?? (isCount && isRead ? 0 : undefined);
    if (value === undefined) continue;
    counts.judged += 1;
    if (breaches(value, comparison, threshold)) counts.breaching += 1;
  }
  return counts;
}

/** A signal of the log that counts lines has no point where it counted none: of a time that was read, that is a 0. */
function countsLines({ model }: AlarmInstance): boolean {
  if (model.kind !== 'metric' || model.expression !== undefined) return false;
  return model.inputs.every(({ metric, statistic }) => {
    return statistic === 'Sum' && signalOfMetric(metric) !== undefined;
  });
}
