import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { Sink } from '../../../src/model/sink.ts';
import { createDynatraceOtlpSink } from '../../../src/sinks/dynatrace/dynatrace-otlp-sink.ts';
import {
  createDynatraceOtlpSettings,
  type DynatraceOtlpSettings,
} from '../../../src/sinks/dynatrace/otlp-settings.ts';
import { html, json, type Reply } from '../../http/local-server.ts';
import { entryOf, metricRecord, NOW_MS, requestEntries, requestRecord, unparsedRecord } from '../entries.ts';
import { NEVER, PARTS, placesOf } from '../sink-harness.ts';
import { errorEnvelope, type FakeOtlp, partialSuccess, startFakeOtlp } from './fake-otlp.ts';

let otlp: FakeOtlp;
const sinks: Sink[] = [];

beforeEach(async () => {
  otlp = await startFakeOtlp();
});

afterEach(async () => {
  for (const sink of sinks.splice(0)) await sink.close();
  await otlp.close();
});

function createSink(changes: Partial<DynatraceOtlpSettings> = {}, now = () => NOW_MS): Sink {
  const given = { url: otlp.server.url, token: new Secret('good'), timeoutMs: 5_000, ...changes };
  const clock = { ...PARTS.clock, now };
  const sink = createDynatraceOtlpSink({
    ...PARTS,
    clock,
    name: 'dt',
    settings: createDynatraceOtlpSettings(given),
  });
  sinks.push(sink);
  return sink;
}

describe('a settled metric point', () => {
  it('is one gauge per statistic under CloudWatch’s own timestamp, every dimension on the point', async () => {
    const record = metricRecord(1);
    const verdict = await createSink().send([entryOf(1, record)], NEVER);
    expect(verdict.accepted).toEqual([1]);
    expect(otlp.points.map(({ key, value }) => [key, value])).toEqual([
      ['gatewatch.apigateway.latency.p50', 20.5],
      ['gatewatch.apigateway.latency.p95', 80],
      ['gatewatch.apigateway.latency.p99', 120.25],
      ['gatewatch.apigateway.latency.average', 31.5],
      ['gatewatch.apigateway.latency.samplecount', 42],
    ]);
    for (const point of otlp.points) {
      expect(point.timeMs).toBe(record.eventMs);
      expect(point.unit).toBe('ms');
      expect(point.attributes).toEqual({
        'aws.account.id': '111122223333',
        'aws.region': 'eu-west-1',
        namespace: 'AWS/ApiGateway',
        protocol: 'REST',
        period_s: 60,
        cloudwatch_dimensions: 'ApiName,Stage',
        api_id: 'a1b2c3d4e5',
        api_name: 'orders-1',
        stage: 'prod',
      });
    }
  });

  it('keeps apart two series whose names differ only beyond what Dynatrace keeps', async () => {
    const long = 'r'.repeat(300);
    const batch = ['a', 'b'].map((end, n) =>
      entryOf(n + 1, metricRecord(n, { dimensions: { Resource: long + end } })),
    );
    await createSink().send(batch, NEVER);
    const names = new Set(otlp.points.map(({ attributes }) => attributes.resource));
    expect(names.size).toBe(2);
    for (const name of names) expect(String(name).length).toBeLessThanOrEqual(255);
  });

  it('leaves out a value that is no number, and is refused when it has none at all', async () => {
    const batch = [
      entryOf(1, metricRecord(1, { values: { p99: Number.NaN, Sum: 0 } })),
      entryOf(2, metricRecord(2, { values: {} })),
    ];
    const verdict = await createSink().send(batch, NEVER);
    expect(verdict.accepted).toEqual([1]);
    expect(verdict.rejected).toMatchObject([{ seq: 2, reason: 'the point has no finite value' }]);
    expect(otlp.points).toMatchObject([{ key: 'gatewatch.apigateway.latency.sum', value: 0 }]);
  });

  it('goes out as a log record `metric_revision` once CloudWatch has restated it', async () => {
    const record = metricRecord(1, { revision: 1 });
    const verdict = await createSink().send([entryOf(1, record)], NEVER);
    expect(verdict.accepted).toEqual([1]);
    expect(otlp.points).toEqual([]);
    expect(otlp.logs).toMatchObject([
      { eventName: 'metric_revision', timeMs: record.eventMs, observedMs: record.readMs },
    ]);
    expect(otlp.logs[0]?.attributes).toMatchObject({
      metric_revision: true,
      revision: 1,
      record_id: record.recordId,
      event_id: record.eventId,
      metric_name: 'Latency',
      cloudwatch_dimensions: 'ApiName,Stage',
      'value.p99': 120.25,
    });
  });
});

describe('a request', () => {
  it('is a log record at the time of the event, observed when it was read, with its ids and no `status`', async () => {
    const record = requestRecord(7, { decision: 'deny', status: 403, errorResponseType: 'ACCESS_DENIED' });
    await createSink().send([entryOf(1, record)], NEVER);
    const [log] = otlp.logs;
    expect(log).toMatchObject({
      timeMs: record.eventMs,
      observedMs: record.readMs,
      severity: 'WARN',
      eventName: 'request',
    });
    expect(log?.body).toBe('GET /orders/{id} 403 deny ACCESS_DENIED (orders-api/prod)');
    expect(log?.attributes).toMatchObject({
      event_id: record.eventId,
      'log.record.uid': record.eventId,
      record_id: record.recordId,
      revision: 0,
      'http.response.status_code': 403,
      'gatewatch.decision': 'deny',
      'gatewatch.outcome': 'matched',
    });
    for (const name of ['status', 'severity', 'level', 'loglevel'])
      expect(log?.attributes).not.toHaveProperty(name);
  });

  it.each([
    [{ decision: 'allow', status: 200 }, 'INFO'],
    [{ decision: 'refused_before', status: 429 }, 'WARN'],
    [{ decision: 'allow', outcome: 'ambiguous' }, 'WARN'],
    [{ decision: 'error', status: 500 }, 'ERROR'],
    [{ decision: 'allow', status: 502 }, 'ERROR'],
  ] as const)('%j is severity %s', async (changes, severity) => {
    await createSink().send([entryOf(1, requestRecord(1, changes))], NEVER);
    expect(otlp.logs[0]?.severity).toBe(severity);
  });

  it('cuts an attribute that Dynatrace would drop, and says how long it was and its hash', async () => {
    const text = 'é'.repeat(40_000);
    await createSink().send([entryOf(1, requestRecord(1, { authorizerLog: [text] }))], NEVER);
    const value = String(otlp.logs[0]?.attributes['aws.apigateway.authorizer.log']);
    expect(Buffer.byteLength(value)).toBeLessThanOrEqual(32_000);
    expect(value).toMatch(/^é+ \[cut: 80000 bytes, sha256 [0-9a-f]{64}\]$/);
  });

  it('is sent when nobody could read its line, flagged', async () => {
    const record = unparsedRecord(1);
    await createSink().send([entryOf(1, record)], NEVER);
    expect(otlp.logs[0]).toMatchObject({ body: record.raw, severity: 'WARN' });
    expect(otlp.logs[0]?.attributes).toMatchObject({ unparsed: true, record_id: record.recordId });
  });

  it('shares bodies of less than 2 MB with others', async () => {
    const batch = requestEntries(2_000);
    const verdict = await createSink().send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(2_000);
    expect(otlp.server.received.length).toBeGreaterThan(2);
    for (const { body } of otlp.server.received) expect(body.length).toBeLessThanOrEqual(2_000_000);
    expect(new Set(otlp.logs.map(({ attributes }) => attributes.event_id)).size).toBe(2_000);
  });

  it('never makes a body too large, even where text takes more bytes than characters', async () => {
    const batch = requestEntries(600, { errorMessage: '漢'.repeat(2_000) });
    const verdict = await createSink().send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(600);
    for (const { body } of otlp.server.received) expect(body.length).toBeLessThanOrEqual(2_000_000);
  });
});

describe('the age windows', () => {
  const hour = 3_600_000;

  it('expire what is older, which is never sent', async () => {
    const batch = [
      entryOf(1, metricRecord(1, { eventMs: NOW_MS - hour })),
      entryOf(2, metricRecord(2, { eventMs: NOW_MS - hour - 1 })),
      entryOf(3, requestRecord(3, { eventMs: NOW_MS - 24 * hour })),
      entryOf(4, requestRecord(4, { eventMs: NOW_MS - 24 * hour - 1 })),
      entryOf(5, metricRecord(5, { revision: 1, eventMs: NOW_MS - 2 * hour })),
    ];
    const verdict = await createSink().send(batch, NEVER);
    placesOf(verdict, batch);
    expect(verdict.accepted).toEqual([1, 3, 5]);
    expect(verdict.expired.map(({ seq }) => seq)).toEqual([2, 4]);
    expect(verdict.expired[0]?.reason).toBe('older than the 1h that Dynatrace takes metric points for');
    expect(otlp.logs).toHaveLength(2);
  });

  it('expire only the record that Dynatrace’s own clock finds too old, when one fails the batch', async () => {
    otlp.refuse = (_request, items) =>
      items.some(({ timeMs }) => timeMs === NOW_MS - 5)
        ? json(400, { error: { code: 400, message: 'timestamps_out_of_range' } })
        : undefined;
    const batch = requestEntries(30);
    batch[11] = entryOf(12, requestRecord(11, { eventMs: NOW_MS - 5 }));
    const verdict = await createSink().send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(29);
    expect(verdict.expired).toMatchObject([{ seq: 12 }]);
  });

  it('are looked at again when a batch fails for its age', async () => {
    let nowMs = NOW_MS;
    otlp.refuse = (_request, items) => {
      nowMs = NOW_MS + 10_000;
      return items.some(({ timeMs }) => timeMs < nowMs - 24 * hour)
        ? json(400, { error: { code: 400, message: 'timestamps_out_of_range' } })
        : undefined;
    };
    const batch = requestEntries(30);
    batch[3] = entryOf(4, requestRecord(3, { eventMs: NOW_MS - 24 * hour + 5_000 }));
    const verdict = await createSink({}, () => nowMs).send(batch, NEVER);
    expect(verdict.accepted).toHaveLength(29);
    expect(verdict.expired).toMatchObject([{ seq: 4 }]);
    expect(otlp.server.received).toHaveLength(2);
  });

  it.each([
    ['a half of a body that was too large', json(413, {})],
    ['the next body', undefined],
  ])('are looked at again as %s goes out, however long that took', async (_what, firstAnswer) => {
    let nowMs = NOW_MS;
    const answers = [firstAnswer];
    otlp.refuse = (_request, items) => {
      for (const { timeMs } of items) expect(timeMs).toBeGreaterThanOrEqual(nowMs - 24 * hour);
      nowMs += 10_000;
      return answers.shift();
    };
    const batch = requestEntries(8);
    for (const index of [firstAnswer === undefined ? 5 : 1, 6])
      batch[index] = entryOf(index + 1, requestRecord(index, { eventMs: NOW_MS - 24 * hour + 5_000 }));
    const sink = createSink({ maxLogsPerBody: 4, maxInFlight: 1 }, () => nowMs);
    const verdict = await sink.send(batch, NEVER);
    placesOf(verdict, batch);
    const seqs = firstAnswer === undefined ? [6, 7] : [2, 7];
    const reason = 'older than the 1d that Dynatrace takes log records for';
    expect(verdict.expired).toEqual(seqs.map((seq) => ({ seq, reason })));
    expect(verdict.accepted).toHaveLength(6);
    expect(otlp.logs).toHaveLength(6);
  });

  it('ask nobody for a body of which nothing is left', async () => {
    let nowMs = NOW_MS;
    otlp.refuse = () => {
      nowMs += hour;
      return undefined;
    };
    const batch = [1, 2].map((n) => entryOf(n, metricRecord(n)));
    const sink = createSink({ maxPointsPerBody: 5, maxInFlight: 1 }, () => nowMs);
    const verdict = await sink.send(batch, NEVER);
    expect(verdict.accepted).toEqual([1]);
    expect(verdict.expired.map(({ seq }) => seq)).toEqual([2]);
    expect(otlp.server.received).toHaveLength(1);
  });
});

describe('partial success', () => {
  it('is accepted, counted with its message, and never sent again', async () => {
    otlp.refuse = () => partialSuccess(3, 'invalid dimension');
    const verdict = await createSink().send(requestEntries(10), NEVER);
    expect(verdict.accepted).toHaveLength(10);
    expect(verdict.rejectedUnknown).toEqual({ count: 3, message: 'invalid dimension' });
    expect(otlp.server.received).toHaveLength(1);
  });

  it('names the entries after all when it refuses every one', async () => {
    otlp.refuse = () => partialSuccess(10, 'invalid dimension');
    const verdict = await createSink().send(requestEntries(10), NEVER);
    expect(verdict.rejected).toHaveLength(10);
    expect(verdict.rejected[0]?.reason).toContain('invalid dimension');
  });

  it('counts data points, not records, of metrics', async () => {
    otlp.refuse = () => partialSuccess(5, 'too many dimensions');
    const verdict = await createSink().send(
      [1, 2].map((n) => entryOf(n, metricRecord(n))),
      NEVER,
    );
    expect(verdict.accepted).toEqual([1, 2]);
    expect(verdict.rejectedUnknown?.count).toBe(5);
  });

  it('of zero with a message is a full success', async () => {
    otlp.refuse = () => partialSuccess(0, 'deprecated');
    const verdict = await createSink().send(requestEntries(2), NEVER);
    expect(verdict.accepted).toHaveLength(2);
    expect(verdict).not.toHaveProperty('rejectedUnknown');
  });
});

describe('each answer', () => {
  const protobufType = { 'content-type': 'application/x-protobuf' };

  it.each<[status: number, Reply]>([
    [429, errorEnvelope(429, 'busy')],
    [502, html(502)],
    [503, errorEnvelope(503, 'busy')],
    [504, html(504)],
    [200, html(200)],
    [200, json(200, {})],
    [200, { status: 200, headers: protobufType, body: 'not protobuf' }],
  ])('%i (%j) is sent again', async (_status, reply) => {
    otlp.refuse = () => reply;
    const verdict = await createSink().send(requestEntries(5), NEVER);
    expect(verdict.retry).toHaveLength(5);
    expect(verdict).not.toHaveProperty('held');
  });

  it.each([408, 500, 501, 599, 418])('%i is sent again, but slowly', async (status) => {
    otlp.refuse = () => errorEnvelope(status, 'trouble');
    const verdict = await createSink().send(requestEntries(5), NEVER);
    expect(verdict.retry).toHaveLength(5);
    expect(verdict.retryAfterMs).toBe(30_000);
  });

  it.each([301, 401, 402, 403, 404, 405, 407, 415])(
    '%i holds the lane after one question',
    async (status) => {
      otlp.refuse = () => errorEnvelope(status, 'trouble');
      const verdict = await createSink().send(requestEntries(5), NEVER);
      expect(verdict.retry).toHaveLength(5);
      expect(verdict.held?.reason).toContain(String(status));
      expect(otlp.server.received).toHaveLength(1);
    },
  );

  it.each([200, 202, 204])('%i with nothing in it is success', async (status) => {
    otlp.refuse = () => ({ status });
    expect((await createSink().send(requestEntries(5), NEVER)).accepted).toHaveLength(5);
  });

  it('413 halves the body down to the one record that is too large', async () => {
    otlp.refuse = ({ body }) => (body.length > 20_000 ? errorEnvelope(413, 'too large') : undefined);
    const batch = requestEntries(40);
    batch[9] = entryOf(10, requestRecord(9, { errorMessage: 'x'.repeat(25_000) }));
    const verdict = await createSink().send(batch, NEVER);
    expect(verdict.rejected).toMatchObject([{ seq: 10 }]);
    expect(verdict.accepted).toHaveLength(39);
  });

  it('400 as the page of a proxy is no reason to give anything up', async () => {
    otlp.refuse = () => html(400);
    const verdict = await createSink().send(requestEntries(100), NEVER);
    expect(verdict.retry).toHaveLength(100);
    expect(verdict.held?.reason).toMatch(/check the url/);
    expect(otlp.server.received.length).toBeLessThan(40);
  });

  it('waits as long as Retry-After says', async () => {
    otlp.refuse = () => ({ ...errorEnvelope(429, 'busy'), headers: { 'retry-after': '17' } });
    expect((await createSink().send(requestEntries(5), NEVER)).retryAfterMs).toBe(17_000);
  });
});

describe('what is turned off', () => {
  it('is filtered: requests without logs, points without metrics', async () => {
    const batch = [entryOf(1, requestRecord(1)), entryOf(2, metricRecord(2))];
    const onlyMetrics = createSink({ logs: false, problems: false });
    expect(onlyMetrics.streams).toEqual(['metrics']);
    expect(await onlyMetrics.send(batch, NEVER)).toMatchObject({ accepted: [2], filtered: [1] });
    expect(await createSink({ metrics: false }).send(batch, NEVER)).toMatchObject({
      accepted: [1],
      filtered: [2],
    });
  });
});

it('delivers requests although metrics are refused', async () => {
  otlp.refuse = ({ path }) => (path === '/v1/metrics' ? errorEnvelope(403, 'scope') : undefined);
  const batch = [entryOf(1, metricRecord(1)), entryOf(2, requestRecord(2))];
  const verdict = await createSink().send(batch, NEVER);
  expect(verdict).toMatchObject({ accepted: [2], retry: [1] });
  expect(verdict.held?.reason).toContain('metrics.ingest');
});
