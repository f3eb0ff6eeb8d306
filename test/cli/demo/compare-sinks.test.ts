import { describe, expect, it } from 'vitest';
import { compareDynatrace, compareSplunk } from '../../../src/cli/demo/compare-sinks.ts';
import type { JournalIndex, NewestRecord } from '../../../src/cli/demo/journal-index.ts';
import type { MetricRecord } from '../../../src/model/metric-record.ts';
import type { BriefEvent, BriefItem } from '../../../src/sandbox/accepted-brief.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const EVENT_MS = NOW_MS - 600_000;

const REQUEST: NewestRecord = {
  kind: 'request',
  recordId: 'request-1',
  eventId: 'event-1',
  eventMs: EVENT_MS,
  revision: 0,
  parts: [],
  outcome: 'matched',
  decision: 'allow',
  joinKey: 'authz_request_id',
  customer: 'psn_1',
  principal: undefined,
  superseded: false,
};

const METRIC: MetricRecord = {
  kind: 'metric',
  recordId: 'metric-1',
  eventId: 'event-2',
  revision: 0,
  account: '111122223333',
  region: 'eu-west-1',
  namespace: 'AWS/ApiGateway',
  metricName: 'Latency',
  dimensions: { ApiName: 'orders', Stage: 'prod' },
  protocol: 'REST',
  apiId: 'a1',
  apiName: 'orders',
  periodS: 60,
  unit: 'ms',
  eventMs: EVENT_MS,
  readMs: NOW_MS,
  values: { p99: 12.5, Average: 3 },
};

function journalOf(request = REQUEST, metric = METRIC): JournalIndex {
  return {
    newest: new Map([[request.recordId, request]]),
    newestMetrics: new Map(),
    events: new Map<string, { row: NewestRecord | MetricRecord; decided: boolean }>([
      ['event-1', { row: request, decided: true }],
      ['event-2', { row: metric, decided: false }],
    ]),
    alarms: new Map(),
    rows: 2,
  };
}

async function* each<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}

describe('what Splunk took in, compared with the journal', () => {
  const says = { outcome: 'matched', decision: 'allow', customer: 'psn_1' };
  const time = EVENT_MS / 1_000;
  const access = { sourcetype: 'gatewatch:access', time, event: says, fields: { event_id: 'event-1' } };
  const authentication = { ...access, sourcetype: 'gatewatch:authentication' };
  const metric = { sourcetype: 'gatewatch:metric', time, event: {}, fields: { event_id: 'event-2' } };

  async function compared(...events: Omit<BriefEvent, 'n'>[]) {
    const { check, repeats } = await compareSplunk(
      each(events.map((event, n) => ({ n, ...event }))),
      journalOf(),
    );
    return { findings: check.findings, failed: check.failed, repeats };
  }

  it('holds when every record is there under its sourcetypes, once or again', async () => {
    const good = { findings: [], failed: 0 };
    expect(await compared(access, authentication, metric)).toEqual({ ...good, repeats: 0 });
    expect(await compared(access, metric, authentication, access, metric)).toEqual({ ...good, repeats: 2 });
  });

  it.each([
    [
      'a sourcetype is missing',
      [access, metric],
      'gatewatch:authentication event of record request-1 never reached',
    ],
    [
      'a metric is missing',
      [access, authentication],
      'gatewatch:metric event of record metric-1 never reached Splunk',
    ],
    [
      'nobody knows the event',
      [access, authentication, metric, { ...metric, fields: { event_id: 'x' } }],
      'event x is not in the journal',
    ],
    [
      'an event has no id',
      [access, authentication, metric, { ...metric, fields: {} }],
      'event 3 is not in the journal',
    ],
    [
      'the customer is another one',
      [{ ...access, event: { ...says, customer: 'psn_2' } }, authentication, metric],
      'gatewatch:access event of record request-1 says something else',
    ],
    [
      'the decision is another one',
      [access, { ...authentication, event: { ...says, decision: 'deny' } }, metric],
      'gatewatch:authentication event of record request-1 says something else',
    ],
    [
      'the time is a minute off',
      [access, authentication, { ...metric, time: time + 60 }],
      'record metric-1 has time',
    ],
  ])('names the record when %s', async (_what, events, finding) => {
    const { findings, failed } = await compared(...events);
    expect(failed).toBe(1);
    expect(findings[0]).toContain(finding);
  });
});

describe('what Dynatrace took in, compared with the journal', () => {
  const attributes = {
    cloudwatch_dimensions: 'ApiName,Stage',
    'aws.account.id': '111122223333',
    'aws.region': 'eu-west-1',
    api_name: 'orders',
    api_id: 'a1',
    stage: 'prod',
  };
  const point = (statistic: string, value: number) => ({
    kind: 'metric' as const,
    name: `gatewatch.apigateway.latency.${statistic}`,
    timeMs: EVENT_MS,
    value,
    attributes,
  });
  const log = { kind: 'log' as const, attributes: { event_id: 'event-1' } };
  const p99 = point('p99', 12.5);
  const average = point('average', 3);
  type Unnumbered = typeof log | typeof p99;

  async function compared(
    items: readonly Unnumbered[],
    options: { journal?: JournalIndex; expired?: number } = {},
  ) {
    const accepted = each(items.map((item, n): BriefItem => ({ n, ...item })));
    const { checks, repeats } = await compareDynatrace({
      accepted,
      journal: options.journal ?? journalOf(),
      truth: [],
      nowMs: NOW_MS,
      expired: { metrics: options.expired ?? 0, records: 0 },
    });
    return { findings: checks.flatMap((check) => check.findings), repeats };
  }

  it('holds when every record and every value is there, once or again', async () => {
    expect(await compared([log, p99, average])).toEqual({ findings: [], repeats: 0 });
    expect(await compared([log, p99, log, average, p99])).toEqual({ findings: [], repeats: 2 });
  });

  it.each([
    ['a log record is missing', [p99, average], 'record request-1 never reached Dynatrace'],
    [
      'nobody knows a log record',
      [log, p99, average, { ...log, attributes: { event_id: 'x' } }],
      'log record x is not in the journal',
    ],
    ['a value is missing', [log, p99], 'Latency Average of record metric-1: expected 3, got nothing'],
    [
      'a value is another one',
      [log, point('p99', 12.4), average],
      'Latency p99 of record metric-1: expected 12.5, got 12.4',
    ],
  ])('names the record when %s', async (_what, items, finding) => {
    const { findings } = await compared(items);
    expect(findings).toEqual([finding]);
  });

  it.each(Object.keys(attributes))('tells a point of another series by its %s', async (key) => {
    const elsewhere = { ...p99, attributes: { ...attributes, [key]: 'other' } };
    const { findings } = await compared([log, elsewhere, average]);
    expect(findings).toHaveLength(2);
    expect(findings[0]).toBe('Latency p99 of record metric-1: expected 12.5, got nothing');
    expect(findings[1]).toContain('was sent and is not in the journal');
  });

  it('does not want what is older than its windows, and counts what expired', async () => {
    const old = journalOf(
      { ...REQUEST, eventMs: NOW_MS - 90_000_000 },
      { ...METRIC, eventMs: NOW_MS - 3_700_000 },
    );
    expect((await compared([], { journal: old })).findings).toEqual([]);
    const sent = await compared([log, { ...p99, timeMs: NOW_MS - 3_700_000 }], { journal: old, expired: 1 });
    expect(sent.findings).toHaveLength(3);
    expect(sent.findings[0]).toBe('record request-1 was sent although too old');
    expect(sent.findings[1]).toContain('is too old');
    expect(sent.findings[2]).toBe('expected 0 metric points to expire, got 1');
  });
});
