import type { Attributes } from '@opentelemetry/api';
import type { FieldName, RecordKind } from '../../catalog/field-row.ts';
import { fieldsOf } from '../../catalog/fields.ts';
import type { JournalRecord } from '../../model/journal.ts';

const SCALARS: ReadonlySet<string> = new Set(['text', 'integer', 'number', 'boolean']);

/** The id that a repeat is recognised by. */
export const UID = 'log.record.uid';

export interface CopiedField {
  readonly name: FieldName;
  readonly attribute: string;
}

/** Plain fields by kind of record, in the order of the dictionary. */
export const COPIED: Readonly<Record<RecordKind, readonly CopiedField[]>> = {
  request: copiedFields('request'),
  unparsed: copiedFields('unparsed'),
  metric: copiedFields('metric'),
  alarm: copiedFields('alarm'),
};

/** `content` is the body of the log record, not an attribute. */
function copiedFields(kind: RecordKind): readonly CopiedField[] {
  return fieldsOf(kind).flatMap(({ name, type, dynatrace }) =>
    SCALARS.has(type) && dynatrace !== undefined && dynatrace !== 'content'
      ? [{ name, attribute: dynatrace }]
      : [],
  );
}

/** The plain fields of a record under their names in the dictionary, and the id that a repeat is recognised by. */
export function recordAttributes(record: JournalRecord): Attributes {
  const values: Readonly<Partial<Record<FieldName, unknown>>> = record;
  const attributes: Attributes = { [UID]: record.eventId };
  for (const { name, attribute } of COPIED[record.kind]) {
    const value = values[name];
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      attributes[attribute] = value;
    }
  }
  return attributes;
}
