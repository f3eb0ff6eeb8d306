import type { AwsClients } from '../../aws/aws-clients.ts';
import { IncompleteReadError } from '../../core/errors.ts';
import {
  metricText,
  type Question,
  questionKey,
  type Reach,
  SETTLED_MS,
  startsOf,
} from './history-questions.ts';
import { PointGrid } from './point-grid.ts';
import { mergeSpans, type Span, subtractSpans } from './spans.ts';

const MAX_POINTS = 100_800;
const MAX_QUERIES = 500;
/** Statistics of one metric in one call that CloudWatch bills as one metric. */
const STATISTICS_PER_BILLED_METRIC = 5;
/** How often one call is asked before a hole in its answer ends the run. */
const MAX_ROUNDS = 4;

/** What is kept of one question: starts of windows that were asked for, and the points that were there. */
export interface StoredHistory {
  readonly covered: readonly Span[];
  readonly points: Iterable<readonly [number, number]>;
}

/** Where answers are kept between runs: what is settled does not change. Neither may throw; what cannot be read is asked again. */
export interface HistoryCache {
  read(key: string): StoredHistory | undefined;
  /** Points and spans older than `keepFromMs` are not asked for again. */
  write(key: string, history: StoredHistory, keepFromMs: number): void;
}

interface Call {
  readonly questions: readonly Question[];
  /** Starts of windows. */
  readonly span: Span;
}

interface Answer {
  readonly question: Question;
  readonly grid: PointGrid;
  covered: readonly Span[];
}

/** What is known already, and what still has to be asked. */
export interface HistoryPlan {
  readonly reach: Reach;
  readonly questions: number;
  /** Questions whose every window is in the cache. */
  readonly cached: number;
  /** Metrics requested, the unit GetMetricData is billed in. */
  readonly billedMetrics: number;
  readonly calls: readonly Call[];
  readonly answers: ReadonlyMap<string, Answer>;
}

/** Looks into the cache, and puts what is missing into as few calls as CloudWatch's limits allow. */
export function planHistory(questions: readonly Question[], reach: Reach, cache?: HistoryCache): HistoryPlan {
  const answers = new Map<string, Answer>();
  const open: { question: Question; span: Span }[] = [];
  let cached = 0;
  for (const question of questions) {
    const answer = answerFrom(cache, question, reach);
    answers.set(questionKey(question), answer);
    const missing = subtractSpans([startsOf(question, reach)], answer.covered).flatMap(alignedTo(question));
    if (missing.length === 0) cached += 1;
    for (const span of missing) open.push({ question, span });
  }
  const calls = callsFor(open);
  const billedMetrics = calls.reduce((sum, call) => sum + billedIn(call), 0);
  return { reach, questions: questions.length, cached, billedMetrics, calls, answers };
}

/** CloudWatch counts windows from the start that is asked for: it must be the start of one of the question's windows. */
function alignedTo({ periodMs, offsetMs }: Question): (span: Span) => readonly Span[] {
  return ({ fromMs, toMs }) => {
    const first = Math.ceil((fromMs - offsetMs) / periodMs) * periodMs + offsetMs;
    return first < toMs ? [{ fromMs: first, toMs }] : [];
  };
}

function answerFrom(cache: HistoryCache | undefined, question: Question, reach: Reach): Answer {
  const grid = new PointGrid(startsOf(question, reach), question.periodMs);
  const stored = cache?.read(questionKey(question));
  for (const [atMs, value] of stored?.points ?? []) grid.set(atMs, value);
  return { question, grid, covered: stored?.covered ?? [] };
}

/** Those of one call share account, Region, period and span. */
function callsFor(open: readonly { readonly question: Question; readonly span: Span }[]): readonly Call[] {
  const groups = Map.groupBy(
    open,
    ({ question: { account, region, periodMs }, span }) =>
      `${account}/${region}/${periodMs}/${span.fromMs}/${span.toMs}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { question, span } = first;
    const points = Math.ceil((span.toMs - span.fromMs) / question.periodMs);
    const size = Math.max(1, Math.min(MAX_QUERIES, Math.floor(MAX_POINTS / points)));
    return Array.from({ length: Math.ceil(group.length / size) }, (_, index) => ({
      questions: group.slice(index * size, (index + 1) * size).map((one) => one.question),
      span,
    }));
  });
}

function billedIn({ questions }: Call): number {
  const metrics = Map.groupBy(questions, metricText);
  return [...metrics.values()].reduce(
    (sum, own) => sum + Math.ceil(own.length / STATISTICS_PER_BILLED_METRIC),
    0,
  );
}

/** Points of a question, as far as they were asked for. */
export type HistoryPoints = ReadonlyMap<string, PointGrid>;

/**
 * Asks for everything a plan still needs. What a call brought is in the cache before the next one: a run that is broken
 * off has not paid for nothing.
 *
 * @throws {IncompleteReadError} when a call was not answered whole in several tries: a hole would look like an idle API.
 */
export async function fetchHistory(input: {
  readonly aws: AwsClients;
  readonly plan: HistoryPlan;
  readonly cache?: HistoryCache;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}): Promise<HistoryPoints> {
  const { aws, plan, cache, nowMs, signal } = input;
  for (const [index, call] of plan.calls.entries()) {
    await ask(aws, call, plan, signal);
    if (cache !== undefined) store(cache, call, plan, nowMs);
    input.onProgress?.(index + 1, plan.calls.length);
  }
  return new Map([...plan.answers].map(([key, { grid }]) => [key, grid]));
}

/** What was not answered whole is asked for again, at once: the pace of calls is the client's business. */
async function ask(aws: AwsClients, call: Call, plan: HistoryPlan, signal: AbortSignal): Promise<void> {
  let open = call.questions;
  for (let round = 1; open.length > 0; round += 1) {
    const { left, failure } = await askOnce(aws, { ...call, questions: open }, plan, signal);
    const [first] = left;
    if (first === undefined) return;
    if (round === MAX_ROUNDS) {
      throw (
        failure ??
        new IncompleteReadError(
          `GetMetricData did not answer ${first.metric.metricName} whole in ${MAX_ROUNDS} tries; run it again`,
        )
      );
    }
    open = left;
  }
}

interface Round {
  readonly left: readonly Question[];
  readonly failure?: Error;
}

/** @throws {Error} when asking again is of no use, as when access is denied. */
async function askOnce(aws: AwsClients, call: Call, plan: HistoryPlan, signal: AbortSignal): Promise<Round> {
  const [first] = call.questions;
  if (first === undefined) return { left: [] };
  const answer = await aws.getMetricData({
    account: first.account,
    region: first.region,
    ...call.span,
    signal,
    queries: call.questions.map(({ metric, statistic, periodMs }, index) => ({
      id: `q${index}`,
      ...metric,
      periodS: periodMs / 1_000,
      stat: statistic,
    })),
  });
  const { failure } = answer;
  if (failure !== undefined && !(failure instanceof IncompleteReadError)) throw failure;
  const byId = new Map(answer.results.map((result) => [result.id, result]));
  const left = call.questions.filter((question, index) => {
    const result = byId.get(`q${index}`);
    const whole = result?.status === 'complete';
    const known = plan.answers.get(questionKey(question));
    if (whole) for (const { timestampMs, value } of result.points) known?.grid.set(timestampMs, value);
    return !whole;
  });
  return { left, ...(failure === undefined ? {} : { failure }) };
}

function store(cache: HistoryCache, { questions, span }: Call, plan: HistoryPlan, nowMs: number): void {
  for (const question of questions) {
    const key = questionKey(question);
    const answer = plan.answers.get(key);
    if (answer === undefined) continue;
    const settledMs = nowMs - SETTLED_MS - question.periodMs;
    const asked = { fromMs: span.fromMs, toMs: Math.min(span.toMs, settledMs) };
    answer.covered = mergeSpans([...answer.covered, asked]);
    // What the cache had of other times stays in it: a shorter span must not cost the longer one its history.
    const known = cache.read(key)?.points ?? [];
    const points = new Map([...known, ...answer.grid.points()]);
    cache.write(key, { covered: answer.covered, points }, plan.reach.readFromMs);
  }
}
