import type { AlarmInput, AlarmInstance } from '../alarm-instance.ts';
import type { AlarmHistory } from '../backtest/alarm-history.ts';
import { MINUTE_MS, PARTS } from '../backtest/history-questions.ts';
import type { Sample } from './series-notation.ts';
import { type GivenSeries, nameOfInput } from './test-series.ts';

export interface RecordedSeries {
  readonly series: readonly GivenSeries[];
  /** Statistics that have no history, for people. */
  readonly silent: readonly string[];
}

/**
 * Every statistic that alarms read, minute by minute, with the number of samples behind it. Of a percentile, a minute's
 * sample is that of the window which ends with the minute: that is how a test reads it back.
 */
export function recordedSeries(alarms: readonly AlarmInstance[], history: AlarmHistory): RecordedSeries {
  const series = new Map<string, GivenSeries>();
  const silent = new Set<string>();
  for (const alarm of alarms) {
    if (alarm.model.kind !== 'metric') continue;
    for (const input of alarm.model.inputs) {
      const { periodMs } = alarm.model.settings;
      const name = nameOfInput(input);
      const read = samplesOf(alarm, input, history, periodMs);
      if (read === undefined) silent.add(`${name} ${input.statistic}`);
      const { values, counts } = read ?? gaps(history);
      series.set(`${name} ${input.statistic}`, { series: name, statistic: input.statistic, samples: values });
      const count = `${name} SampleCount`;
      if (input.statistic !== 'SampleCount' && !series.has(count)) {
        series.set(count, { series: name, statistic: 'SampleCount', samples: counts });
      }
    }
  }
  return { series: [...series.values()], silent: [...silent] };
}

interface Samples {
  readonly values: readonly Sample[];
  readonly counts: readonly Sample[];
}

function samplesOf(
  { model, resource: { key } }: AlarmInstance,
  input: AlarmInput,
  history: AlarmHistory,
  periodMs: number,
): Samples | undefined {
  if (model.kind !== 'metric') return undefined;
  const { account, region } = key;
  const alone = { kind: model.kind, settings: model.settings, inputs: [input] };
  const values = history.seriesFor({ account, region, model: alone });
  const counted = { ...alone, inputs: [{ ...input, statistic: 'SampleCount' }] };
  const counts = history.seriesFor({ account, region, model: counted });
  if (values === undefined) return undefined;
  const lengthMs = PARTS[input.statistic] === undefined ? periodMs : MINUTE_MS;
  return {
    values: minutesOf(history).map(
      (startMs) => values.reader.slot(startMs + MINUTE_MS - lengthMs, lengthMs).value,
    ),
    counts: minutesOf(history).map((startMs) => counts?.reader.slot(startMs, MINUTE_MS).value),
  };
}

function minutesOf({ reach: { fromMs, toMs } }: AlarmHistory): readonly number[] {
  return Array.from({ length: (toMs - fromMs) / MINUTE_MS }, (_, minute) => fromMs + minute * MINUTE_MS);
}

function gaps(history: AlarmHistory): Samples {
  const none = minutesOf(history).map(() => undefined);
  return { values: none, counts: none };
}
