import { z } from 'zod';
import { isObject } from '../core/json.ts';
import type { DocumentPath } from './problem.ts';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The JSON Schema of what a user writes: defaults and patterns in the written form, meanings and examples with it. */
export function inputJsonSchema(
  schema: z.ZodType,
  target: 'draft-7' | 'draft-2020-12' = 'draft-2020-12',
): JsonSchema {
  return z.toJSONSchema(schema, { target, io: 'input', unrepresentable: 'any', override: keepExamples });
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

/**
 * The alternative that a value is meant as: the one that says what its `type`, `kind` or `source` says, or else the only
 * one for a map when it is a map.
 */
function chooseAlternative(schema: JsonSchema | undefined, value: unknown): JsonSchema | undefined {
  const alternatives: readonly unknown[] | undefined = schema?.oneOf ?? schema?.anyOf;
  if (alternatives === undefined) return schema;
  const schemas = alternatives.filter(isSchema);
  const named = schemas.find((each) => names(each, value));
  const maps = isObject(value) ? schemas.filter(({ type }) => type === 'object') : [];
  return named ?? (maps.length === 1 ? maps[0] : undefined) ?? schema;
}

function isSchema(value: unknown): value is JsonSchema {
  return isObject(value);
}

/** Whether a property that has one value only has it here. */
function names({ properties = {} }: JsonSchema, value: unknown): boolean {
  return Object.entries(properties).some(([name, property]) => {
    const only = isObject(property) ? property.const : undefined;
    return only !== undefined && only === childOf(value, name);
  });
}
