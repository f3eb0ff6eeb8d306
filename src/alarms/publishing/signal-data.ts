import type { MetricDatum } from '../../aws/metric-publisher.ts';
import type { StageInventory } from '../../model/inventory.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { RequestRecord } from '../../model/request-record.ts';
import type { LogSignal } from '../portable-metrics.ts';
import { formatHas, publishedMetric, type SignalRule, signalRule, valueIn } from '../signal-rule.ts';

const MINUTE_MS = 60_000;
/** PutMetricData takes as many values of one metric at a time. */
const MOST_VALUES = 150;

/** What one entry counts for. */
export interface SignalValue {
  readonly signal: LogSignal;
  readonly apiId: string;
  readonly stage: string;
  readonly minuteMs: number;
  readonly value: number;
}

interface StageRules {
  readonly rules: readonly (readonly [LogSignal, SignalRule])[];
}

/** Which signals the lines of a stage count for, by the stage's present format. */
export class SignalRules {
  readonly #stages: ReadonlyMap<string, StageRules>;

  constructor(signals: readonly LogSignal[], stages: readonly StageInventory[]) {
    this.#stages = new Map(
      stages.flatMap((stage) => {
        if (stage.accessLogGroup === undefined || stage.accessLogFormat === undefined) return [];
        const has = formatHas(stage.accessLogFormat);
        const rules = signals.flatMap((signal) => {
          const rule = signalRule(signal, has);
          return typeof rule === 'string' ? [] : [[signal, rule] as const];
        });
        return [[stageKey(stage), { rules }] as const];
      }),
    );
  }

  /**
   * Values of a row, in the minute of its access line. Only of a record's first revision: the line says the same in all
   * of them, and counts once.
   */
  valuesOf({ record, revision }: JournalEntry): readonly SignalValue[] {
    if (record.kind !== 'request' || revision > 0) return [];
    const line = record.parts.find(({ role }) => role === 'access');
    const known = this.#stages.get(stageKey(record));
    if (line === undefined || known === undefined) return [];
    const { apiId, stage } = record;
    const minuteMs = Math.floor(line.timestampMs / MINUTE_MS) * MINUTE_MS;
    return known.rules.flatMap(([signal, rule]) => {
      const value = valueIn(record, rule);
      return value === undefined ? [] : [{ signal, apiId, stage, minuteMs, value }];
    });
  }
}

function stageKey({
  account,
  region,
  apiId,
  stage,
}: Pick<RequestRecord, 'account' | 'region' | 'apiId' | 'stage'>): string {
  return [account, region, apiId, stage].join('\n');
}

/** Puts values together: one datum for each metric and minute, more where there are too many different values. */
export function dataOf(values: readonly SignalValue[]): readonly MetricDatum[] {
  const groups = Map.groupBy(values, ({ signal, apiId, stage, minuteMs }) =>
    [signal, apiId, stage, minuteMs].join('\n'),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const counts = new Map<number, number>();
    for (const { value } of group) counts.set(value, (counts.get(value) ?? 0) + 1);
    const { metricName, dimensions } = publishedMetric(first);
    const unit = first.signal === 'auth.latency' ? 'Milliseconds' : 'Count';
    const all = [...counts];
    return Array.from({ length: Math.ceil(all.length / MOST_VALUES) }, (_, index) => ({
      metricName,
      dimensions,
      atMs: first.minuteMs,
      values: all.slice(index * MOST_VALUES, (index + 1) * MOST_VALUES),
      unit,
    }));
  });
}
