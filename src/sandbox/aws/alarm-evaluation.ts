import type { AlarmState, MissingDataMode } from '../../evaluate/alarm-state.ts';
import { COMPARISON_OPERATORS, type ComparisonOperator } from '../../evaluate/comparison.ts';
import { holds, parseRule } from '../../evaluate/composite-rule.ts';
import { type AlarmSettings, type Evaluation, evaluateAlarm } from '../../evaluate/evaluate-alarm.ts';
import { evaluationClock } from '../../evaluate/evaluation-clock.ts';
import { percentileOf } from '../../evaluate/low-samples.ts';
import { mathSeries } from '../../evaluate/math-series.ts';
import type { SeriesReader } from '../../evaluate/windows.ts';
import type { StoredAlarm } from './alarm-model.ts';
import { nameOfReference } from './alarm-store.ts';
import { invalidValue, readDimensions } from './cloudwatch-model.ts';
import {
  boundedNumber,
  type Fields,
  optionalFlag,
  optionalNumber,
  optionalObjects,
  optionalText,
} from './request-fields.ts';

export interface MetricRef {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly stat: string;
}

/** Reads one statistic of one metric over a span, as CloudWatch would show it now. */
export type ReadStatistic = (metric: MetricRef, startMs: number, periodMs: number) => number | undefined;

const MISSING_DATA: readonly MissingDataMode[] = ['missing', 'ignore', 'breaching', 'notBreaching'];

/** The alarm's settings as the evaluator takes them. Throws what PutMetricAlarm answers to a wrong one. */
export function settingsOf(properties: Fields): AlarmSettings {
  const evaluationPeriods = boundedNumber(
    properties,
    'EvaluationPeriods',
    { min: 1, max: 10_080, fallback: 1 },
    invalidValue,
  );
  const percentile = percentileOf(optionalText(properties, 'ExtendedStatistic', invalidValue) ?? '');
  const low = optionalText(properties, 'EvaluateLowSampleCountPercentile', invalidValue);
  return {
    periodMs: periodSOf(properties) * 1_000,
    evaluationPeriods,
    datapointsToAlarm: boundedNumber(
      properties,
      'DatapointsToAlarm',
      { min: 1, max: evaluationPeriods, fallback: evaluationPeriods },
      invalidValue,
    ),
    comparison: comparisonOf(optionalText(properties, 'ComparisonOperator', invalidValue)),
    threshold: optionalNumber(properties, 'Threshold', invalidValue) ?? 0,
    missingData: missingDataOf(optionalText(properties, 'TreatMissingData', invalidValue)),
    ...(low === 'ignore' && percentile !== undefined ? { lowSamplePercentile: percentile } : {}),
  };
}

function comparisonOf(name: string | undefined): ComparisonOperator {
  const known = COMPARISON_OPERATORS.find((operator) => operator === name);
  if (known === undefined)
    throw invalidValue(`The value ${name} for parameter ComparisonOperator is invalid.`);
  return known;
}

function missingDataOf(name: string | undefined): MissingDataMode {
  const known = MISSING_DATA.find((mode) => mode === (name ?? 'missing'));
  if (known === undefined) throw invalidValue(`The value ${name} for parameter TreatMissingData is invalid.`);
  return known;
}

/** All metrics of one alarm share their period. */
export function periodSOf(properties: Fields): number {
  const stats = statsOf(properties);
  const period = stats[0]?.periodS ?? optionalNumber(properties, 'Period', invalidValue) ?? 60;
  if (stats.some((stat) => stat.periodS !== period)) {
    throw invalidValue('All metrics of an alarm must have the same Period.');
  }
  if (![10, 20, 30].includes(period) && (period < 60 || period % 60 !== 0)) {
    throw invalidValue('Period must be 10, 20, 30 or a multiple of 60.');
  }
  return period;
}

interface NamedStat extends MetricRef {
  readonly id: string;
  readonly periodS: number;
}

function statsOf(properties: Fields): readonly NamedStat[] {
  return (optionalObjects(properties, 'Metrics', invalidValue) ?? []).flatMap((query) => {
    const [stat] = optionalObjects({ list: [query.MetricStat ?? {}] }, 'list', invalidValue) ?? [];
    if (stat === undefined || query.MetricStat === undefined) return [];
    const [metric] = optionalObjects({ list: [stat.Metric ?? {}] }, 'list', invalidValue) ?? [];
    return [
      {
        id: optionalText(query, 'Id', invalidValue) ?? '',
        periodS: optionalNumber(stat, 'Period', invalidValue) ?? 60,
        ...metricOf(metric ?? {}, optionalText(stat, 'Stat', invalidValue) ?? ''),
      },
    ];
  });
}

function metricOf(fields: Fields, stat: string): MetricRef {
  return {
    namespace: optionalText(fields, 'Namespace', invalidValue) ?? '',
    metricName: optionalText(fields, 'MetricName', invalidValue) ?? '',
    dimensions: readDimensions(fields),
    stat,
  };
}

export function evaluateMetricAlarm(
  alarm: StoredAlarm,
  read: ReadStatistic,
  nowMs: number,
): { readonly settings: AlarmSettings; readonly evaluation: Evaluation } {
  const settings = settingsOf(alarm.properties);
  const clock = evaluationClock({ ...settings, delayMs: 0 });
  const series = seriesOf(alarm.properties, read);
  return { settings, evaluation: evaluateAlarm(settings, series, clock.newestEndMs(nowMs)) };
}

function seriesOf(properties: Fields, read: ReadStatistic): SeriesReader {
  const queries = optionalObjects(properties, 'Metrics', invalidValue) ?? [];
  if (queries.length === 0) return readerOf(singleMetric(properties), read);
  const readers = new Map(statsOf(properties).map((stat) => [stat.id, readerOf(stat, read)]));
  for (const query of queries) {
    const expression = optionalText(query, 'Expression', invalidValue);
    const id = optionalText(query, 'Id', invalidValue) ?? '';
    if (expression !== undefined) readers.set(id, mathSeries(expression, readers));
  }
  const result = queries.find((query) => optionalFlag(query, 'ReturnData', invalidValue) !== false);
  const reader = readers.get(optionalText(result ?? {}, 'Id', invalidValue) ?? '');
  if (reader === undefined) throw invalidValue('Exactly one of Metrics must have ReturnData true.');
  return reader;
}

function singleMetric(properties: Fields): MetricRef {
  const stat =
    optionalText(properties, 'ExtendedStatistic', invalidValue) ??
    optionalText(properties, 'Statistic', invalidValue) ??
    '';
  return metricOf(properties, stat);
}

function readerOf(metric: MetricRef, read: ReadStatistic): SeriesReader {
  return {
    slot: (startMs, periodMs) => {
      const value = read(metric, startMs, periodMs);
      if (value === undefined) return { startMs };
      const sampleCount = read({ ...metric, stat: 'SampleCount' }, startMs, periodMs);
      return { startMs, value, ...(sampleCount === undefined ? {} : { sampleCount }) };
    },
  };
}

export function compositeState(
  alarm: StoredAlarm,
  stateOf: (name: string) => AlarmState | undefined,
): AlarmState {
  const rule = parseRule(optionalText(alarm.properties, 'AlarmRule', invalidValue) ?? 'FALSE');
  const met = holds(rule, (reference) => stateOf(nameOfReference(reference)) ?? 'INSUFFICIENT_DATA');
  return met ? 'ALARM' : 'OK';
}

/** `StateReasonData` of CloudWatch. */
export function reasonDataOf(settings: AlarmSettings, evaluation: Evaluation, nowMs: number): string {
  const real = evaluation.slots.filter((slot) => slot.value !== undefined);
  return JSON.stringify({
    version: '1.0',
    queryDate: new Date(nowMs).toISOString(),
    startDate: new Date(real[0]?.startMs ?? nowMs).toISOString(),
    period: settings.periodMs / 1_000,
    recentDatapoints: real.slice(-settings.evaluationPeriods).map((slot) => slot.value),
    threshold: settings.threshold,
  });
}
