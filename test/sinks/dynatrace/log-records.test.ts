import { type Attributes, SeverityNumber } from '@opentelemetry/api';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../src/model/journal.ts';
import type { RequestRecord } from '../../../src/model/request-record.ts';
import { BodyBuffers } from '../../../src/sinks/body-buffers.ts';
import { BodyWriter } from '../../../src/sinks/body-writer.ts';
import { recordAttributes } from '../../../src/sinks/dynatrace/dynatrace-fields.ts';
import { createLogEncoder } from '../../../src/sinks/dynatrace/log-records.ts';
import { LOGS_HEAD_BYTES, LOGS_SIGNAL } from '../../../src/sinks/dynatrace/otlp-signal.ts';
import { hrTime, RESOURCE, SCOPE } from '../../../src/sinks/dynatrace/resource.ts';
import {
  alarmRecord,
  entryOf,
  metricRecord,
  requestEntries,
  requestRecord,
  unparsedRecord,
} from '../entries.ts';

const encode = createLogEncoder(32_000);

function ours(entries: readonly JournalEntry[]): Buffer {
  const writer = new BodyWriter({
    maxBytes: 10_000_000,
    maxPieces: 10_000,
    headBytes: LOGS_HEAD_BYTES,
    encoding: 'latin1',
    buffers: new BodyBuffers(0),
  });
  for (const entry of entries) writer.add(entry.seq, entry.eventMs, encode(entry));
  return Buffer.from(LOGS_SIGNAL.encode(writer.bodies[0] ?? []));
}

/** The same through OpenTelemetry's own serializer. */
function theirs(logs: readonly ReadableLogRecord[]): Buffer {
  return Buffer.from(ProtobufLogsSerializer.serializeRequest([...logs]) ?? []);
}

function logOf(
  entry: JournalEntry,
  eventName: string,
  body: string,
  severity: readonly [SeverityNumber, string],
  attributes: Attributes,
): ReadableLogRecord {
  return {
    hrTime: hrTime(entry.eventMs),
    hrTimeObserved: hrTime(entry.record.readMs),
    severityNumber: severity[0],
    severityText: severity[1],
    eventName,
    body,
    attributes,
    resource: RESOURCE,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
  };
}

function requestLog(entry: JournalEntry, record: RequestRecord): ReadableLogRecord {
  const attributes = recordAttributes(record);
  if (record.authorizerLog) attributes['aws.apigateway.authorizer.log'] = record.authorizerLog.join('\n');
  for (const [name, value] of Object.entries(record.other ?? {}))
    attributes[`aws.apigateway.other.${name}`] = value;
  const [first] = record.parts;
  if (first === undefined) throw new Error('the sample has parts');
  attributes['aws.log_group'] = first.logGroup;
  attributes['aws.log_stream'] = first.logStream;
  attributes['gatewatch.parts'] = JSON.stringify(record.parts);
  const body = `${record.method} ${record.route} ${record.status} ${record.decision} (${record.apiName}/${record.stage})`;
  return logOf(entry, 'request', body, [SeverityNumber.INFO, 'INFO'], attributes);
}

describe('log records', () => {
  it('are, byte by byte, what OpenTelemetry’s serializer makes of them', () => {
    const entries = requestEntries(50, {
      authorizerLog: ['{"level":"INFO"}', 'two'],
      other: { 'authorizer.authzAtMs': '17', 'identity.apiKeyId': 'k' },
    });
    const logs = entries.map((entry) =>
      entry.record.kind === 'request' ? [requestLog(entry, entry.record)] : [],
    );
    expect(ours(entries).equals(theirs(logs.flat()))).toBe(true);
  });

  it('are so whatever their texts and numbers are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    const ms = fc.integer({ min: 0, max: 4_102_444_800_000 });
    const number = fc.oneof(
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.constantFrom(0, -1, 127, 128, 16_383, 16_384, 2 ** 53, 2 ** 63, -(2 ** 63)),
    );
    const changes = fc.record({
      path: text,
      userAgent: text,
      decisionReason: text,
      other: fc.dictionary(fc.string({ maxLength: 10 }), text, { maxKeys: 3 }),
      authorizerLog: fc.array(text, { maxLength: 3 }),
      responseLatencyMs: number,
      responseLengthBytes: number,
      eventMs: ms,
      readMs: ms,
    });
    fc.assert(
      fc.property(changes, (changed) => {
        const record = requestRecord(1, changed);
        const entry = entryOf(1, record);
        expect(ours([entry]).equals(theirs([requestLog(entry, record)]))).toBe(true);
      }),
    );
  });

  it('of the rare kinds are so too', () => {
    const unparsed = unparsedRecord(1, { raw: 'né\ud800{' });
    const entry = entryOf(1, unparsed);
    const [part] = unparsed.parts;
    const attributes = {
      ...recordAttributes(unparsed),
      'aws.log_stream': part?.logStream ?? '',
      'gatewatch.parts': JSON.stringify(unparsed.parts),
    };
    const log = logOf(entry, 'unparsed', unparsed.raw, [SeverityNumber.WARN, 'WARN'], attributes);
    expect(ours([entry]).equals(theirs([log]))).toBe(true);
    const restated = ours([entryOf(2, metricRecord(2, { revision: 1 }))]);
    expect(restated.includes('CloudWatch restated Latency (revision 1)')).toBe(true);
  });

  it('say where a record came from in the journal’s own words, which are not written anew', () => {
    const record = requestRecord(1, { decisionReason: 'says "],"parts":[] and \\' });
    const entry = entryOf(1, record);
    expect(ours([entry]).includes(JSON.stringify(record.parts))).toBe(true);
    const marked = { ...entry, body: entry.body.replace('b0c1d2', 'b0c1dX') };
    expect(ours([marked]).includes('b0c1dX')).toBe(true);
  });
});

describe('a change of an alarm', () => {
  it.each([
    ['opened', 'ALARM', [SeverityNumber.ERROR, 'ERROR']],
    ['refreshed', 'INSUFFICIENT_DATA', [SeverityNumber.WARN, 'WARN']],
    ['closed', 'OK', [SeverityNumber.INFO, 'INFO']],
  ] as const)(
    'is an event problem_%s, whose ids say what it belongs to',
    (problemStatus, toState, severity) => {
      const record = alarmRecord(1, { problemStatus, toState });
      const entry = entryOf(1, record);
      const attributes: Attributes = {
        'log.record.uid': record.eventId,
        'event.kind': 'alarm',
        record_id: record.recordId,
        event_id: record.eventId,
        revision: 0,
        'cloud.account.id': '111122223333',
        'cloud.region': 'eu-west-1',
        'aws.apigateway.api_id': 'a1b2c3d4e5',
        'aws.apigateway.api_name': 'orders-api',
        'aws.apigateway.stage': 'prod',
        'gatewatch.alarm.name': 'orders-api/prod p99',
        'gatewatch.alarm.type': 'metric',
        'gatewatch.problem.id': 'problem-1',
        'event.status': problemStatus,
        'gatewatch.alarm.from_state': 'OK',
        'gatewatch.alarm.state': toState,
        'gatewatch.alarm.reason': record.reason,
        'gatewatch.alarm.severity': 'page',
        'gatewatch.alarm.owner': 'payments',
        'gatewatch.alarm.runbook': 'https://wiki.bank.example/slow',
        'gatewatch.alarm.id': 'apis/p99[orders-api/prod]',
        'gatewatch.alarm.sample_record_ids': 'r1 r2',
      };
      const log = logOf(
        entry,
        `problem_${problemStatus}`,
        `${record.alarmName}: ${record.reason}`,
        severity,
        attributes,
      );
      expect(ours([entry]).equals(theirs([log]))).toBe(true);
    },
  );
});
