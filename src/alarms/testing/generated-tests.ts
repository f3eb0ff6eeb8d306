import { formatDuration } from '../../core/duration.ts';
import { messageOf, UserError } from '../../core/errors.ts';
import type { AlarmState, MissingDataMode } from '../../evaluate/alarm-state.ts';
import { alarmTimeline } from '../../evaluate/alarm-timeline.ts';
import { breaches } from '../../evaluate/comparison.ts';
import type { AlarmSettings } from '../../evaluate/evaluate-alarm.ts';
import { isEvaluatedHourly } from '../../evaluate/evaluation-clock.ts';
import { rangeSize } from '../../evaluate/judge-points.ts';
import { type SeriesReader, seriesFromSlots } from '../../evaluate/windows.ts';
import type { AlarmInstance } from '../alarm-instance.ts';

export interface GeneratedResult {
  readonly id: string;
  readonly check: 'silence' | 'one_bad_point' | 'sustained_breach';
  readonly failure?: string;
}

const MINUTE_MS = 60_000;

/**
 * Three questions every alarm can be asked: does silence do what its missing-data mode says, does one bad minute stay
 * quiet where more than one is asked for, and does a breach that lasts fire after M periods and one evaluation.
 */
export function generatedTests(instance: AlarmInstance): readonly GeneratedResult[] {
  const { model, id } = instance;
  // An alarm that is looked at once an hour has a linter rule of its own.
  if (model.kind !== 'metric' || isEvaluatedHourly(model.settings)) return [];
  const { settings } = model;
  const checks = [
    ['silence', () => silence(settings)],
    ['one_bad_point', () => oneBadPoint(settings, instance)],
    ['sustained_breach', () => sustainedBreach(settings)],
  ] as const;
  return checks.map(([check, run]): GeneratedResult => {
    try {
      const failure = run();
      return { id, check, ...(failure === undefined ? {} : { failure }) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { id, check, failure: messageOf(error) };
    }
  });
}

const SILENT: Readonly<Record<MissingDataMode, AlarmState>> = {
  missing: 'INSUFFICIENT_DATA',
  ignore: 'OK',
  breaching: 'ALARM',
  notBreaching: 'OK',
};

function silence(settings: AlarmSettings): string | undefined {
  const { final } = run(settings, seriesFromSlots([]));
  const expected = SILENT[settings.missingData];
  return final === expected ? undefined : `silence ends in ${final}, expected ${expected}`;
}

/** Good data with one bad period in the middle. Only what pages or tickets must keep quiet; a child may react at once. */
function oneBadPoint(settings: AlarmSettings, instance: AlarmInstance): string | undefined {
  if (settings.datapointsToAlarm === 1 && settings.evaluationPeriods === 1) return undefined;
  const { transitions } = run(
    settings,
    steps(settings, (period) => period === 0),
  );
  const fired = transitions.find(({ to }) => to === 'ALARM');
  if (fired === undefined || instance.severity === 'info') return undefined;
  return `one bad period of ${formatDuration(settings.periodMs)} fires: ask for more than one of them`;
}

function sustainedBreach(settings: AlarmSettings): string | undefined {
  const { transitions } = run(
    settings,
    steps(settings, (period) => period >= 0),
  );
  const fired = transitions.find(({ to }) => to === 'ALARM');
  const dueMs = settings.datapointsToAlarm * settings.periodMs + MINUTE_MS;
  if (fired === undefined) return 'a breach that lasts never fires';
  return fired.atMs <= dueMs
    ? undefined
    : `a breach that lasts fires after ${formatDuration(fired.atMs)}, expected ${formatDuration(dueMs)}`;
}

/** A metric that is bad in the periods chosen, counted from 0 at the start of the trouble, good in all others. */
function steps(settings: AlarmSettings, isBad: (period: number) => boolean): SeriesReader {
  const [good, bad] = valuesOf(settings);
  return {
    slot(startMs, periodMs) {
      // A window that slides over the edge is bad as soon as any of it is: the harder case for staying quiet.
      const period = Math.floor((startMs + periodMs - MINUTE_MS) / periodMs);
      return { startMs, value: isBad(period) ? bad : good, sampleCount: 1_000_000 };
    },
  };
}

function valuesOf({ comparison, threshold }: AlarmSettings): readonly [number, number] {
  const [low, high] = [
    threshold - Math.max(1, Math.abs(threshold)),
    threshold + Math.max(1, Math.abs(threshold)),
  ];
  return breaches(high, comparison, threshold) ? [low, high] : [high, low];
}

function run(settings: AlarmSettings, series: SeriesReader) {
  const range = (settings.rangeSize ?? rangeSize(settings.evaluationPeriods)) + 2;
  return alarmTimeline({
    alarm: settings,
    series,
    fromMs: 0,
    toMs: 2 * range * settings.periodMs,
    delayMs: 0,
    initial: 'OK',
  });
}
