import type { FieldName } from '../../catalog/field-row.ts';
import type { JournalRecord } from '../../model/journal.ts';
import { type Quote, quotePlain } from './json-members.ts';
import { type CopiedField, SHARED_FIELDS } from './splunk-fields.ts';

/** Compiles a list of fields into a writer of their members, with the opening of each member made once. */
export function copyFields(fields: readonly CopiedField[]): (record: JournalRecord, quoted: Quote) => string {
  const compiled = fields.map(({ name, as }) => ({ name, prefix: `,"${as}":`, opening: `,"${as}":"` }));
  return (record, quoted) => {
    const values: Readonly<Partial<Record<FieldName, unknown>>> = record;
    const isPlain = quoted === quotePlain;
    let members = '';
    for (const { name, prefix, opening } of compiled) {
      const value = values[name];
      if (typeof value === 'string') members += isPlain ? `${opening}${value}"` : prefix + quoted(value);
      else if (typeof value === 'number' && Number.isFinite(value)) members += prefix + value;
      else if (value === true) members += `${prefix}true`;
    }
    return members;
  };
}

/** The members that both events of a request have, written once and used twice. */
export const sharedMembers = copyFields(SHARED_FIELDS);
