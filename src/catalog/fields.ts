import type { FieldName, FieldRow, RecordKind } from './field-row.ts';
import { RECORD_FIELDS } from './record-fields.ts';
import { REQUEST_FIELDS } from './request-fields.ts';

/** A row of the dictionary with its CSV column, which is the name in snake case: `eventMs` → `event_ms`. */
export interface Field extends FieldRow {
  readonly csv: string;
}

/**
 * The field dictionary: every field of every record, once, with its name at each destination, its unit and what
 * redaction does to it. What a destination computes (such as CIM's `action`) stands beside the field it comes from.
 */
export const FIELDS: readonly Field[] = [...RECORD_FIELDS, ...REQUEST_FIELDS].map((row) => ({
  ...row,
  csv: csvColumn(row.name),
}));

/** CIM fields that are the same on every event, and what they hold. */
export const CONSTANT_SPLUNK_FIELDS: Readonly<Record<string, string | number>> = {
  authentication_service: 'aws:apigateway',
  category: 'api',
  dest_port: 443,
  vendor_product: 'AWS API Gateway',
};

/** The fields that records of one kind have, in the order of the dictionary. */
export function fieldsOf(kind: RecordKind): readonly Field[] {
  return FIELDS.filter((field) => field.of.includes(kind));
}

function csvColumn(name: FieldName): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
