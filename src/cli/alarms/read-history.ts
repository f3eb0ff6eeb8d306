import { resolve } from 'node:path';
import { AlarmHistory } from '../../alarms/backtest/alarm-history.ts';
import { leadOf, watchedBy } from '../../alarms/backtest/backtest.ts';
import { fetchHistory, type HistoryPlan, planHistory } from '../../alarms/backtest/fetch-history.ts';
import {
  LONGEST_MS,
  MINUTE_MS,
  questionKey,
  questionsFor,
  type Reach,
  reachOf,
  type Watched,
} from '../../alarms/backtest/history-questions.ts';
import { readSignals, type SignalHistory } from '../../alarms/backtest/signal-history.ts';
import { signalOfMetric } from '../../alarms/signal-rule.ts';
import type { RunnableAlarm } from '../../alarms/testing/alarm-run.ts';
import type { GatewatchConfig } from '../../config/gatewatch-config.ts';
import { parseDuration } from '../../core/duration.ts';
import { UserError } from '../../core/errors.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { JournalReader } from '../../model/journal.ts';
import type { CliContext } from '../context.ts';
import type { AlarmsHost } from './alarm-session.ts';
import { HistoryFiles } from './history-files.ts';
import { journalCoverage } from './journal-coverage.ts';

/** Dollars for a thousand metrics requested: list price from third-party pages, unverified. */
const PRICE_PER_THOUSAND_METRICS = 0.01;

export interface HistoryOptions {
  /** Folder of the cache; absent: beside the journal; false: none. */
  readonly cache?: string | false;
}

/** The time that `--since` names. Throws a `UserError` when minutes are not kept that long. */
export function reachSince(since: string, nowMs: number, alarms: readonly RunnableAlarm[]): Reach {
  const lengthMs = parseDuration(since);
  if (lengthMs === undefined || lengthMs < 60 * MINUTE_MS || lengthMs > LONGEST_MS) {
    throw new UserError(
      'backtest_since',
      `Expected --since between 1h and 14d, got ${since}: CloudWatch keeps minutes for 15 days, and only they slide`,
    );
  }
  return reachOf(lengthMs, nowMs, leadOf(alarms));
}

/** Everything the alarms read over a time, from the cache, CloudWatch and the journal. Says first what it costs. */
export async function readHistory(input: {
  readonly context: CliContext;
  readonly host: AlarmsHost;
  readonly config: GatewatchConfig;
  readonly stages: readonly StageInventory[];
  readonly alarms: readonly RunnableAlarm[];
  readonly reach: Reach;
  readonly options: HistoryOptions;
}): Promise<AlarmHistory> {
  const { context, host, config, alarms, reach } = input;
  const watched = watchedBy(alarms);
  const journal = readsSignals(watched) ? await openJournal(host, config.journal.path) : undefined;
  try {
    // What the journal knows of is not asked of CloudWatch, whose metric filters know nothing of the time before them.
    const isElsewhere = (metric: Parameters<typeof signalOfMetric>[0]) =>
      journal !== undefined && signalOfMetric(metric) !== undefined;
    const cache = cacheOf(context, input.options, config.journal.path);
    const plan = planHistory(questionsFor(watched, isElsewhere), reach, cache);
    context.stderr.write(priceLine(plan));
    const points = await fetchPoints(input, plan, cache);
    const signals = journal && (await signalsOf({ ...input, journal, watched }));
    return new AlarmHistory(reach, points, signals);
  } finally {
    await journal?.close();
  }
}

function readsSignals(watched: readonly Watched[]): boolean {
  return watched.some(({ model }) => model.inputs.some(({ metric }) => signalOfMetric(metric) !== undefined));
}

/** Reads beside a running worker; no journal is no error, its signals just have no history. */
async function openJournal(host: AlarmsHost, path: string): Promise<JournalReader | undefined> {
  try {
    return await host.openJournal?.(path);
  } catch (error) {
    if (error instanceof UserError && error.code === 'journal_missing') return undefined;
    throw error;
  }
}

function cacheOf(
  { cwd }: CliContext,
  { cache }: HistoryOptions,
  journalPath: string,
): HistoryFiles | undefined {
  if (cache === false) return undefined;
  return new HistoryFiles(cache === undefined ? `${journalPath}.history` : resolve(cwd, cache));
}

function priceLine({ questions, cached, calls, billedMetrics }: HistoryPlan): string {
  const dollars = (billedMetrics / 1_000) * PRICE_PER_THOUSAND_METRICS;
  const known = cached === 0 ? '' : `, ${cached} of ${questions} series are cached`;
  return `Reads ${billedMetrics} metrics in ${calls.length} calls: about $${dollars.toFixed(2)} (list price, unverified)${known}.\n`;
}

async function fetchPoints(
  input: Parameters<typeof readHistory>[0],
  plan: HistoryPlan,
  cache: HistoryFiles | undefined,
) {
  const { context, host, config } = input;
  const aws = host.connect(config);
  try {
    const nowMs = context.now();
    const { signal } = host;
    const onProgress = progressTo(context);
    return await fetchHistory({ aws, plan, nowMs, signal, onProgress, ...(cache && { cache }) });
  } finally {
    aws.close();
    const used = [...plan.answers.values()].map(({ question }) => questionKey(question));
    cache?.tidy(used, context.now());
    for (const trouble of cache?.troubles ?? []) context.stderr.write(`${trouble}\n`);
  }
}

/** On a terminal, one line that is written over. */
function progressTo({ stderr }: CliContext): (done: number, total: number) => void {
  return (done, total) => {
    if (stderr.isTTY === true) stderr.write(`\r${done}/${total} calls${done === total ? '\n' : ''}`);
  };
}

async function signalsOf(
  input: Parameters<typeof readHistory>[0] & {
    readonly journal: JournalReader;
    readonly watched: readonly Watched[];
  },
): Promise<SignalHistory> {
  const { context, host, config, journal, watched, stages, reach } = input;
  const span = { fromMs: reach.readFromMs, toMs: reach.toMs };
  const patience = { lagAllowanceMs: config.logs.lagAllowance, maxHoldMs: config.logs.maxHold };
  const coverageOf = await journalCoverage(journal, span, patience);
  const onProgress = (rows: number) => {
    if (context.stderr.isTTY === true) context.stderr.write(`\r${rows} records of the journal`);
  };
  const { signal } = host;
  const signals = await readSignals({ journal, watched, stages, coverageOf, reach, signal, onProgress });
  if (context.stderr.isTTY === true) context.stderr.write('\n');
  if (signals.unreadLines > 0) {
    context.stderr.write(
      `${signals.unreadLines} lines of access logs in this time could not be read and count nowhere.\n`,
    );
  }
  return signals;
}
