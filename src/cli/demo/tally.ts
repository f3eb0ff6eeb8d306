import type { AlarmRecord } from '../../model/alarm-record.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { RequestRecord, UnparsedRecord } from '../../model/request-record.ts';

export interface ApiLatency {
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly atMs: number;
}

/**
 * Counts what was committed, for the live view. A revised request counts under its newest outcome only; an invocation
 * that a late access line took over counts no more, because its request does.
 */
export class Tally {
  readonly outcomes = new Map<string, number>();
  readonly latencies = new Map<string, ApiLatency>();
  /** The last change of each alarm, by its name. */
  readonly alarms = new Map<string, AlarmRecord>();
  readonly #outcomeOf = new Map<string, string>();
  records = 0;
  metrics = 0;
  revisions = 0;

  take(entries: readonly JournalEntry[]): void {
    for (const { record } of entries) {
      if (record.kind === 'metric') {
        this.metrics += 1;
        if (
          record.metricName === 'Latency' &&
          record.stage !== undefined &&
          record.dimensions.Method === undefined
        ) {
          this.#takeLatency(
            `${record.apiName ?? record.apiId}/${record.stage}`,
            record.eventMs,
            record.values,
          );
        }
        continue;
      }
      if (record.kind === 'alarm') {
        this.#takeAlarm(record);
        continue;
      }
      this.records += 1;
      this.#move(record.recordId, outcomeOf(record));
    }
  }

  #move(recordId: string, outcome: string | undefined): void {
    const before = this.#outcomeOf.get(recordId);
    if (before !== undefined) {
      this.revisions += 1;
      this.outcomes.set(before, (this.outcomes.get(before) ?? 1) - 1);
    }
    if (outcome === undefined) {
      this.#outcomeOf.delete(recordId);
      return;
    }
    this.#outcomeOf.set(recordId, outcome);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  #takeAlarm(record: AlarmRecord): void {
    const known = this.alarms.get(record.alarmName);
    if (known === undefined || known.eventMs <= record.eventMs) this.alarms.set(record.alarmName, record);
  }

  #takeLatency(name: string, atMs: number, values: Readonly<Record<string, number>>): void {
    const known = this.latencies.get(name);
    if (known !== undefined && known.atMs > atMs) return;
    this.latencies.set(name, { p95: values.p95, p99: values.p99, atMs });
  }
}

function outcomeOf(record: RequestRecord | UnparsedRecord): string | undefined {
  if (record.kind === 'unparsed') return 'unparsed';
  return record.supersededBy === undefined ? record.outcome : undefined;
}
