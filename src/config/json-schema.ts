import { isObject } from '../core/json.ts';
import { inputJsonSchema } from '../documents/schema-lookup.ts';
import { gatewatchConfig } from './gatewatch-config.ts';

/** A text that holds a reference may stand for any single value. */
const REFERENCE_PATTERN = '\\$\\{[a-z]+:[^{}]+\\}';

/**
 * JSON Schema (draft 2020-12) of `gatewatch.yaml` as a user writes it, for editors: durations, sizes and secrets are
 * texts, and a reference is allowed wherever a single value is.
 */
export function configJsonSchema(): unknown {
  return allowReferences(inputJsonSchema(gatewatchConfig));
}

function allowReferences(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(allowReferences);
  if (!isObject(node)) return node;
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    result[key] = DATA_KEYWORDS.has(key) ? value : allowReferences(value);
  }
  const { format: _ours, ...standard } = result;
  return widen(OUR_FORMATS.has(String(result.format)) ? standard : result);
}

/** Keywords whose values are data of the user's kind, not schemas. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['default', 'examples', 'const', 'enum', 'required']);

/** Marks of our own fields; a validator would not know them. */
const OUR_FORMATS: ReadonlySet<string> = new Set(['duration-text', 'size-text', 'secret', 'cron', 'glob']);

function widen(schema: Record<string, unknown>): Record<string, unknown> {
  if (typeof schema.pattern === 'string')
    return { ...schema, pattern: `(${schema.pattern})|${REFERENCE_PATTERN}` };
  if (schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean') {
    return { ...schema, type: [schema.type, 'string'], pattern: `^${REFERENCE_PATTERN}$` };
  }
  return schema;
}
