export type JsonScalar = string | number | boolean | null;

/** True for a plain object (not null, not an array): what a parsed JSON object is. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
