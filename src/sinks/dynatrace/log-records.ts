import { type AnyValue, type Attributes, SeverityNumber } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { assertNever } from '../../core/errors.ts';
import { sha256Hex } from '../../core/hash.ts';
import type { JournalEntry } from '../../model/journal.ts';
import type { MetricRecord } from '../../model/metric-record.ts';
import type { RecordPart, RequestRecord, UnparsedRecord } from '../../model/request-record.ts';
import type { Piece } from '../pack-bodies.ts';
import { recordAttributes } from './dynatrace-fields.ts';
import { metricDimensions } from './metric-points.ts';
import { hrTime, RESOURCE, SCOPE } from './resource.ts';

export interface LogPiece extends Piece {
  readonly eventMs: number;
  readonly log: ReadableLogRecord;
}

interface Severity {
  readonly number: SeverityNumber;
  readonly text: string;
}

const INFO: Severity = { number: SeverityNumber.INFO, text: 'INFO' };
const WARN: Severity = { number: SeverityNumber.WARN, text: 'WARN' };
const ERROR: Severity = { number: SeverityNumber.ERROR, text: 'ERROR' };

interface LogContent {
  readonly eventName: string;
  readonly severity: Severity;
  readonly body: string;
  readonly attributes: Attributes;
}

/** Attributes say it in other words than the journal's JSON, in about as many bytes; the exact size is checked later. */
const LOG_OVERHEAD_BYTES = 800;

/** Any record as a log record: its time is the event's, its observed time the moment we read it. */
export function logPiece(entry: JournalEntry, maxAttributeBytes: number): LogPiece {
  const content = contentOf(entry);
  const log: ReadableLogRecord = {
    hrTime: hrTime(entry.eventMs),
    hrTimeObserved: hrTime(entry.record.readMs),
    severityNumber: content.severity.number,
    severityText: content.severity.text,
    eventName: content.eventName,
    body: fitText(content.body, maxAttributeBytes),
    attributes: fitAll(content.attributes, maxAttributeBytes),
    resource: RESOURCE,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
  };
  return { seq: entry.seq, eventMs: entry.eventMs, bytes: entry.body.length + LOG_OVERHEAD_BYTES, log };
}

function contentOf({ record }: JournalEntry): LogContent {
  switch (record.kind) {
    case 'request':
      return requestContent(record);
    case 'unparsed':
      return unparsedContent(record);
    case 'metric':
      return revisionContent(record);
    default:
      return assertNever(record, 'kind of record');
  }
}

function requestContent(record: RequestRecord): LogContent {
  const attributes = recordAttributes(record);
  if (record.authorizerLog) attributes['aws.apigateway.authorizer.log'] = record.authorizerLog.join('\n');
  for (const [name, value] of Object.entries(record.other ?? {})) {
    attributes[`aws.apigateway.other.${name}`] = value;
  }
  addParts(attributes, record.parts);
  return { eventName: 'request', severity: severityOf(record), body: sentence(record), attributes };
}

/** Refusals are warnings, faults are errors; a request that was let in and answered is information. */
function severityOf(record: RequestRecord): Severity {
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

function unparsedContent(record: UnparsedRecord): LogContent {
  const attributes = recordAttributes(record);
  addParts(attributes, record.parts);
  return { eventName: 'unparsed', severity: WARN, body: record.raw, attributes };
}

/** A point that CloudWatch restated: a gauge cannot be corrected there, so the correction is told. */
function revisionContent(record: MetricRecord): LogContent {
  const attributes: Attributes = {
    ...recordAttributes(record),
    ...metricDimensions(record),
    metric_revision: true,
  };
  for (const [statistic, value] of Object.entries(record.values)) {
    if (Number.isFinite(value)) attributes[`value.${statistic.toLowerCase()}`] = value;
  }
  const body = `CloudWatch restated ${record.metricName} (revision ${record.revision})`;
  return { eventName: 'metric_revision', severity: INFO, body, attributes };
}

/** Where each piece came from: the known keys for the first, and all of them as one JSON text. */
function addParts(attributes: Attributes, parts: readonly RecordPart[]): void {
  const first = parts.find((part) => part.role === 'access') ?? parts[0];
  if (first === undefined) return;
  attributes['aws.log_group'] = first.logGroup;
  attributes['aws.log_stream'] = first.logStream;
  attributes['gatewatch.parts'] = JSON.stringify(parts);
}

function fitAll(attributes: Attributes, maxBytes: number): Attributes {
  for (const name in attributes) {
    const value = attributes[name];
    if (typeof value === 'string') attributes[name] = fitText(value, maxBytes);
  }
  return attributes;
}

/** Cuts what Dynatrace would cut or drop, and says so: original length and SHA-256 lead back to the journal's text. */
function fitText(text: string, maxBytes: number): string & AnyValue {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const mark = ` [cut: ${bytes.length} bytes, sha256 ${sha256Hex(text)}]`;
  // A character cut in two at the end decodes to U+FFFD; leave it out.
  const kept = bytes
    .subarray(0, maxBytes - mark.length)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
  return kept + mark;
}
