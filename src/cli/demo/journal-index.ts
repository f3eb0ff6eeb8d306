import type { AlarmRecord } from '../../model/alarm-record.ts';
import type { JournalReader } from '../../model/journal.ts';
import type { MetricRecord } from '../../model/metric-record.ts';
import type { RecordPart, RequestRecord, UnparsedRecord } from '../../model/request-record.ts';

/** The newest revision of a record, as far as comparing needs it. */
export type NewestRecord = Pick<
  RequestRecord | UnparsedRecord,
  'kind' | 'recordId' | 'eventId' | 'eventMs'
> & {
  readonly revision: number;
  readonly parts: readonly string[];
  readonly outcome: string;
  readonly decision: string;
  readonly joinKey: string;
  readonly customer: string;
  readonly principal: string | undefined;
  readonly superseded: boolean;
};

export interface JournalIndex {
  readonly newest: ReadonlyMap<string, NewestRecord>;
  /** By `pointKey`. */
  readonly newestMetrics: ReadonlyMap<string, MetricRecord>;
  /** Every row's event id, with what it says: what a sink may have received. */
  readonly events: ReadonlyMap<
    string,
    { readonly row: NewestRecord | MetricRecord; readonly decided: boolean }
  >;
  /** Changes of state of alarms, by event id. */
  readonly alarms: ReadonlyMap<string, AlarmRecord>;
  readonly rows: number;
}

const PAGE = 5_000;

/** Reads the whole journal once. */
export async function indexJournal(journal: JournalReader): Promise<JournalIndex> {
  const newest = new Map<string, NewestRecord>();
  const newestMetrics = new Map<string, MetricRecord>();
  const events = new Map<string, { row: NewestRecord | MetricRecord; decided: boolean }>();
  const alarms = new Map<string, AlarmRecord>();
  let rows = 0;
  for (const stream of ['records', 'metrics', 'alarms'] as const) {
    for (let after = 0; ; ) {
      const page = await journal.readStream(stream, after, PAGE);
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.seq;
      rows += page.length;
      for (const { record } of page) {
        if (record.kind === 'metric') {
          newestMetrics.set(pointKey({ ...record, timestampMs: record.eventMs }), record);
          events.set(record.eventId, { row: record, decided: false });
        } else if (record.kind === 'alarm') {
          alarms.set(record.eventId, record);
        } else {
          const row = summarise(record);
          newest.set(row.recordId, row);
          events.set(row.eventId, { row, decided: isDecided(row.decision) });
        }
      }
    }
  }
  return { newest, newestMetrics, events, alarms, rows };
}

export function eventKey(
  part: Pick<RecordPart, 'account' | 'region' | 'logGroup' | 'logStream' | 'eventId'>,
): string {
  return `${part.account} ${part.region} ${part.logGroup} ${part.logStream} ${part.eventId}`;
}

/** What makes one metric point: the exact series and CloudWatch's timestamp. */
export function pointKey(point: {
  readonly account: string;
  readonly region: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}): string {
  const dimensions = Object.entries(point.dimensions)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
  return [point.account, point.region, point.metricName, dimensions, point.timestampMs].join(' ');
}

function isDecided(decision: string): boolean {
  return decision === 'allow' || decision === 'deny' || decision === 'error';
}

function summarise(record: RequestRecord | UnparsedRecord): NewestRecord {
  const { kind, recordId, eventId, eventMs, revision } = record;
  const base = { kind, recordId, eventId, eventMs, revision, parts: record.parts.map(eventKey) };
  if (record.kind === 'unparsed') {
    const nothing = { outcome: 'unparsed', decision: 'unknown', joinKey: 'none', customer: 'unknown' };
    return { ...base, ...nothing, principal: undefined, superseded: false };
  }
  const { outcome, decision, joinKey, customer, principal } = record;
  return {
    ...base,
    outcome,
    decision,
    joinKey,
    customer,
    principal,
    superseded: record.supersededBy !== undefined,
  };
}
