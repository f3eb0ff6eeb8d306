import type { AwsClients } from '../../aws/aws-clients.ts';
import { IncompleteReadError } from '../../core/errors.ts';
import { percentileOf } from '../../evaluate/low-samples.ts';
import { mathSeries } from '../../evaluate/math-series.ts';
import {
  type MinuteStatistics,
  type SeriesReader,
  type Slot,
  seriesFromMinutes,
} from '../../evaluate/windows.ts';
import type { AlarmInput, AlarmInstance, AlarmModel } from '../alarm-instance.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Minutes are kept for 15 days; the day before the last is left out, since it may fall away while it is read. */
export const LONGEST_MS = 14 * DAY_MS;
const MAX_POINTS = 100_800;
const MAX_QUERIES = 500;

interface Question {
  readonly account: string;
  readonly region: string;
  readonly input: AlarmInput;
  readonly statistic: string;
  readonly periodMs: number;
  /** How far the windows start after whole periods: a percentile has to be asked for at each. */
  readonly offsetMs: number;
}

/** What has to be asked of CloudWatch to replay alarms, each thing once, and what that is billed as. */
export interface HistoryPlan {
  readonly questions: readonly Question[];
  /** Metrics requested, the unit GetMetricData is billed in. */
  readonly metricsRequested: number;
  readonly calls: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Statistics from which any longer window can be put together. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  Sum: ['Sum', 'SampleCount'],
  Average: ['Sum', 'SampleCount'],
  SampleCount: ['SampleCount'],
  Minimum: ['Minimum', 'SampleCount'],
  Maximum: ['Maximum', 'SampleCount'],
};

export function planHistory(instances: readonly AlarmInstance[], span: Span): HistoryPlan {
  const byKey = new Map<string, Question>();
  for (const instance of instances) {
    if (instance.model.kind !== 'metric') continue;
    const { account, region } = instance.resource.key;
    const { periodMs } = instance.model.settings;
    for (const input of instance.model.inputs) {
      for (const asked of questionsOf(input, periodMs)) {
        const question = { account, region, input, ...asked };
        byKey.set(keyOf(question), question);
      }
    }
  }
  const questions = [...byKey.values()];
  const calls = callsFor(questions, span).length;
  return { questions, metricsRequested: questions.length, calls };
}

function questionsOf(
  input: AlarmInput,
  periodMs: number,
): readonly Pick<Question, 'statistic' | 'periodMs' | 'offsetMs'>[] {
  const parts = PARTS[input.statistic];
  if (parts !== undefined) return parts.map((statistic) => ({ statistic, periodMs: MINUTE_MS, offsetMs: 0 }));
  const offsets = Array.from({ length: periodMs / MINUTE_MS }, (_, minute) => minute * MINUTE_MS);
  const counts = { statistic: 'SampleCount', periodMs: MINUTE_MS, offsetMs: 0 };
  return [...offsets.map((offsetMs) => ({ statistic: input.statistic, periodMs, offsetMs })), counts];
}

function keyOf({ account, region, input, statistic, periodMs, offsetMs }: Question): string {
  const dimensions = Object.entries(input.metric.dimensions).sort().flat().join(',');
  return [
    account,
    region,
    input.metric.namespace,
    input.metric.metricName,
    dimensions,
    statistic,
    periodMs,
    offsetMs,
  ].join('\n');
}

interface Call {
  readonly questions: readonly Question[];
  readonly span: Span;
}

/** As many questions in one call as points and queries allow; those of one call share account, Region and offset. */
function callsFor(questions: readonly Question[], span: Span): readonly Call[] {
  const groups = Map.groupBy(
    questions,
    ({ account, region, offsetMs, periodMs }) => `${account}/${region}/${offsetMs}/${periodMs}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const points = Math.ceil((span.toMs - span.fromMs) / first.periodMs) + 1;
    const size = Math.max(1, Math.min(MAX_QUERIES, Math.floor(MAX_POINTS / points)));
    const fromMs = Math.floor(span.fromMs / first.periodMs) * first.periodMs + first.offsetMs;
    return Array.from({ length: Math.ceil(group.length / size) }, (_, index) => ({
      questions: group.slice(index * size, (index + 1) * size),
      span: { fromMs, toMs: span.toMs },
    }));
  });
}

/** Points by window start. */
type Points = ReadonlyMap<number, number>;

/** What CloudWatch has of the metrics that alarms read. */
export class MetricHistory {
  readonly #points: ReadonlyMap<string, Points>;

  constructor(points: ReadonlyMap<string, Points>) {
    this.#points = points;
  }

  /**
   * The series of an alarm, or `undefined` when one of its metrics never had a point: silence of a metric that does not
   * exist is not a quiet alarm.
   */
  readerFor(
    instance: AlarmInstance,
    model: Extract<AlarmModel, { kind: 'metric' }>,
  ): SeriesReader | undefined {
    const readers = new Map<string, SeriesReader>();
    for (const input of model.inputs) {
      const reader = this.#inputReader(instance, input, model.settings.periodMs);
      if (reader === undefined) return undefined;
      readers.set(input.id, reader);
    }
    const [first] = readers.values();
    return model.expression === undefined ? first : mathSeries(model.expression, readers);
  }

  #inputReader(instance: AlarmInstance, input: AlarmInput, periodMs: number): SeriesReader | undefined {
    const { account, region } = instance.resource.key;
    const at = (statistic: string, period: number, offsetMs: number): Points =>
      this.#points.get(keyOf({ account, region, input, statistic, periodMs: period, offsetMs })) ?? new Map();
    const counts = at('SampleCount', MINUTE_MS, 0);
    if (counts.size === 0) return undefined;
    if (PARTS[input.statistic] === undefined) return slidingReader(input.statistic, periodMs, counts, at);
    const minutes = new Map<number, MinuteStatistics>();
    const [part = 'SampleCount'] = PARTS[input.statistic] ?? [];
    const values = at(part, MINUTE_MS, 0);
    for (const [startMs, sampleCount] of counts) {
      const value = values.get(startMs) ?? 0;
      minutes.set(startMs, { sum: value, sampleCount, minimum: value, maximum: value });
    }
    return seriesFromMinutes(minutes, input.statistic);
  }
}

function slidingReader(
  statistic: string,
  periodMs: number,
  counts: Points,
  at: (statistic: string, periodMs: number, offsetMs: number) => Points,
): SeriesReader {
  const byOffset = new Map<number, Points>();
  for (let offsetMs = 0; offsetMs < periodMs; offsetMs += MINUTE_MS) {
    byOffset.set(offsetMs, at(statistic, periodMs, offsetMs));
  }
  return {
    slot(startMs): Slot {
      const value = byOffset.get(startMs % periodMs)?.get(startMs);
      if (value === undefined) return { startMs };
      let sampleCount = 0;
      for (let minuteMs = startMs; minuteMs < startMs + periodMs; minuteMs += MINUTE_MS) {
        sampleCount += counts.get(minuteMs) ?? 0;
      }
      return { startMs, value, ...(percentileOf(statistic) === undefined ? {} : { sampleCount }) };
    },
  };
}

/** Where answers are kept between runs: the past does not change. Both may fail; then it is asked again. */
export interface HistoryCache {
  read(key: string): Points | undefined;
  write(key: string, points: Points): void;
}

/**
 * Asks for everything a plan needs.
 *
 * @throws {IncompleteReadError} when a call was not answered whole: a hole would look like an idle API.
 */
export async function fetchHistory(input: {
  readonly aws: AwsClients;
  readonly plan: HistoryPlan;
  readonly span: Span;
  readonly cache?: HistoryCache;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}): Promise<MetricHistory> {
  const { aws, plan, span, cache, signal } = input;
  const points = new Map<string, Points>();
  const cacheKey = (question: Question) => `${keyOf(question)}\n${span.fromMs}\n${span.toMs}`;
  const open = plan.questions.filter((question) => {
    const known = cache?.read(cacheKey(question));
    if (known !== undefined) points.set(keyOf(question), known);
    return known === undefined;
  });
  const calls = callsFor(open, span);
  for (const [index, call] of calls.entries()) {
    for (const [question, found] of await ask(aws, call, signal)) {
      points.set(keyOf(question), found);
      cache?.write(cacheKey(question), found);
    }
    input.onProgress?.(index + 1, calls.length);
  }
  return new MetricHistory(points);
}

async function ask(aws: AwsClients, call: Call, signal: AbortSignal): Promise<ReadonlyMap<Question, Points>> {
  const [first] = call.questions;
  if (first === undefined) return new Map();
  const answer = await aws.getMetricData({
    account: first.account,
    region: first.region,
    ...call.span,
    signal,
    queries: call.questions.map(({ input, statistic, periodMs }, index) => ({
      id: `q${index}`,
      namespace: input.metric.namespace,
      metricName: input.metric.metricName,
      dimensions: input.metric.dimensions,
      periodS: periodMs / 1_000,
      stat: statistic,
    })),
  });
  if (answer.failure !== undefined) throw answer.failure;
  const byId = new Map(answer.results.map((result) => [result.id, result]));
  return new Map(
    call.questions.map((question, index) => {
      const result = byId.get(`q${index}`);
      if (result?.status !== 'complete') {
        throw new IncompleteReadError(
          `GetMetricData did not answer ${question.input.metric.metricName} whole; run it again`,
        );
      }
      return [
        question,
        new Map(result.points.map(({ timestampMs, value }) => [timestampMs, value])),
      ] as const;
    }),
  );
}
