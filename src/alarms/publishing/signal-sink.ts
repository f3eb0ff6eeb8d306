import type { MetricPublisher } from '../../aws/metric-publisher.ts';
import type { Clock } from '../../core/clock.ts';
import { HeldError, IncompleteReadError } from '../../core/errors.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { Sink, Verdict } from '../../model/sink.ts';
import type { LogSignal } from '../portable-metrics.ts';
import { SIGNAL_NAMESPACE } from '../signal-rule.ts';
import { dataOf, SignalRules, type SignalValue } from './signal-data.ts';

/** No name of a destination in a configuration has a colon: this one is never mistaken for one of those. */
export const SIGNAL_SINK = 'cloudwatch:signals';

/** Of a row at most a latency and a count: a batch always fits one call of PutMetricData for each account and Region. */
const MOST_ENTRIES = 400;
/** CloudWatch takes timestamps of the last two weeks, up to two hours ahead; an hour is left for the way. */
const OLDEST_MS = 14 * 86_400_000 - 3_600_000;
const NEWEST_MS = 3_600_000;

export interface SignalSinkSettings {
  readonly signals: readonly LogSignal[];
  readonly publisher: MetricPublisher;
  /** Absent until the APIs were listed: then nothing is published, and nothing passed over. */
  readonly stages: () => readonly StageInventory[] | undefined;
  readonly clock: Clock;
}

interface Counted {
  readonly entry: JournalEntry;
  readonly values: readonly SignalValue[];
}

/**
 * Publishes signals of the access logs as metrics of our own, in the account and Region of each API. It is a sink, so
 * that its place in the journal survives a restart and a fault makes it wait: each row is counted once, in the minute of
 * its own line, however late it was found. Only a call that was taken and whose answer, or our note of it, was lost is
 * sent again; CloudWatch then has those rows twice.
 */
export function createSignalSink(settings: SignalSinkSettings): Sink {
  const { publisher, clock } = settings;
  const rulesFor = rememberedRules(settings.signals);
  return {
    name: SIGNAL_SINK,
    streams: ['records'],
    maxBatchEntries: MOST_ENTRIES,
    repeatsCount: true,
    async send(batch, signal) {
      const stages = settings.stages();
      if (stages === undefined) return waiting(batch, 'the APIs have not been listed yet');
      const rules = rulesFor(stages);
      const counted = batch.map((entry): Counted => ({ entry, values: rules.valuesOf(entry) }));
      const verdict = new SignalVerdict(clock.now());
      const publishable = counted.filter((one) => verdict.take(one));
      for (const group of Map.groupBy(publishable, placeOf).values()) {
        verdict.ended(group, await published(group, publisher, signal));
      }
      return verdict.build();
    },
    refreshSecrets: () => undefined,
    close: async () => publisher.close(),
  };
}

function rememberedRules(signals: readonly LogSignal[]): (stages: readonly StageInventory[]) => SignalRules {
  let known: { readonly stages: readonly StageInventory[]; readonly rules: SignalRules } | undefined;
  return (stages) => {
    if (known?.stages !== stages) known = { stages, rules: new SignalRules(signals, stages) };
    return known.rules;
  };
}

function waiting(batch: readonly JournalEntry[], retryReason: string): Verdict {
  const retry = batch.map(({ seq }) => seq);
  return { accepted: [], rejected: [], expired: [], filtered: [], retry, retryReason };
}

function placeOf({ entry: { record } }: Counted): string {
  return `${record.account}/${record.region}`;
}

/** The fault that kept CloudWatch from taking a group; `undefined` when it took it. */
async function published(
  group: readonly Counted[],
  publisher: MetricPublisher,
  signal: AbortSignal,
): Promise<HeldError | IncompleteReadError | undefined> {
  const [first] = group;
  if (first === undefined) return undefined;
  const { account, region } = first.entry.record;
  const data = dataOf(group.flatMap(({ values }) => values));
  try {
    await publisher.put({ account, region, signal, namespace: SIGNAL_NAMESPACE, data });
    return undefined;
  } catch (error) {
    if (error instanceof HeldError || error instanceof IncompleteReadError) return error;
    throw error;
  }
}

/** Every row in exactly one list. A row that counts for nothing is accepted: it was looked at, and that is all. */
class SignalVerdict {
  readonly #nowMs: number;
  readonly #accepted: number[] = [];
  readonly #expired: { seq: number; reason: string }[] = [];
  readonly #rejected: { seq: number; reason: string }[] = [];
  readonly #retry: number[] = [];
  #reason: string | undefined;
  #held: string | undefined;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  /** True when the row has something to publish that CloudWatch would take. */
  take({ entry: { seq }, values }: Counted): boolean {
    const [first] = values;
    if (first === undefined) {
      this.#accepted.push(seq);
      return false;
    }
    if (first.minuteMs < this.#nowMs - OLDEST_MS) {
      this.#expired.push({ seq, reason: 'CloudWatch takes metrics of the last two weeks' });
      return false;
    }
    if (first.minuteMs > this.#nowMs + NEWEST_MS) {
      this.#rejected.push({ seq, reason: 'CloudWatch takes no metric of the future' });
      return false;
    }
    return true;
  }

  ended(group: readonly Counted[], fault: HeldError | IncompleteReadError | undefined): void {
    const seqs = group.map(({ entry }) => entry.seq);
    if (fault === undefined) {
      this.#accepted.push(...seqs);
      return;
    }
    this.#retry.push(...seqs);
    this.#reason ??= fault.message;
    if (fault instanceof HeldError) this.#held ??= fault.message;
  }

  build(): Verdict {
    return {
      accepted: this.#accepted.toSorted((a, b) => a - b),
      expired: this.#expired,
      rejected: this.#rejected,
      filtered: [],
      retry: this.#retry,
      ...(this.#reason === undefined ? {} : { retryReason: this.#reason }),
      ...(this.#held === undefined ? {} : { held: { reason: this.#held } }),
    };
  }
}
