import type { Problem } from '../documents/problem.ts';
import { problemIn } from '../documents/validate.ts';
import { disablesIn } from './disabled-rules.ts';
import type { FileOf, ForEach } from './format/kinds.ts';
import { documentLayer, type FieldValues, type Layer } from './format/layers.ts';
import type { AlarmFiles, Loaded } from './format/load-alarm-files.ts';

/** A set of alarms that another kind of file stands for. */
export interface DerivedSet {
  readonly file: Loaded<'BurnRateAlerts'>;
  readonly name: string;
  readonly forEach: ForEach;
  readonly alarms: readonly { readonly id: string; readonly layers: readonly Layer[] }[];
}

type Spec = FileOf<'BurnRateAlerts'>['spec'];
type Objective = FileOf<'SLO'>['spec'];
type Window = NonNullable<NonNullable<Spec['page']>['quick']>;

interface NamedWindow {
  readonly severity: 'page' | 'ticket';
  readonly speed: 'quick' | 'slow';
  readonly window: Window;
}

/**
 * Multi-window burn-rate alarms of an objective: for each pair a long and a short alarm, and one composite per severity,
 * `(long AND short) OR …`. Rate = share of the budget × period ÷ long window; threshold = rate × (1 − target).
 *
 * Source: Google SRE workbook, "Alerting on SLOs".
 */
export function burnRateSets(files: AlarmFiles): {
  readonly sets: readonly DerivedSet[];
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const sets: DerivedSet[] = [];
  for (const file of files.burnRates) {
    const objective = files.objectives.find(({ value }) => value.metadata.name === file.value.spec.sloRef);
    if (objective === undefined) {
      problems.push(unknownObjective(file, files));
      continue;
    }
    problems.push(...impossibleWindows(file, objective.value.spec));
    sets.push(derive(file, objective.value.spec));
  }
  return { sets, problems };
}

function windowsOf(spec: Spec): readonly NamedWindow[] {
  return (['page', 'ticket'] as const).flatMap((severity) =>
    (['quick', 'slow'] as const).flatMap((speed) => {
      const window = spec[severity]?.[speed];
      return window === undefined ? [] : [{ severity, speed, window }];
    }),
  );
}

/** How many times faster than allowed the budget is spent, and the bad share that means. */
export function burnRate(
  window: Window,
  objective: Objective,
): { readonly rate: number; readonly threshold: number } {
  const [target] = objective.objectives;
  const periodMs = objective.timeWindow[0]?.duration ?? 0;
  const rate = (window.errorBudgetPercent / 100) * (periodMs / window.longWindow);
  return { rate: round(rate), threshold: round(rate * (1 - (target?.target ?? 1))) };
}

/** 0.0144 rather than 0.014400000000000012. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

function derive(file: Loaded<'BurnRateAlerts'>, objective: Objective): DerivedSet {
  const { spec, metadata } = file.value;
  const windows = windowsOf(spec);
  const alarms = windows.flatMap(({ severity, speed, window }) =>
    (['longWindow', 'shortWindow'] as const).map((which) => ({
      id: `${severity}-${speed}-${which === 'longWindow' ? 'long' : 'short'}`,
      layers: [layerAt(file, ['spec', severity, speed], burnFields(spec, objective, window, which))],
    })),
  );
  const composites = (['page', 'ticket'] as const).flatMap((severity) => {
    const pairs = windows.filter((window) => window.severity === severity);
    if (pairs.length === 0) return [];
    const rule = pairs
      .map(({ speed }) => `(ALARM(${severity}-${speed}-long) AND ALARM(${severity}-${speed}-short))`)
      .join(' OR ');
    const annotations = { ...spec.annotations, ...metadata.annotations };
    const fields = { rule, severity, annotations, labels: { ...spec.labels, ...metadata.labels } };
    return [{ id: `${severity}-burn`, layers: [layerAt(file, ['spec', severity], fields)] }];
  });
  return {
    file,
    name: metadata.name,
    forEach: spec.for_each ?? forEachOf(objective),
    alarms: [...alarms, ...composites],
  };
}

function layerAt(file: Loaded<'BurnRateAlerts'>, path: readonly string[], fields: FieldValues): Layer {
  const layer = documentLayer(file.document, path, fields);
  const { line } = file.document.keyPositionOf(path);
  return { ...layer, originOf: () => ({ file: file.document.file, line }) };
}

function burnFields(
  spec: Spec,
  objective: Objective,
  window: Window,
  which: 'longWindow' | 'shortWindow',
): FieldValues {
  const { threshold } = burnRate(window, objective);
  return {
    ...indicatorFields(objective),
    // `PR` gives percent, the average of an error metric a share.
    Threshold: objective.indicator.spec.ratioMetric === undefined ? round(threshold * 100) : threshold,
    ComparisonOperator: 'GreaterThanThreshold',
    Period: window[which] / 1_000,
    EvaluationPeriods: 1,
    DatapointsToAlarm: 1,
    TreatMissingData: 'notBreaching',
    severity: 'info',
    ...(spec.min_events === undefined ? {} : { min_samples: spec.min_events }),
  };
}

/** Average of an error metric is the bad share. For a latency objective it is the percent of requests above the bound. */
function indicatorFields(objective: Objective): FieldValues {
  const { ratioMetric, thresholdMetric } = objective.indicator.spec;
  if (ratioMetric !== undefined) {
    return { metric: ratioMetric.bad.metricSource.spec.metric, Statistic: 'Average' };
  }
  const bound = objective.objectives[0]?.value ?? 0;
  return {
    metric: thresholdMetric?.metricSource.spec.metric ?? 'latency',
    ExtendedStatistic: `PR(${bound}:)`,
  };
}

function forEachOf(objective: Objective): ForEach {
  const { ratioMetric, thresholdMetric } = objective.indicator.spec;
  const source = (ratioMetric?.total ?? thresholdMetric)?.metricSource.spec;
  return {
    source: 'stages',
    match: {
      ...(source?.api === undefined ? {} : { name: source.api }),
      ...(source?.stage === undefined ? {} : { stage: source.stage }),
    },
    on_empty: 'error',
  };
}

function unknownObjective(file: Loaded<'BurnRateAlerts'>, files: AlarmFiles): Problem {
  const known = files.objectives.map(({ value }) => value.metadata.name).join(', ');
  return problemIn(file.document, ['spec', 'sloRef'], {
    expected: `the name of an SLO file (${known || 'there is none'})`,
    got: file.value.spec.sloRef,
    remedy: 'write the OpenSLO file, or correct the name',
  });
}

const IMPOSSIBLE = 'impossible-burn-rate';

/** A threshold of 1 or more can never be crossed: no share of requests is above all of them. */
function impossibleWindows(file: Loaded<'BurnRateAlerts'>, objective: Objective): readonly Problem[] {
  return windowsOf(file.value.spec).flatMap(({ severity, speed, window }) => {
    const { rate, threshold } = burnRate(window, objective);
    const { line } = file.document.keyPositionOf(['spec', severity, speed]);
    if (threshold < 1 || disablesIn(file).rulesFor(line).includes(IMPOSSIBLE)) return [];
    const needed = round((1 - 1 / rate) * 100);
    return [
      problemIn(file.document, ['spec', severity, speed], {
        expected: `a burn rate whose threshold stays below 1: at ${rate} the target must be above ${needed} %`,
        got: `a threshold of ${threshold}, which no error ratio can cross`,
        remedy: `choose a longer long window, a smaller share of the budget, or a higher target [${IMPOSSIBLE}]`,
      }),
    ];
  });
}
