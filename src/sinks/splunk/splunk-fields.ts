import type { FieldName } from '../../catalog/field-row.ts';
import { type Field, fieldsOf } from '../../catalog/fields.ts';

/** A journal field and the member it is copied to as it is; what is computed from it stands in the events' own files. */
export interface CopiedField {
  readonly name: FieldName;
  readonly as: string;
}

const SCALARS: ReadonlySet<Field['type']> = new Set(['text', 'integer', 'number', 'boolean']);

const request = fieldsOf('request').filter((field) => SCALARS.has(field.type));

/** CIM's Web wants the status as text: written apart. */
const isCopied = (field: Field) => field.name !== 'status';

const isShared = (field: Field) =>
  field.splunkWeb !== undefined && field.splunkWeb[0] === field.splunkAuthentication?.[0];

/** In both events of a request under the same name: who, what, where, and how it was joined. */
export const SHARED_FIELDS: readonly CopiedField[] = named(
  request.filter((field) => isCopied(field) && isShared(field)),
  (field) => field.splunkWeb?.[0],
);

/** Only in `gatewatch:access`. */
export const ACCESS_FIELDS: readonly CopiedField[] = named(
  request.filter((field) => isCopied(field) && !isShared(field)),
  (field) => field.splunkWeb?.[0],
);

export const UNPARSED_FIELDS: readonly CopiedField[] = named(
  fieldsOf('unparsed').filter((field) => SCALARS.has(field.type)),
  (field) => field.splunkWeb?.[0],
);

export const METRIC_FIELDS: readonly CopiedField[] = named(
  fieldsOf('metric').filter((field) => SCALARS.has(field.type)),
  (field) => field.splunkMetric,
);

export const ALARM_FIELDS: readonly CopiedField[] = named(
  fieldsOf('alarm').filter((field) => SCALARS.has(field.type)),
  (field) => field.splunkAlarm,
);

function named(
  fields: readonly Field[],
  nameOf: (field: Field) => string | undefined,
): readonly CopiedField[] {
  return fields.flatMap((field) => {
    const as = nameOf(field);
    return as === undefined ? [] : [{ name: field.name, as }];
  });
}
