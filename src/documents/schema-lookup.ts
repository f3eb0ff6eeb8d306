import { z } from 'zod';
import type { DocumentPath } from './problem.ts';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The JSON Schema of what a user writes: defaults and patterns in the written form, meanings and examples with it. */
export function inputJsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: keepExamples });
}

/** The library drops the examples of fields that transform, taking them for the result's; ours are as written. */
function keepExamples(context: {
  readonly zodSchema: z.core.$ZodType;
  readonly jsonSchema: JsonSchema;
}): void {
  const examples: unknown = z.globalRegistry.get(context.zodSchema)?.examples;
  if (Array.isArray(examples)) context.jsonSchema.examples = examples;
}

/**
 * The part of a JSON Schema that describes `path`, choosing between alternatives by the `type` that the value there
 * names. `undefined` where the schema knows no such path.
 */
export function schemaAt(root: JsonSchema, path: DocumentPath, value: unknown): JsonSchema | undefined {
  let schema: JsonSchema | undefined = chooseAlternative(root, value);
  let here = value;
  for (const step of path) {
    if (schema === undefined) return undefined;
    here = childOf(here, step);
    schema = chooseAlternative(childSchema(schema, step), here);
  }
  return schema;
}

/** Names of the options that a map may hold; empty for a map with free names. */
export function optionNames(schema: JsonSchema | undefined): readonly string[] {
  return Object.keys(schema?.properties ?? {});
}

export function childOf(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return Reflect.get(value, step);
}

function childSchema(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  if (typeof step === 'number') return singleSchema(schema.items);
  const properties = schema.properties ?? {};
  return singleSchema(Object.hasOwn(properties, step) ? properties[step] : schema.additionalProperties);
}

function singleSchema(
  value: JsonSchema['items'] | JsonSchema['additionalProperties'],
): JsonSchema | undefined {
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined;
}

function chooseAlternative(schema: JsonSchema | undefined, value: unknown): JsonSchema | undefined {
  const alternatives = schema?.oneOf;
  if (alternatives === undefined) return schema;
  const type = childOf(value, 'type');
  const chosen = alternatives.find((each) => {
    const literal = singleSchema(each)?.properties?.type;
    return typeof literal === 'object' && literal.const === type;
  });
  return chosen === undefined ? schema : singleSchema(chosen);
}
