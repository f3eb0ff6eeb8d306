import { type Attributes, SeverityNumber } from '@opentelemetry/api';
import type { FieldName } from '../../catalog/field-row.ts';
import { assertNever } from '../../core/errors.ts';
import type { AlarmRecord } from '../../model/alarm-record.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { MetricRecord } from '../../model/metric-record.ts';
import type { RecordPart, RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import { cutText } from '../cut-text.ts';
import { isAscii, partsText } from '../stored-text.ts';
import { COPIED, recordAttributes, UID } from './dynatrace-fields.ts';
import { LogAttributes } from './log-attribute.ts';
import { metricDimensions } from './metric-points.ts';
import { delimited, fixedNanos, utf8, varint } from './wire-text.ts';

const LOG = 'aws.apigateway.authorizer.log';
const OTHER = 'aws.apigateway.other.';
const LOG_GROUP = 'aws.log_group';
const LOG_STREAM = 'aws.log_stream';
const PARTS = 'gatewatch.parts';
const SAMPLES = 'gatewatch.alarm.sample_record_ids';

/** Fields 2 and 3 of a log record. */
const INFO = severity(SeverityNumber.INFO, 'INFO');
const WARN = severity(SeverityNumber.WARN, 'WARN');
const ERROR = severity(SeverityNumber.ERROR, 'ERROR');

/** A state that is not judged is worth a look; one that is well again is news. */
const ALARM_SEVERITY = { ALARM: ERROR, INSUFFICIENT_DATA: WARN, OK: INFO };

/** Fields 7 (no attribute was dropped) and 11 (the tag of the observed time). */
const OBSERVED = '\x38\x00\x59';

interface LogContent {
  readonly eventName: string;
  /** As `severity` makes it. */
  readonly severity: string;
  readonly body: string;
  /** Field 6, repeated. */
  readonly attributes: string;
}

/** A text as the bytes it is sent in, within the limit of an attribute. */
type ToBytes = (text: string) => string;

/**
 * Makes log records of entries: one `log_records` field of OTLP each, as protobuf text. A record's time is the event's,
 * its observed time the moment we read it.
 */
export function createLogEncoder(maxAttributeBytes: number): (entry: JournalEntry) => string {
  const attributes = new LogAttributes();
  const copied = COPIED.request.map(({ name, attribute }) => ({
    name,
    attribute: attributes.named(attribute),
  }));
  const uid = attributes.named(UID);
  const plain: ToBytes = (text) => cutText(text, maxAttributeBytes);
  const careful: ToBytes = (text) => utf8(cutText(text, maxAttributeBytes));

  function copiedAttributes(record: RequestRecord, toBytes: ToBytes): string {
    const values: Readonly<Partial<Record<FieldName, unknown>>> = record;
    let written = uid.text(toBytes(record.eventId));
    for (const { name, attribute } of copied) {
      const value = values[name];
      if (typeof value === 'string') written += attribute.text(toBytes(value));
      else if (typeof value === 'number') written += attribute.number(value);
      else if (typeof value === 'boolean') written += attribute.boolean(value);
    }
    return written;
  }

  function requestAttributes(record: RequestRecord, body: string, toBytes: ToBytes): string {
    const text = (name: string, value: string) => attributes.named(name).text(toBytes(value));
    let written = copiedAttributes(record, toBytes);
    if (record.authorizerLog) written += text(LOG, record.authorizerLog.join('\n'));
    for (const [name, value] of Object.entries(record.other ?? {})) written += text(OTHER + name, value);
    const first = foremost(record.parts);
    if (first === undefined) return written;
    const last = record.parts.at(-1) ?? first;
    const parts = partsText(body, last.ingestionMs) ?? JSON.stringify(record.parts);
    return written + text(LOG_GROUP, first.logGroup) + text(LOG_STREAM, first.logStream) + text(PARTS, parts);
  }

  /** For the rare kinds, whose attributes come as an object. */
  function anyAttributes(values: Attributes): string {
    let written = '';
    for (const [name, value] of Object.entries(values)) {
      const attribute = attributes.named(name);
      if (typeof value === 'string') written += attribute.text(careful(value));
      else if (typeof value === 'number') written += attribute.number(value);
      else if (typeof value === 'boolean') written += attribute.boolean(value);
    }
    return written;
  }

  function contentOf({ record, body }: JournalEntry, toBytes: ToBytes): LogContent {
    switch (record.kind) {
      case 'request':
        return {
          eventName: 'request',
          severity: severityOf(record),
          body: sentence(record),
          attributes: requestAttributes(record, body, toBytes),
        };
      case 'unparsed':
        return {
          eventName: 'unparsed',
          severity: WARN,
          body: record.raw,
          attributes: anyAttributes(unparsedAttributes(record)),
        };
      case 'metric':
        return {
          eventName: 'metric_revision',
          severity: INFO,
          body: `CloudWatch restated ${record.metricName} (revision ${record.revision})`,
          attributes: anyAttributes(revisionAttributes(record)),
        };
      case 'alarm':
        return {
          eventName: `problem_${record.problemStatus ?? 'none'}`,
          severity: ALARM_SEVERITY[record.toState],
          body: `${record.alarmName}: ${record.reason}`,
          attributes: anyAttributes(alarmAttributes(record)),
        };
      default:
        return assertNever(record, 'kind of record');
    }
  }

  return (entry) => {
    const toBytes = isAscii(entry.body) ? plain : careful;
    const content = contentOf(entry, toBytes);
    const message =
      `\x09${fixedNanos(entry.eventMs)}${content.severity}` +
      delimited(5, delimited(1, toBytes(content.body))) +
      content.attributes +
      OBSERVED +
      fixedNanos(entry.record.readMs) +
      delimited(12, content.eventName);
    return delimited(2, message);
  };
}

function severity(number: SeverityNumber, text: string): string {
  return `\x10${varint(number)}${delimited(3, text)}`;
}

/** Refusals are warnings, faults are errors; a request that was let in and answered is information. */
function severityOf(record: RequestRecord): string {
  if (record.decision === 'error' || (record.status ?? 0) >= 500) return ERROR;
  if (record.decision === 'deny' || record.decision === 'refused_before') return WARN;
  return record.outcome === 'ambiguous' ? WARN : INFO;
}

/** What a person reads first: `GET /orders/{id} 403 deny ACCESS_DENIED (orders/prod)`. */
function sentence(record: RequestRecord): string {
  const what = record.method === undefined ? (record.eventType ?? record.outcome) : record.method;
  const words = [what, record.route ?? record.path, record.status, record.decision, record.errorResponseType];
  return `${words.filter((word) => word !== undefined).join(' ')} (${record.apiName}/${record.stage})`;
}

function unparsedAttributes(record: UnparsedRecord): Attributes {
  const attributes = recordAttributes(record);
  const first = foremost(record.parts);
  if (first === undefined) return attributes;
  return {
    ...attributes,
    [LOG_GROUP]: first.logGroup,
    [LOG_STREAM]: first.logStream,
    [PARTS]: JSON.stringify(record.parts),
  };
}

function alarmAttributes(record: AlarmRecord): Attributes {
  const samples = record.sampleRecordIds ?? [];
  const attributes = recordAttributes(record);
  return samples.length === 0 ? attributes : { ...attributes, [SAMPLES]: samples.join(' ') };
}

/** A point that CloudWatch restated: a gauge cannot be corrected there, so the correction is told. */
function revisionAttributes(record: MetricRecord): Attributes {
  const attributes: Attributes = {
    ...recordAttributes(record),
    ...metricDimensions(record),
    metric_revision: true,
  };
  for (const [statistic, value] of Object.entries(record.values)) {
    if (Number.isFinite(value)) attributes[`value.${statistic.toLowerCase()}`] = value;
  }
  return attributes;
}

/** Where a record came from in one word: its access line, else its first piece. */
function foremost(parts: readonly RecordPart[]): RecordPart | undefined {
  return parts.find((part) => part.role === 'access') ?? parts[0];
}
