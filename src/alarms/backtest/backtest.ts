import { formatDuration } from '../../core/duration.ts';
import type { AlarmSettings } from '../../evaluate/evaluate-alarm.ts';
import { rangeSize } from '../../evaluate/judge-points.ts';
import { type SeriesReader, type Slot, seriesFromSlots } from '../../evaluate/windows.ts';
import { type AlarmRun, type RunnableAlarm, runAlarms } from '../testing/alarm-run.ts';
import type { AlarmHistory } from './alarm-history.ts';
import { MINUTE_MS, type Reach, type Watched } from './history-questions.ts';
import type { KnownSeries } from './known-series.ts';
import { type Noise, noiseOf } from './noise.ts';
import { intersectSpans, lengthOf, type Span } from './spans.ts';

/** `no_history`: a metric it reads never had a point. `opaque`: it cannot be judged offline. Neither is "0 firings". */
export type BacktestOutcome =
  | {
      readonly kind: 'replayed';
      readonly noise: Noise;
      /** Moments that AWS's published rules leave open: with any of them the outcome is inconclusive. */
      readonly doubts: readonly { readonly atMs: number; readonly why: string }[];
      /** How much of the span could be judged; less where the journal has not read all of it. */
      readonly judgedMs: number;
      /** Alarms a composite reads that have no history, or not for the whole span: what they would have added is not known. */
      readonly without: readonly string[];
    }
  | { readonly kind: 'no_history' }
  | { readonly kind: 'opaque'; readonly why: string };

export interface BacktestResult<Alarm extends RunnableAlarm = RunnableAlarm> {
  readonly instance: Alarm;
  readonly outcome: BacktestOutcome;
}

/** A minute becomes usable about this long after it ended. */
const DELAY_MS = MINUTE_MS;
/** Alarms are run from so long before the span, so that one that was firing already does not count as a firing of it. */
const WARM_UP_MS = 60 * MINUTE_MS;

/** How far back before a span its first evaluations look. A day and a bit is the most that can be had of minutes. */
export function leadOf(alarms: readonly RunnableAlarm[]): number {
  const looks = alarms.map(({ model }) => (model.kind === 'metric' ? lookBackMs(model.settings) : 0));
  return looks.reduce((most, look) => Math.max(most, look), 0) + WARM_UP_MS;
}

function lookBackMs({ evaluationPeriods, periodMs, rangeSize: size }: AlarmSettings): number {
  return (size ?? rangeSize(evaluationPeriods)) * periodMs + DELAY_MS;
}

/** The metric alarms among these, in the form in which history is asked for them. */
export function watchedBy(alarms: readonly RunnableAlarm[]): readonly Watched[] {
  return alarms.flatMap(({ model, resource: { key } }) =>
    model.kind === 'metric' && model.settings.periodMs >= MINUTE_MS
      ? [{ account: key.account, region: key.region, model }]
      : [],
  );
}

/** Replays alarms over their history. Composites of different Regions never mix. */
export function replay<Alarm extends RunnableAlarm>(
  alarms: readonly Alarm[],
  history: AlarmHistory,
  timeZone: string,
): readonly BacktestResult<Alarm>[] {
  const scopes = Map.groupBy(alarms, ({ resource }) => `${resource.key.account}/${resource.key.region}`);
  return [...scopes.values()].flatMap((group) => replayScope(group, history, timeZone));
}

function replayScope<Alarm extends RunnableAlarm>(
  alarms: readonly Alarm[],
  history: AlarmHistory,
  timeZone: string,
): readonly BacktestResult<Alarm>[] {
  const { reach } = history;
  const scope = new ReplayedScope(alarms, history);
  const runs = runAlarms({
    instances: scope.runnable,
    readerFor: (_, alarm) => rememberedSlots(scope.seriesOf(alarm)?.reader ?? seriesFromSlots([])),
    judgedOf: (alarm) => scope.judgedOf(alarm),
    fromMs: reach.fromMs,
    toMs: reach.toMs,
    delayMs: DELAY_MS,
    initial: 'OK',
  });
  return alarms.map((instance) => {
    const run = runs.get(instance.resource.key.name);
    return { instance, outcome: scope.outcomeOf(instance, run, timeZone) };
  });
}

/** Windows slide: each is looked at once for every place of the evaluation range. Kept for one run of one alarm only. */
function rememberedSlots(reader: SeriesReader): SeriesReader {
  const slots: Slot[] = [];
  let firstMs: number | undefined;
  return {
    slot(startMs, periodMs) {
      // A run goes forward in time and asks for its oldest place first.
      firstMs ??= startMs;
      const place = (startMs - firstMs) / MINUTE_MS;
      if (place < 0) return reader.slot(startMs, periodMs);
      slots[place] ??= reader.slot(startMs, periodMs);
      return slots[place];
    },
  };
}

/** The alarms of one account and Region with their series, each made once. */
class ReplayedScope {
  readonly runnable: readonly RunnableAlarm[];
  readonly #reach: Reach;
  readonly #series: ReadonlyMap<string, KnownSeries | undefined>;
  readonly #byName: ReadonlyMap<string, RunnableAlarm>;

  constructor(alarms: readonly RunnableAlarm[], history: AlarmHistory) {
    this.#reach = history.reach;
    this.runnable = alarms.map((alarm) => ({ ...alarm, model: judgeable(alarm.model) }));
    this.#byName = new Map(this.runnable.map((alarm) => [alarm.resource.key.name, alarm]));
    this.#series = new Map(
      this.runnable.map((alarm) => {
        const [watched] = watchedBy([alarm]);
        return [alarm.resource.key.name, watched && history.seriesFor(watched)];
      }),
    );
  }

  seriesOf({ resource }: RunnableAlarm): KnownSeries | undefined {
    return this.#series.get(resource.key.name);
  }

  /** When an alarm can be judged: once everything it looks at is known. Of a composite, when any of its alarms can. */
  judgedOf(alarm: RunnableAlarm): readonly Span[] {
    if (alarm.model.kind !== 'metric') return this.#metricsBelow(alarm).flatMap((one) => this.judgedOf(one));
    const { settings } = alarm.model;
    const spans = this.seriesOf(alarm)?.known ?? [];
    const times = spans.map(({ fromMs, toMs }) => ({
      fromMs: fromMs + lookBackMs(settings),
      toMs: toMs + DELAY_MS,
    }));
    return intersectSpans(times, [{ fromMs: this.#reach.fromMs - WARM_UP_MS, toMs: this.#reach.toMs }]);
  }

  outcomeOf(alarm: RunnableAlarm, run: AlarmRun | undefined, timeZone: string): BacktestOutcome {
    if (run?.opaque !== undefined) return { kind: 'opaque', why: run.opaque };
    const judged = intersectSpans(this.judgedOf(alarm), [this.#reach]);
    if (run === undefined || judged.length === 0) return { kind: 'no_history' };
    const { fromMs, toMs } = this.#reach;
    const without = this.#metricsBelow(alarm).filter((child) => this.#isPartlyKnown(child));
    return {
      kind: 'replayed',
      noise: noiseOf(run, { span: { fromMs, toMs }, judged, timeZone }),
      doubts: run.doubts.filter(({ atMs }) => atMs >= fromMs),
      judgedMs: lengthOf(judged),
      without: without.map(({ id }) => id),
    };
  }

  #isPartlyKnown(alarm: RunnableAlarm): boolean {
    const { fromMs, toMs } = this.#reach;
    return lengthOf(intersectSpans(this.judgedOf(alarm), [this.#reach])) < toMs - fromMs;
  }

  /** Every metric alarm that a composite reads, through other composites too. */
  #metricsBelow(alarm: RunnableAlarm, seen = new Set<RunnableAlarm>()): readonly RunnableAlarm[] {
    return alarm.resource.children.flatMap((name) => {
      const child = this.#byName.get(name);
      if (child === undefined || seen.has(child)) return [];
      seen.add(child);
      return child.model.kind === 'metric' ? [child] : this.#metricsBelow(child, seen);
    });
  }
}

/** CloudWatch keeps points of less than a minute for three hours: of two weeks there are none. */
function judgeable(model: RunnableAlarm['model']): RunnableAlarm['model'] {
  if (model.kind !== 'metric' || model.settings.periodMs >= MINUTE_MS) return model;
  const period = formatDuration(model.settings.periodMs);
  return {
    kind: 'opaque',
    why: `its period is ${period}, and CloudWatch keeps points below a minute for three hours`,
  };
}

/** Pages a week of everything that pages, for the budget. */
export function pagesPerWeek(results: readonly BacktestResult[]): number {
  return results.reduce(
    (sum, { instance, outcome }) =>
      sum + (instance.severity === 'page' && outcome.kind === 'replayed' ? outcome.noise.perWeek : 0),
    0,
  );
}
