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
  const places = new Map<AuthorizerField, readonly Place[]>();
  const placesOf = (field: AuthorizerField): readonly Place[] => {
    const known =
      places.get(field) ?? namesOf(settings.fields[field] ?? { path: DEFAULT_PATHS[field] }).map(placeAt);
    places.set(field, known);
    return known;
  };
  const words = new Map<string, LineDecision>([
    ...lowerCased(ERROR_WORDS, 'error'),
    ...lowerCased(settings.allow ?? ALLOW_WORDS, 'allow'),
    ...lowerCased(settings.deny ?? DENY_WORDS, 'deny'),
  ]);
  const decisionIn = (value: string) => words.get(value.toLowerCase());
  return {
    find: (field, content) => firstValue(placesOf(field), content, asItIs),
    decision: (content) =>
      firstValue(placesOf('decision'), content, decisionIn) ?? decisionOfPolicy(content, decisionIn),
  };
}

function lowerCased(words: readonly string[], decision: LineDecision): readonly [string, LineDecision][] {
  return words.map((word) => [word.toLowerCase(), decision]);
}

/** The first place whose value `accept` takes. A `path` is also looked for as a word, under its whole name. */
function firstValue<T>(
  places: readonly Place[],
  content: LineContent,
  accept: (value: string) => T | undefined,
): T | undefined {
  const hasWords = content.words.size > 0;
  for (const place of places) {
    for (const object of content.objects) {
      const value = textOf(valueAt(object, place));
      const accepted = value === undefined ? undefined : accept(value);
      if (accepted !== undefined) return accepted;
    }
    const word = hasWords ? content.words.get(place.name) : undefined;
    const accepted = word === undefined || word === '-' ? undefined : accept(word);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

/** A path, taken apart once: every line is asked for dozens of them and has few. */
interface Place {
  readonly name: string;
  readonly steps: readonly string[];
  readonly first: string;
}

function placeAt(name: string): Place {
  const steps = name.split('.');
  return { name, steps, first: steps[0] ?? name };
}

function namesOf(place: FieldPlace): readonly string[] {
  return 'key' in place ? [place.key] : place.path;
}

function asItIs(value: string): string {
  return value;
}

/** `a.b.c`, where a number is an index; a key that itself holds dots is found first. */
function valueAt(object: Readonly<Record<string, unknown>>, { name, steps, first }: Place): unknown {
  if (object[first] === undefined && (steps.length === 1 || object[name] === undefined)) return undefined;
  if (Object.hasOwn(object, name)) return object[name];
  let at: unknown = object;
  for (const step of steps) {
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

const POLICIES = ['policyDocument', 'policy', 'authResponse.policyDocument', 'response.policyDocument'].map(
  (path) => placeAt(`${path}.Statement`),
);
const EFFECT = placeAt('Effect');

/** A logged IAM policy decides when all its statements have one effect. */
function decisionOfPolicy(
  content: LineContent,
  decisionIn: (value: string) => LineDecision | undefined,
): LineDecision | undefined {
  for (const object of content.objects) {
    for (const place of POLICIES) {
      const statements = valueAt(object, place);
      if (!Array.isArray(statements) || statements.length === 0) continue;
      const effects = new Set(statements.map((one: unknown) => effectOf(one)));
      const [effect] = effects;
      if (effects.size === 1 && effect !== undefined) return decisionIn(effect);
    }
  }
  return undefined;
}

function effectOf(statement: unknown): string {
  return (isObject(statement) ? textOf(valueAt(statement, EFFECT)) : undefined) ?? '';
}
