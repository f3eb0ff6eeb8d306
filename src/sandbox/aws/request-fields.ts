import { isObject } from '../../core/json.ts';
import type { AwsError } from './aws-errors.ts';

/** Makes the service's own error for a request that does not fit its model. */
export type Refuse = (why: string) => AwsError;

export type Fields = Readonly<Record<string, unknown>>;

/** Reads a JSON request body; an empty one is `{}`. */
export function parseFields(body: Buffer, refuse: Refuse): Fields {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw refuse('The request body is not JSON.');
  }
  if (!isObject(value)) throw refuse('The request body is not a JSON object.');
  return value;
}

export function optionalText(fields: Fields, name: string, refuse: Refuse): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw refuse(`Expected \`${name}\` to be a string, got ${typeof value}.`);
  return value;
}

export function optionalNumber(fields: Fields, name: string, refuse: Refuse): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw refuse(`Expected \`${name}\` to be a number, got ${typeof value}.`);
  }
  return value;
}

export function optionalFlag(fields: Fields, name: string, refuse: Refuse): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'boolean')
    throw refuse(`Expected \`${name}\` to be true or false, got ${typeof value}.`);
  return value;
}

export function optionalTexts(fields: Fields, name: string, refuse: Refuse): readonly string[] | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw refuse(`Expected \`${name}\` to be a list, got ${typeof value}.`);
  return value.map((item: unknown) => {
    if (typeof item !== 'string') throw refuse(`Expected \`${name}\` to hold strings, got ${typeof item}.`);
    return item;
  });
}

export function optionalObjects(fields: Fields, name: string, refuse: Refuse): readonly Fields[] | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw refuse(`Expected \`${name}\` to be a list, got ${typeof value}.`);
  return value.map((item: unknown) => {
    if (!isObject(item)) throw refuse(`Expected \`${name}\` to hold objects, got ${typeof item}.`);
    return item;
  });
}

/** A whole number between two bounds, `fallback` when absent. */
export function boundedNumber(
  fields: Fields,
  name: string,
  bounds: { min: number; max: number; fallback: number },
  refuse: Refuse,
): number {
  const value = optionalNumber(fields, name, refuse);
  if (value === undefined) return bounds.fallback;
  if (!Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    throw refuse(
      `1 validation error detected: Value '${value}' at '${name}' failed to satisfy constraint: Member must have value between ${bounds.min} and ${bounds.max}`,
    );
  }
  return value;
}
