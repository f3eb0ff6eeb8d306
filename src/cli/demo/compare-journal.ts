import { sha256Id } from '../../core/hash.ts';
import type { Redactor } from '../../redact/redactor.ts';
import type { TruthLine, TruthMetric, TruthRequest, TruthRow } from '../../sandbox/world.ts';
import { Check, count } from './check.ts';
import { eventKey, type JournalIndex, type NewestRecord, pointKey } from './journal-index.ts';

export interface JournalVerdict {
  readonly checks: readonly Check[];
  /** Requests by scenario, for people. */
  readonly scenarios: ReadonlyMap<string, number>;
  readonly requests: number;
  readonly metrics: readonly TruthMetric[];
}

/** Compares the journal with what the generator wrote down: nothing missing, nothing twice, nothing said wrongly. */
export async function compareJournal(
  truth: AsyncIterable<TruthRow>,
  journal: JournalIndex,
  redactor: Redactor,
): Promise<JournalVerdict> {
  const comparison = new Comparison(journal, redactor);
  for await (const row of truth) comparison.take(row);
  return comparison.finish();
}

class Comparison {
  readonly #journal: JournalIndex;
  readonly #redactor: Redactor;
  readonly #byEvent: ReadonlyMap<string, readonly NewestRecord[]>;
  readonly #met = new Set<string>();
  readonly #present = new Check('journal: every request once');
  readonly #outcome = new Check('journal: outcome, decision and join key');
  readonly #customer = new Check('journal: customer and principal');
  readonly #parts = new Check('journal: every log line in one record');
  readonly #lines = new Check('journal: unreadable lines kept, platform lines counted');
  readonly #extra = new Check('journal: nothing that the truth does not know');
  readonly #metrics: TruthMetric[] = [];
  readonly #scenarios = new Map<string, number>();
  #requests = 0;

  constructor(journal: JournalIndex, redactor: Redactor) {
    this.#journal = journal;
    this.#redactor = redactor;
    this.#byEvent = recordsByEvent(journal);
  }

  take(row: TruthRow): void {
    if (row.type === 'metric') this.#metrics.push(row);
    else if (row.type === 'request') this.#takeRequest(row);
    else this.#takeLine(row);
  }

  finish(): JournalVerdict {
    for (const record of this.#journal.newest.values()) {
      this.#extra.expect(
        record.superseded || this.#met.has(record.recordId),
        () => `${describe(record)} is in the journal and not in the truth`,
      );
    }
    const points = compareMetrics(this.#metrics, this.#journal);
    const checks = [
      this.#present,
      this.#outcome,
      this.#customer,
      this.#parts,
      this.#lines,
      this.#extra,
      points,
    ];
    return { checks, scenarios: this.#scenarios, requests: this.#requests, metrics: this.#metrics };
  }

  #takeRequest(row: TruthRequest): void {
    this.#scenarios.set(row.scenario, (this.#scenarios.get(row.scenario) ?? 0) + 1);
    if (row.access !== undefined) this.#requests += 1;
    const record = this.#find(row);
    if (record === undefined) return;
    this.#met.add(record.recordId);
    const expected = `${row.outcome} ${row.decision} by ${row.joinKey}`;
    const got = `${record.outcome} ${record.decision} by ${record.joinKey}`;
    this.#outcome.expect(
      expected === got,
      () => `${name(row)} (record ${record.recordId}): expected ${expected}, got ${got}`,
    );
    this.#compareParty(row, record);
    this.#compareParts(row, record);
  }

  #find(row: TruthRequest): NewestRecord | undefined {
    const event = row.access ?? row.authorizer[0];
    const found = event === undefined ? [] : (this.#byEvent.get(eventKey(event)) ?? []);
    this.#present.expect(
      found.length === 1,
      () =>
        `${name(row)}: expected one record, got ${found.length}${found.map((record) => ` ${record.recordId}`).join('')}`,
    );
    return found[0];
  }

  #compareParty(row: TruthRequest, record: NewestRecord): void {
    const customer =
      row.customer === 'unknown' ? 'unknown' : this.#redactor.pseudonym('customer', row.customer);
    const principal =
      row.principal === undefined ? undefined : this.#redactor.pseudonym('principal', row.principal);
    this.#customer.expect(record.customer === customer && record.principal === principal, () => {
      const expected = `${customer} (${row.customer}) for ${principal ?? 'nobody'}`;
      return `${name(row)} (record ${record.recordId}, ${row.outcome}): expected customer ${expected}, got ${record.customer} for ${record.principal ?? 'nobody'}`;
    });
  }

  /** The lines of an ambiguous invocation are in a record of their own; all others in that of their request. */
  #compareParts(row: TruthRequest, record: NewestRecord): void {
    for (const event of row.authorizer) {
      const holders = this.#byEvent.get(eventKey(event)) ?? [];
      const [holder] = holders;
      if (row.outcome === 'ambiguous' && holder !== undefined) this.#met.add(holder.recordId);
      const right = row.outcome === 'ambiguous' || holder?.recordId === record.recordId;
      this.#parts.expect(
        holders.length === 1 && right,
        () =>
          `authorizer line ${event.eventId} of ${name(row)}: expected it once in record ${record.recordId}, got ${holders.map((one) => one.recordId).join(', ') || 'nowhere'}`,
      );
    }
    const own = row.access === undefined ? 0 : 1;
    const expected = own === 1 && row.outcome === 'ambiguous' ? 1 : row.authorizer.length + own;
    this.#parts.expect(
      record.parts.length === expected,
      () =>
        `${name(row)} (record ${record.recordId}): expected ${expected} log lines, got ${record.parts.length}`,
    );
  }

  #takeLine(row: TruthLine): void {
    const found = this.#byEvent.get(eventKey(row.event)) ?? [];
    const wanted = row.type === 'unparsed' ? 1 : 0;
    for (const record of found) this.#met.add(record.recordId);
    const right = found.length === wanted && found.every((record) => record.kind === 'unparsed');
    this.#lines.expect(
      right,
      () =>
        `${row.type} ${row.of} line ${row.event.logGroup} ${row.event.eventId}: expected ${wanted} unparsed records, got ${found.map(describe).join(', ') || 'none'}`,
    );
  }
}

function recordsByEvent(journal: JournalIndex): ReadonlyMap<string, readonly NewestRecord[]> {
  const byEvent = new Map<string, NewestRecord[]>();
  for (const record of journal.newest.values()) {
    for (const part of record.parts) {
      const holders = byEvent.get(part);
      if (holders === undefined) byEvent.set(part, [record]);
      else holders.push(record);
    }
  }
  return byEvent;
}

function compareMetrics(truth: readonly TruthMetric[], journal: JournalIndex): Check {
  const check = new Check('journal: every metric value per minute');
  const met = new Set<string>();
  for (const row of truth) {
    const record = journal.newestMetrics.get(pointKey(row));
    check.expect(
      record !== undefined,
      () => `${metricName(row)} (record ${pointRecordId(row)}): expected a point, got none`,
    );
    if (record === undefined) continue;
    met.add(record.recordId);
    for (const [statistic, value] of Object.entries(record.values)) {
      const expected = row.values[statistic];
      const right = expected !== undefined && isClose(value, expected);
      check.expect(
        right,
        () =>
          `${metricName(row)} ${statistic} (record ${record.recordId}): expected ${expected}, got ${value}`,
      );
    }
  }
  for (const record of journal.newestMetrics.values()) {
    const known = met.has(record.recordId);
    check.expect(
      known,
      () =>
        `${metricName({ ...record, timestampMs: record.eventMs })} (record ${record.recordId}) is not in the truth`,
    );
  }
  return check;
}

/** The id that the point's record must have: the series as documented, a minute long, and its timestamp. */
function pointRecordId(row: TruthMetric): string {
  const dimensions = Object.entries(row.dimensions).map(([name, value]) => `${name}=${value}`);
  const series = [row.account, row.region, 'AWS/ApiGateway', row.metricName, dimensions.sort().join(',')];
  return sha256Id(['metric', ...series, 60, row.timestampMs].join('\n'));
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b));
}

export function metricName(row: Pick<TruthMetric, 'metricName' | 'dimensions' | 'timestampMs'>): string {
  return `${row.metricName} of ${Object.values(row.dimensions).join('/')} at ${new Date(row.timestampMs).toISOString()}`;
}

function name(row: TruthRequest): string {
  return `${row.scenario} ${row.apiName}/${row.stage} ${row.extendedRequestId}`;
}

function describe(record: NewestRecord): string {
  return `${record.outcome} record ${record.recordId} (${count(record.parts.length)} lines)`;
}
