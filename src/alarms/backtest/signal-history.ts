import type { SeriesReader } from '../../evaluate/windows.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { JournalEntry, JournalReader } from '../../model/journal.ts';
import type { RequestRecord } from '../../model/request-record.ts';
import type { MetricRef } from '../portable-metrics.ts';
import {
  formatHas,
  type SignalRule,
  type StageSignal,
  signalOfMetric,
  signalRule,
  valueIn,
} from '../signal-rule.ts';
import { MINUTE_MS, type Reach, type Watched } from './history-questions.ts';
import type { KnownSeries } from './known-series.ts';
import type { Span } from './spans.ts';
import { valueSeries } from './value-series.ts';

/** A line is logged when the answer is out: so much after the request came in, at most, is looked for. */
const LONGEST_REQUEST_MS = 15 * MINUTE_MS;
const ROWS_AT_ONCE = 5_000;

interface SignalTally {
  readonly rule: SignalRule;
  readonly known: readonly Span[];
  /** Minute → values of its lines. Of a counted signal: how many. */
  readonly minutes: Map<number, number[]>;
}

/**
 * Signals that CloudWatch has no metric for, from the records of the journal, by the rule their metric filter has: a
 * line counts in the minute of its own time. Only what the journal has surely read is known; anything else is no
 * history, never 0.
 */
export class SignalHistory {
  readonly #tallies: ReadonlyMap<string, SignalTally>;
  /** Lines of access logs in the span that nobody could read: they count nowhere. */
  readonly unreadLines: number;

  constructor(tallies: ReadonlyMap<string, SignalTally>, unreadLines: number) {
    this.#tallies = tallies;
    this.unreadLines = unreadLines;
  }

  owns(metric: MetricRef): boolean {
    return signalOfMetric(metric) !== undefined;
  }

  /** `undefined` where the journal has nothing of the stage's log. */
  series(input: {
    readonly account: string;
    readonly region: string;
    readonly metric: MetricRef;
    readonly statistic: string;
  }): KnownSeries | undefined {
    const found = signalOfMetric(input.metric);
    const tally = found && this.#tallies.get(tallyKey(input.account, input.region, found));
    if (tally === undefined || tally.known.length === 0) return undefined;
    return { reader: readerOf(tally, input.statistic), known: tally.known };
  }
}

function tallyKey(account: string, region: string, { signal, apiId, stage }: StageSignal): string {
  return [account, region, apiId, stage, signal].join('\n');
}

function readerOf({ minutes }: SignalTally, statistic: string): SeriesReader {
  return valueSeries(statistic, (minuteMs) => minutes.get(minuteMs));
}

/** What is known of the log of a stage: spans of the time of its lines. */
export type CoverageOf = (stage: StageInventory) => readonly Span[];

/** Reads the journal once for all signals that alarms read. */
export async function readSignals(input: {
  readonly journal: Pick<JournalReader, 'readSpan'>;
  readonly watched: readonly Watched[];
  readonly stages: readonly StageInventory[];
  readonly coverageOf: CoverageOf;
  readonly reach: Reach;
  readonly signal: AbortSignal;
  readonly onProgress?: (rows: number) => void;
}): Promise<SignalHistory> {
  const { journal, reach, signal } = input;
  const tallies = talliesFor(input);
  const counter = new RecordCounter(tallies, input.stages);
  const isRead = [...tallies.values()].some(({ known }) => known.length > 0);
  let afterSeq = 0;
  let rows = 0;
  while (isRead) {
    signal.throwIfAborted();
    const span = {
      stream: 'records' as const,
      fromMs: reach.readFromMs - LONGEST_REQUEST_MS,
      toMs: reach.toMs,
      afterSeq,
      throughSeq: Number.MAX_SAFE_INTEGER,
    };
    const page = await journal.readSpan(span, ROWS_AT_ONCE);
    for (const entry of page) counter.take(entry);
    rows += page.length;
    input.onProgress?.(rows);
    const last = page.at(-1);
    if (last === undefined || page.length < ROWS_AT_ONCE) break;
    afterSeq = last.seq;
  }
  return new SignalHistory(tallies, counter.unreadLines);
}

function talliesFor(input: {
  readonly watched: readonly Watched[];
  readonly stages: readonly StageInventory[];
  readonly coverageOf: CoverageOf;
}): ReadonlyMap<string, SignalTally> {
  const stages = new Map(input.stages.map((stage) => [stageKey(stage), stage]));
  const tallies = new Map<string, SignalTally>();
  for (const { account, region, model } of input.watched) {
    for (const { metric } of model.inputs) {
      const found = signalOfMetric(metric);
      const stage = found && stages.get(stageKey({ account, region, ...found }));
      if (found === undefined || stage?.accessLogFormat === undefined) continue;
      const rule = signalRule(found.signal, formatHas(stage.accessLogFormat));
      if (typeof rule === 'string') continue;
      const known = input.coverageOf(stage);
      tallies.set(tallyKey(account, region, found), { rule, known, minutes: new Map() });
    }
  }
  return tallies;
}

type StagePlace = Pick<RequestRecord, 'account' | 'region' | 'apiId' | 'stage'>;

function stageKey({ account, region, apiId, stage }: StagePlace): string {
  return [account, region, apiId, stage].join('\n');
}

/** Puts each request into the minute of its access line, once, whatever revisions its record has. */
class RecordCounter {
  unreadLines = 0;
  readonly #byStage = new Map<string, SignalTally[]>();
  readonly #groups: ReadonlySet<string>;

  constructor(tallies: ReadonlyMap<string, SignalTally>, stages: readonly StageInventory[]) {
    for (const [key, tally] of tallies) {
      const place = key.split('\n').slice(0, 4).join('\n');
      this.#byStage.set(place, [...(this.#byStage.get(place) ?? []), tally]);
    }
    this.#groups = new Set(
      stages.flatMap(({ accessLogGroup }) =>
        accessLogGroup === undefined ? [] : [groupText(accessLogGroup)],
      ),
    );
  }

  take({ record, revision }: JournalEntry): void {
    if (record.kind === 'unparsed' && this.#groups.has(groupText(record)) && record.parts.length > 0) {
      this.unreadLines += 1;
    }
    if (record.kind !== 'request' || revision > 0) return;
    const tallies = this.#byStage.get(stageKey(record));
    const line = record.parts.find(({ role }) => role === 'access');
    if (tallies === undefined || line === undefined) return;
    const minuteMs = Math.floor(line.timestampMs / MINUTE_MS) * MINUTE_MS;
    for (const tally of tallies) {
      const value = valueIn(record, tally.rule);
      if (value === undefined) continue;
      const values = tally.minutes.get(minuteMs);
      if (values === undefined) tally.minutes.set(minuteMs, [value]);
      else values.push(value);
    }
  }
}

function groupText({
  account,
  region,
  logGroup,
}: {
  account: string;
  region: string;
  logGroup: string;
}): string {
  return `${account}\n${region}\n${logGroup}`;
}
