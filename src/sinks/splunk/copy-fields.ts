import type { FieldName } from '../../catalog/field-row.ts';
import type { JournalRecord } from '../../model/journal.ts';
import { quote } from './json-members.ts';
import { type CopiedField, SHARED_FIELDS } from './splunk-fields.ts';

/** Compiles a list of fields into a writer of their members, with the opening of each member made once. */
export function copyFields(fields: readonly CopiedField[]): (record: JournalRecord) => string {
  const compiled = fields.map(({ name, as }) => ({ name, prefix: `,"${as}":` }));
  return (record) => {
    const values: Readonly<Partial<Record<FieldName, unknown>>> = record;
    let members = '';
    for (const { name, prefix } of compiled) {
      const value = values[name];
      if (typeof value === 'string') members += prefix + quote(value);
      else if (typeof value === 'number' && Number.isFinite(value)) members += prefix + value;
      else if (value === true) members += `${prefix}true`;
    }
    return members;
  };
}

/** The members that both events of a request have, written once and used twice. */
export const sharedMembers = copyFields(SHARED_FIELDS);
