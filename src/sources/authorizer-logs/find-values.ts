import { isObject } from '../../core/json.ts';
import type { LineContent } from './line-reading.ts';
import {
  ALLOW_WORDS,
  type AuthorizerField,
  type AuthorizerFormSettings,
  DEFAULT_PATHS,
  DENY_WORDS,
  ERROR_WORDS,
  type FieldPlace,
} from './settings.ts';

export type LineDecision = 'allow' | 'deny' | 'error';

/** Looks the fields of one authorizer up in the content of a line. Everything it returns is in clear. */
export interface ValueFinder {
  find(field: AuthorizerField, content: LineContent): string | undefined;
  decision(content: LineContent): LineDecision | undefined;
}

export function createValueFinder(settings: AuthorizerFormSettings): ValueFinder {
  const placeOf = (field: AuthorizerField): FieldPlace =>
    settings.fields[field] ?? { path: DEFAULT_PATHS[field] };
  const words = new Map<string, LineDecision>([
    ...lowerCased(ERROR_WORDS, 'error'),
    ...lowerCased(settings.allow ?? ALLOW_WORDS, 'allow'),
    ...lowerCased(settings.deny ?? DENY_WORDS, 'deny'),
  ]);
  const decisionIn = (value: string) => words.get(value.toLowerCase());
  return {
    find: (field, content) => firstValue(placeOf(field), content, (value) => value),
    decision: (content) =>
      firstValue(placeOf('decision'), content, decisionIn) ?? decisionOfPolicy(content, decisionIn),
  };
}

function lowerCased(words: readonly string[], decision: LineDecision): readonly [string, LineDecision][] {
  return words.map((word) => [word.toLowerCase(), decision]);
}

/** The first place whose value `accept` takes. A `path` is also looked for as a word, under its whole name. */
function firstValue<T>(
  place: FieldPlace,
  content: LineContent,
  accept: (value: string) => T | undefined,
): T | undefined {
  const names = 'key' in place ? [place.key] : place.path;
  for (const name of names) {
    for (const object of content.objects) {
      const value = textOf(valueAt(object, name));
      const accepted = value === undefined ? undefined : accept(value);
      if (accepted !== undefined) return accepted;
    }
    const word = content.words.get(name);
    const accepted = word === undefined || word === '-' ? undefined : accept(word);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

/** `a.b.c`, where a number is an index; a key that itself holds dots is found first. */
export function valueAt(object: unknown, path: string): unknown {
  if (isObject(object) && Object.hasOwn(object, path)) return object[path];
  let at: unknown = object;
  for (const step of path.split('.')) {
    if (Array.isArray(at)) at = at[Number(step)];
    else if (isObject(at) && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return at;
}

/** Scalars as text; `-`, the empty text and anything else are absent. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' && value !== '-' ? value : undefined;
}

const POLICIES = ['policyDocument', 'policy', 'authResponse.policyDocument', 'response.policyDocument'];

/** A logged IAM policy decides when all its statements have one effect. */
function decisionOfPolicy(
  content: LineContent,
  decisionIn: (value: string) => LineDecision | undefined,
): LineDecision | undefined {
  for (const object of content.objects) {
    for (const path of POLICIES) {
      const statements = valueAt(object, `${path}.Statement`);
      if (!Array.isArray(statements) || statements.length === 0) continue;
      const effects = new Set(statements.map((one: unknown) => textOf(valueAt(one, 'Effect')) ?? ''));
      const [effect] = effects;
      if (effects.size === 1 && effect !== undefined) return decisionIn(effect);
    }
  }
  return undefined;
}
