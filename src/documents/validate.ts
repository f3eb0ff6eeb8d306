import type { z } from 'zod';
import { bindSecret } from '../core/config-fields.ts';
import { isObject } from '../core/json.ts';
import { Secret } from '../core/secret.ts';
import { describeIssue } from './issue-words.ts';
import { type DocumentPath, formatPath, type Problem, sortProblems } from './problem.ts';
import {
  type Expressions,
  type ReferencedText,
  type ResolvedReferences,
  type Resolvers,
  resolveReferences,
} from './references.ts';
import { childOf, inputJsonSchema } from './schema-lookup.ts';
import { placeKey, type YamlDocument } from './yaml-document.ts';

export type ValidationResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly resolved: ResolvedReferences };

/**
 * Follows the references of a document and holds the result against a schema. Every problem of the file comes back at
 * once, each at its place. Secrets in the value read their reference again when they are refreshed.
 *
 * The schema must keep the shape of its input (field transforms only), because places and references are found by path.
 */
export function validateDocument<T extends z.ZodType>(
  document: YamlDocument,
  schema: T,
  resolvers: Resolvers,
  expressions: Expressions = 'refuse',
): ValidationResult<z.output<T>> {
  const resolved = resolveReferences(document, resolvers, expressions);
  const { input, result } = parseCoercing(schema, resolved, document);
  if (result.success && resolved.problems.length === 0) {
    bindSecrets(result.data, [], resolved.texts);
    return { ok: true, value: result.data };
  }
  const context = { document, input, root: inputJsonSchema(schema), texts: resolved.texts };
  const issues = (result.success ? [] : result.error.issues).filter(
    (issue) => !isAboutUnresolved(issue, resolved),
  );
  const found = issues.flatMap((issue) => describeIssue(issue, context));
  return {
    ok: false,
    problems: sortProblems([...resolved.problems, ...found]),
    resolved: { ...resolved, value: input },
  };
}

/**
 * A number or boolean may stand behind a reference (`port: ${env:PORT}`), where it arrives as text. Texts that a
 * reference made, and that the schema wants as number or boolean, are read as such, and the whole is parsed again.
 */
function parseCoercing<T extends z.ZodType>(schema: T, resolved: ResolvedReferences, document: YamlDocument) {
  const first = schema.safeParse(resolved.value);
  if (first.success) return { input: resolved.value, result: first };
  const replacements = new Map<string, number | boolean>();
  for (const issue of first.error.issues) {
    const path = pathOf(issue);
    const key = placeKey(path);
    if (issue.code !== 'invalid_type' || !resolved.texts.has(key) || !document.isPlain(path)) continue;
    const scalar = readScalar(valueAt(resolved.value, path), issue.expected);
    if (scalar !== undefined) replacements.set(key, scalar);
  }
  if (replacements.size === 0) return { input: resolved.value, result: first };
  const input = replaceAt(resolved.value, [], replacements);
  return { input, result: schema.safeParse(input) };
}

function readScalar(value: unknown, expected: string): number | boolean | undefined {
  if (typeof value !== 'string') return undefined;
  if (expected === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined;
  const isNumber = (expected === 'number' || expected === 'int') && /^-?\d{1,15}(\.\d{1,15})?$/.test(value);
  return isNumber ? Number(value) : undefined;
}

function replaceAt(
  value: unknown,
  path: DocumentPath,
  replacements: ReadonlyMap<string, number | boolean>,
): unknown {
  if (Array.isArray(value)) return value.map((item, i) => replaceAt(item, [...path, i], replacements));
  if (!isObject(value)) return replacements.get(placeKey(path)) ?? value;
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value))
    result[key] = replaceAt(item, [...path, key], replacements);
  return result;
}

function bindSecrets(value: unknown, path: DocumentPath, texts: ReadonlyMap<string, ReferencedText>): void {
  if (value instanceof Secret) {
    const text = texts.get(placeKey(path));
    if (text !== undefined) bindSecret(value, text.read);
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) bindSecrets(item, [...path, i], texts);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) bindSecrets(item, [...path, key], texts);
  }
}

/** What could not be resolved is told once, as that; its place-holder then fits nothing. */
function isAboutUnresolved(issue: z.core.$ZodIssue, resolved: ResolvedReferences): boolean {
  return resolved.unresolved.has(placeKey(pathOf(issue)));
}

function valueAt(root: unknown, path: DocumentPath): unknown {
  return path.reduce(childOf, root);
}

export function pathOf(issue: z.core.$ZodIssue): DocumentPath {
  return issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
}

/** A problem at a place of a document, for checks that a schema cannot express. */
export function problemIn(
  document: YamlDocument,
  path: DocumentPath,
  words: {
    readonly severity?: Problem['severity'];
    readonly expected: string;
    readonly got: string;
    readonly remedy: string;
  },
): Problem {
  return {
    severity: 'error',
    file: document.file,
    ...document.positionOf(path),
    path: formatPath(path),
    ...words,
  };
}
