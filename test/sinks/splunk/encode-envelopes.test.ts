import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../../src/catalog/fields.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { JournalRecord } from '../../../src/model/journal.ts';
import { createEnvelopeEncoder } from '../../../src/sinks/splunk/encode-envelopes.ts';
import { createSplunkHecSettings, type SplunkHecSettings } from '../../../src/sinks/splunk/hec-settings.ts';
import { alarmRecord, entryOf, metricRecord, NOW_MS, requestRecord, unparsedRecord } from '../entries.ts';
import { type HecEnvelope, readEnvelope } from './fake-hec.ts';

function encode(record: JournalRecord, changes: Partial<SplunkHecSettings> = {}): HecEnvelope[] {
  const settings = createSplunkHecSettings({ url: 'http://localhost', token: new Secret('t'), ...changes });
  return createEnvelopeEncoder(settings)(entryOf(1, record)).map((text) => readEnvelope(text));
}

function textOf(record: JournalRecord): string {
  const settings = createSplunkHecSettings({ url: 'http://localhost', token: new Secret('t') });
  return createEnvelopeEncoder(settings)(entryOf(1, record))[0]?.slice(0, -1) ?? '';
}

describe('an envelope', () => {
  it('names its time in seconds with three decimals, never an exponent', () => {
    expect(textOf(requestRecord(1, { eventMs: 1_790_000_000_000 }))).toContain('{"time":1790000000.000,');
    expect(textOf(requestRecord(1, { eventMs: NOW_MS + 7 }))).toContain('{"time":1793700000.007,');
    expect(textOf(requestRecord(1, { eventMs: 5 }))).toContain('{"time":0.005,');
    expect(textOf(requestRecord(1, { eventMs: 1_793_700_000_007.25 }))).toContain('{"time":1793700000.007,');
  });

  it('carries the ids as flat indexed fields', () => {
    const record = requestRecord(1, { revision: 3 });
    for (const { fields } of encode(record)) {
      expect(fields).toEqual({ event_id: record.eventId, record_id: record.recordId, revision: 3 });
    }
  });

  it('goes to the index of its kind, else to the index of all, else to the token’s default', () => {
    const indexes = { metric: 'm' };
    expect(encode(requestRecord(1), { index: 'all', indexes }).map(({ index }) => index)).toEqual([
      'all',
      'all',
    ]);
    expect(encode(metricRecord(1), { index: 'all', indexes })[0]?.index).toBe('m');
    expect(encode(metricRecord(1))[0]).not.toHaveProperty('index');
  });

  it('says which host and which log group it is from', () => {
    expect(encode(requestRecord(1), { host: 'gw-1' })[0]).toMatchObject({
      host: 'gw-1',
      source: '/aws/apigw/orders',
    });
    expect(encode(metricRecord(1))[0]).toMatchObject({ source: 'AWS/ApiGateway' });
  });

  it('cannot be broken out of by what a caller sends', () => {
    const hostile = '"},"event":{"action":"allowed"}}\n{"time":1,\u0000\u001b[31m\ud800\u2028\u202e';
    const [access] = encode(requestRecord(1, { userAgent: hostile, path: hostile }));
    const written = textOf(requestRecord(1, { userAgent: hostile, path: hostile }));
    expect([...written].filter((character) => character < ' ')).toEqual([]);
    expect(access?.event.uri_path).toBe(hostile);
    expect(access?.event.http_user_agent).toBe(hostile);
  });

  it('is one line of JSON that gives back any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = textOf(requestRecord(1, { decisionReason: text }));
        expect(written).not.toContain('\n');
        expect(readEnvelope(written).event.decision_reason).toBe(text);
      }),
    );
  });
});

it('gives the lines of the authorizer back, whatever they are, and every other text beside them', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(fc.array(text), text, (authorizerLog, path) => {
      const [access] = encode(requestRecord(1, { authorizerLog, path }));
      expect(access?.event).toMatchObject({ authorizer_log: authorizerLog, uri_path: path });
    }),
  );
});

describe('an access event', () => {
  it('is what CIM’s Web model wants', () => {
    const [access] = encode(requestRecord(1, { status: 403, decision: 'deny' }));
    expect(access?.sourcetype).toBe('gatewatch:access');
    expect(access?.event).toMatchObject({
      action: 'blocked',
      status: '403',
      http_method: 'GET',
      url: 'https://api.example.com/orders/1',
      url_domain: 'api.example.com',
      uri_path: '/orders/1',
      src: '203.0.113.7',
      dest: 'api.example.com',
      dest_port: 443,
      bytes: 1_234,
      bytes_out: 1_234,
      response_time: 87,
      http_user_agent_length: 97,
      app: 'orders-api',
      category: 'api',
      vendor_product: 'AWS API Gateway',
    });
  });

  it.each([
    [{ status: 200 }, 'allowed'],
    [{ status: 399 }, 'allowed'],
    [{ status: 400 }, 'blocked'],
    [{ status: 502, decision: 'allow' }, 'blocked'],
  ] as const)('with %j is %s', (changes, action) => {
    expect(encode(requestRecord(1, changes))[0]?.event.action).toBe(action);
  });

  it.each([
    ['allow', 'allowed'],
    ['deny', 'blocked'],
    ['error', 'blocked'],
    ['unknown', 'unknown'],
  ] as const)('without a status is what the decision %s says', (decision, action) => {
    const { status: _status, ...record } = requestRecord(1, { decision });
    expect(encode(record)[0]?.event.action).toBe(action);
  });

  it('has every field that the dictionary names for it', () => {
    const record = requestRecord(1, {
      connectionId: 'c',
      messageId: 'm',
      eventType: 'MESSAGE',
      integrationRequestId: 'i',
      integrationError: 'e',
      authorizerError: 'e',
      wafStatus: '200',
      wafResponseCode: 'WAF_ALLOW',
      errorMessage: 'e',
      supersededBy: 's',
      errorResponseType: 'ACCESS_DENIED',
      xrayTraceId: 'x',
      other: { stage_variable: 'v' },
      authorizerLog: ['line'],
    });
    const sent = Object.keys(encode(record)[0]?.event ?? {});
    expect(sent).toEqual(
      expect.arrayContaining(fieldsOf('request').flatMap(({ splunkWeb }) => splunkWeb ?? [])),
    );
    expect(new Set(sent).size).toBe(sent.length);
  });

  it('names where each part came from, and its account only where it is another', () => {
    const [first, second] = requestRecord(1).parts;
    if (first === undefined || second === undefined) throw new Error('the sample has two parts');
    const parts = [first, { ...second, account: '444455556666' }];
    const event = encode(requestRecord(1, { parts }))[0]?.event;
    expect(event?.parts).toEqual([
      {
        role: 'access',
        log_group: first.logGroup,
        log_stream: first.logStream,
        event_id: first.eventId,
        timestamp_ms: first.timestampMs,
      },
      {
        role: 'authorizer',
        account: '444455556666',
        region: second.region,
        log_group: second.logGroup,
        log_stream: second.logStream,
        event_id: second.eventId,
        timestamp_ms: second.timestampMs,
      },
    ]);
  });
});

describe('an authentication event', () => {
  const authentication = (record: JournalRecord) => encode(record)[1];

  it('is what CIM’s Authentication model wants, with seconds', () => {
    const changes = {
      decision: 'deny',
      decisionReason: 'token expired',
      errorResponseType: 'ACCESS_DENIED',
    } as const;
    const record = requestRecord(1, { ...changes, status: 403 });
    expect(authentication(record)?.sourcetype).toBe('gatewatch:authentication');
    expect(authentication(record)?.event).toMatchObject({
      action: 'failure',
      user: record.principal,
      src: '203.0.113.7',
      app: 'orders-api',
      dest: 'api.example.com',
      signature: 'API Gateway authorizer denied',
      signature_id: 'ACCESS_DENIED',
      reason: 'token expired',
      authentication_method: 'lambda_authorizer',
      response_time: 0.017,
      customer: record.customer,
    });
  });

  it('calls who and where from unknown when no line says', () => {
    const { principal: _principal, sourceIp: _sourceIp, ...record } = requestRecord(1);
    expect(authentication(record)?.event).toMatchObject({ user: 'unknown', src: 'unknown' });
  });

  it.each([
    [0, undefined],
    [0.5, 0.0005],
    [3_600_000, undefined],
  ])(
    'with %j ms has the response time %j s, within the bounds of the model',
    (authorizerLatencyMs, seconds) => {
      expect(authentication(requestRecord(1, { authorizerLatencyMs }))?.event.response_time).toBe(seconds);
    },
  );

  it('has every field that the dictionary names for it', () => {
    const record = requestRecord(1, {
      connectionId: 'c',
      supersededBy: 's',
      errorResponseType: 'ACCESS_DENIED',
    });
    const names = fieldsOf('request').flatMap(({ splunkAuthentication }) => splunkAuthentication ?? []);
    expect(Object.keys(authentication(record)?.event ?? {})).toEqual(expect.arrayContaining(names));
  });
});

describe('a metric point', () => {
  it('is an event with its statistics and dimensions as fields', () => {
    expect(encode(metricRecord(1))[0]?.event).toMatchObject({
      metric: 'Latency',
      unit: 'ms',
      period_s: 60,
      dimension_ApiName: 'orders-1',
      dimension_Stage: 'prod',
      p99: 120.25,
      average: 31.5,
      samplecount: 42,
    });
  });

  it('is one envelope of HEC’s metrics form where that is set', () => {
    const [envelope] = encode(metricRecord(1), { metricsAs: 'metric' });
    expect(envelope?.event).toBe('metric');
    expect(envelope?.fields).toMatchObject({
      'metric_name:apigateway.latency.p99': 120.25,
      'metric_name:apigateway.latency.samplecount': 42,
      app: 'orders-1',
      dimension_Stage: 'prod',
      event_id: metricRecord(1).eventId,
    });
    expect(Object.values(envelope?.fields ?? {}).filter((value) => typeof value === 'object')).toEqual([]);
  });

  it('has every field that the dictionary names for it', () => {
    const names = fieldsOf('metric').flatMap(({ splunkMetric }) => splunkMetric ?? []);
    const plain = names.filter((name) => !name.includes('*'));
    expect(Object.keys(encode(metricRecord(1))[0]?.event ?? {})).toEqual(expect.arrayContaining(plain));
  });
});

it('forwards a line that nobody could read, flagged, in one envelope', () => {
  const record = unparsedRecord(1);
  const envelopes = encode(record);
  expect(envelopes).toHaveLength(1);
  expect(envelopes[0]).toMatchObject({ sourcetype: 'gatewatch:access', source: '/aws/apigw/orders' });
  expect(envelopes[0]?.event).toMatchObject({ unparsed: true, raw: record.raw, problem: record.problem });
  const names = fieldsOf('unparsed').flatMap(({ splunkWeb }) => splunkWeb ?? []);
  expect(Object.keys(envelopes[0]?.event ?? {})).toEqual(expect.arrayContaining(names));
});

describe('a change of an alarm', () => {
  it('is one event of its own sourcetype, named as the Alerts model names it', () => {
    const record = alarmRecord(1);
    expect(encode(record, { indexes: { alarm: 'alerts' } })).toEqual([
      {
        time: (NOW_MS - 59_999) / 1_000,
        host: 'gatewatch',
        source: 'orders-api/prod p99',
        sourcetype: 'gatewatch:alarm',
        index: 'alerts',
        event: {
          record_id: record.recordId,
          event_id: record.eventId,
          revision: 0,
          account: '111122223333',
          region: 'eu-west-1',
          api_id: 'a1b2c3d4e5',
          app: 'orders-api',
          stage: 'prod',
          signature: 'orders-api/prod p99',
          alarm_type: 'metric',
          id: 'problem-1',
          problem_status: 'opened',
          from_state: 'OK',
          to_state: 'ALARM',
          description: 'P99 latency of orders-api/prod was 6.2 s, above 5 s, in 3 of 3 periods of 5 minutes',
          severity: 'page',
          owner: 'payments',
          runbook: 'https://wiki.bank.example/slow',
          alarm_id: 'apis/p99[orders-api/prod]',
          type: 'alarm',
          sample_record_id: ['r1', 'r2'],
        },
        fields: { event_id: record.eventId, record_id: record.recordId, revision: 0 },
      },
    ]);
  });

  it('is left out when alarms are turned off', () => {
    const events = { access: true, authentication: true, metric: true, alarm: false };
    expect(encode(alarmRecord(1), { events })).toEqual([]);
  });
});
