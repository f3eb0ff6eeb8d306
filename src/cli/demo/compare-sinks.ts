import { isObject } from '../../core/json.ts';
import type { MetricRecord } from '../../model/metric-record.ts';
import { type BriefEvent, type BriefItem, SERIES_IDENTITY } from '../../sandbox/accepted-brief.ts';
import type { TruthMetric } from '../../sandbox/world.ts';
import { Check } from './check.ts';
import type { JournalIndex } from './journal-index.ts';

/** Older metric points than this are beyond what Dynatrace takes. */
const METRIC_WINDOW_MS = 3_600_000;
const LOG_WINDOW_MS = 86_400_000;

/** Changes of alarms that a destination got: the new state by event id; empty where what was kept does not say. */
export type AlarmArrivals = ReadonlyMap<string, string>;

/** Splunk: every row of the journal under its sourcetypes, repeats only under a known event id. */
export async function compareSplunk(
  accepted: AsyncIterable<BriefEvent>,
  journal: JournalIndex,
): Promise<{ readonly check: Check; readonly repeats: number; readonly alarms: AlarmArrivals }> {
  const check = new Check('Splunk: every record, repeats only under a known event_id');
  const arrived = new ArrivedEvents();
  const alarms = new Map<string, string>();
  let repeats = 0;
  for await (const event of accepted) {
    const eventId = String(event.fields?.event_id ?? '');
    if (event.sourcetype === 'gatewatch:alarm') {
      if (alarms.has(eventId)) repeats += 1;
      alarms.set(eventId, isObject(event.event) ? String(event.event.to_state) : '');
      continue;
    }
    const known = journal.events.get(eventId);
    check.expect(
      known !== undefined,
      () => `${event.sourcetype} event ${eventId || event.n} is not in the journal`,
    );
    if (known === undefined) continue;
    if (!arrived.add(event.sourcetype, eventId)) repeats += 1;
    const { row } = known;
    const right = !('outcome' in row) || row.kind === 'unparsed' || saysTheSame(event.event, row);
    check.expect(
      right,
      () => `${event.sourcetype} event of record ${row.recordId} says something else than the journal`,
    );
    const seconds = Math.abs((event.time ?? 0) * 1_000 - row.eventMs);
    check.expect(
      seconds < 1,
      () =>
        `${event.sourcetype} event of record ${row.recordId} has time ${event.time}, expected ${row.eventMs / 1_000}`,
    );
  }
  for (const [eventId, { row, decided }] of journal.events) {
    const types =
      'outcome' in row
        ? ['gatewatch:access', ...(decided ? ['gatewatch:authentication'] : [])]
        : ['gatewatch:metric'];
    for (const type of types) {
      check.expect(
        arrived.has(type, eventId),
        () => `${type} event of record ${row.recordId} never reached Splunk`,
      );
    }
  }
  return { check, repeats, alarms };
}

/** Event ids by sourcetype. */
class ArrivedEvents {
  readonly #ids = new Map<string | undefined, Set<string>>();

  /** False when it was there already. */
  add(sourcetype: string | undefined, eventId: string): boolean {
    const known = this.#ids.get(sourcetype) ?? new Set();
    const isNew = !known.has(eventId);
    this.#ids.set(sourcetype, known.add(eventId));
    return isNew;
  }

  has(sourcetype: string, eventId: string): boolean {
    return this.#ids.get(sourcetype)?.has(eventId) ?? false;
  }
}

function saysTheSame(event: unknown, row: { outcome: string; decision: string; customer: string }): boolean {
  if (!isObject(event)) return false;
  return event.outcome === row.outcome && event.decision === row.decision && event.customer === row.customer;
}

/** Dynatrace: every record inside its age window as truth predicts; older ones expired, never sent. */
export async function compareDynatrace(options: {
  readonly accepted: AsyncIterable<BriefItem>;
  readonly journal: JournalIndex;
  readonly truth: readonly TruthMetric[];
  readonly nowMs: number;
  readonly expired: { readonly metrics: number; readonly records: number };
}): Promise<{ readonly checks: readonly Check[]; readonly repeats: number; readonly alarms: AlarmArrivals }> {
  const { journal, nowMs } = options;
  const logs = new Check('Dynatrace: every record inside its window as a log record');
  const points = new Check('Dynatrace: every metric value inside its window');
  const arrivedLogs = new Set<string>();
  const arrivedPoints = new Map<string, unknown>();
  const alarms = new Map<string, string>();
  let repeats = 0;
  for await (const item of options.accepted) {
    if (item.kind === 'metric') {
      const key = gaugeKey(item.name, item.timeMs, item.attributes);
      if (arrivedPoints.has(key)) repeats += 1;
      arrivedPoints.set(key, item.value);
      continue;
    }
    const eventId = String(item.attributes.event_id ?? '');
    if (journal.alarms.has(eventId)) {
      if (alarms.has(eventId)) repeats += 1;
      alarms.set(eventId, '');
      continue;
    }
    const known = journal.events.has(eventId);
    logs.expect(known, () => `log record ${eventId || item.n} is not in the journal`);
    if (arrivedLogs.has(eventId)) repeats += 1;
    arrivedLogs.add(eventId);
  }
  for (const [eventId, { row }] of journal.events) {
    if (!('outcome' in row)) continue;
    const wanted = row.eventMs >= nowMs - LOG_WINDOW_MS;
    logs.expect(
      arrivedLogs.has(eventId) === wanted,
      () => `record ${row.recordId} ${wanted ? 'never reached Dynatrace' : 'was sent although too old'}`,
    );
  }
  comparePoints(points, arrivedPoints, journal, nowMs);
  return { checks: [logs, points, compareExpired(options)], repeats, alarms };
}

function comparePoints(
  check: Check,
  arrived: ReadonlyMap<string, unknown>,
  journal: JournalIndex,
  nowMs: number,
): void {
  const wanted = new Set<string>();
  for (const { row } of journal.events.values()) {
    if ('outcome' in row || row.revision > 0 || row.eventMs < nowMs - METRIC_WINDOW_MS) continue;
    for (const [statistic, value] of Object.entries(row.values)) {
      const key = recordKey(row, statistic);
      wanted.add(key);
      const got = arrived.get(key);
      check.expect(
        got === value,
        () =>
          `${row.metricName} ${statistic} of record ${row.recordId}: expected ${value}, got ${got ?? 'nothing'}`,
      );
    }
  }
  for (const key of arrived.keys()) {
    check.expect(wanted.has(key), () => `point ${key} was sent and is not in the journal, or is too old`);
  }
}

function compareExpired(options: {
  readonly truth: readonly TruthMetric[];
  readonly nowMs: number;
  readonly expired: { readonly metrics: number; readonly records: number };
}): Check {
  const check = new Check('Dynatrace: expired exactly what is older than its windows');
  const old = options.truth.filter((row) => row.timestampMs < options.nowMs - METRIC_WINDOW_MS).length;
  check.expect(
    options.expired.metrics === old,
    () => `expected ${old} metric points to expire, got ${options.expired.metrics}`,
  );
  return check;
}

function gaugeKey(name: string, timeMs: number, attributes: Readonly<Record<string, unknown>>): string {
  const identity = SERIES_IDENTITY.map((key) => String(attributes[key] ?? '')).join('/');
  return `${name} ${identity} ${timeMs}`;
}

function recordKey(record: MetricRecord, statistic: string): string {
  const { ApiName, ApiId, Stage, Method, Resource, Route } = record.dimensions;
  return gaugeKey(`gatewatch.apigateway.${record.metricName}.${statistic}`.toLowerCase(), record.eventMs, {
    'aws.account.id': record.account,
    'aws.region': record.region,
    api_name: ApiName ?? record.apiName,
    api_id: ApiId ?? record.apiId,
    stage: Stage,
    method: Method,
    resource: Resource,
    route: Route,
    cloudwatch_dimensions: Object.keys(record.dimensions).sort().join(','),
  });
}
