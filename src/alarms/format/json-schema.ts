import { isObject } from '../../core/json.ts';
import { inputJsonSchema } from '../../documents/schema-lookup.ts';
import { API_VERSION, FILE_KINDS } from './kinds.ts';

/** Marks of our own fields; a validator would not know them. */
const OUR_FORMATS: ReadonlySet<unknown> = new Set(['duration-text', 'glob']);
const REFERENCE_PATTERN = '\\$\\{(env|file):[^{}]+\\}';

/**
 * JSON Schema (draft-07, which editors of YAML know best) of every kind of alarm file, from the schemas the loader uses:
 * what an editor underlines is what `gatewatch alarms validate` refuses, but for what needs more than one field.
 */
export function alarmJsonSchema(): unknown {
  const kinds = Object.entries(FILE_KINDS).map(([kind, schema]) => {
    const { $schema: _, definitions = {}, ...own } = inputJsonSchema(schema, 'draft-7');
    return { kind, own: plain(own, kind), definitions: plain(definitions, kind) };
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Alarm files of Gatewatch',
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { enum: [API_VERSION, 'openslo/v1'] },
      kind: { enum: Object.keys(FILE_KINDS) },
    },
    allOf: kinds.map(({ kind, own }) => ({
      if: { properties: { kind: { const: kind } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
      then: own,
    })),
    definitions: Object.fromEntries(kinds.map(({ kind, definitions }) => [kind, definitions])),
  };
}

/** Keywords whose values are data of the user's kind, not schemas. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['default', 'examples', 'const', 'enum', 'required']);

/** Definitions of a kind stand under its name, so that those of two kinds may share one. */
function plain(node: unknown, kind: string): unknown {
  if (Array.isArray(node)) return node.map((item) => plain(item, kind));
  if (!isObject(node)) return node;
  const entries = Object.entries(node).flatMap(([key, value]) => {
    if (key === 'format' && OUR_FORMATS.has(value)) return [];
    if (key === '$ref')
      return [[key, String(value).replace('#/definitions/', `#/definitions/${kind}/`)] as const];
    return [[key, DATA_KEYWORDS.has(key) ? value : plain(value, kind)] as const];
  });
  return withReferences(Object.fromEntries(entries));
}

/** `${env:NAME}` may stand for any text that has a form of its own. */
function withReferences(schema: Record<string, unknown>): Record<string, unknown> {
  if (schema.type !== 'string' || typeof schema.pattern !== 'string') return schema;
  return { ...schema, pattern: `(${schema.pattern})|${REFERENCE_PATTERN}` };
}
