import type { AlarmRecord } from '../model/alarm-record.ts';
import type { MetricRecord } from '../model/metric-record.ts';
import type { RequestRecord, UnparsedRecord } from '../model/request-record.ts';

export type RecordKind = 'request' | 'unparsed' | 'metric' | 'alarm';

export type FieldName = keyof RequestRecord | keyof UnparsedRecord | keyof MetricRecord | keyof AlarmRecord;

/**
 * What redaction does to a field before it is written. `id`: kept when it looks like an id, joins need it. `clear`: comes
 * from AWS or from Gatewatch itself, kept. `scan`: searched for secrets by shape and by name. `pseudonym`: a keyed hash
 * unless the settings say otherwise. `dropped`: never written.
 */
export type RedactionClass = 'id' | 'clear' | 'scan' | 'pseudonym' | 'dropped';

/** One field of the journal and what it is called everywhere else. */
export interface FieldRow {
  /** Name in the journal's records. */
  readonly name: FieldName;
  readonly of: readonly RecordKind[];
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'texts' | 'text map' | 'number map' | 'parts';
  /** `ms`, `s`, `By` (bytes), `chars` (UTF-16 units); absent where a value has none. */
  readonly unit?: 'ms' | 's' | 'By' | 'chars';
  /** Fields of a Splunk `gatewatch:access` event (CIM Web), the plain copy first, then those computed from it. */
  readonly splunkWeb?: readonly string[];
  /** Fields of a Splunk `gatewatch:authentication` event (CIM Authentication; times there are in seconds). */
  readonly splunkAuthentication?: readonly string[];
  /** Field of a Splunk `gatewatch:metric` event. */
  readonly splunkMetric?: string;
  /** Field of a Splunk `gatewatch:alarm` event. */
  readonly splunkAlarm?: string;
  /** Attribute of a Dynatrace log record. */
  readonly dynatrace?: string;
  /** Dimension of a Dynatrace metric point. */
  readonly dynatraceMetric?: string;
  readonly redaction: RedactionClass;
  readonly description: string;
}
