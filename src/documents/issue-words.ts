import type { z } from 'zod';
import { DURATION_REMEDY, SIZE_REMEDY } from '../core/config-fields.ts';
import { isObject } from '../core/json.ts';
import { didYouMean } from './did-you-mean.ts';
import { clip, type DocumentPath, formatPath, type Position, type Problem } from './problem.ts';
import type { ReferencedText } from './references.ts';
import { childOf, type JsonSchema, optionNames, schemaAt } from './schema-lookup.ts';
import { placeKey, type YamlDocument } from './yaml-document.ts';

export interface IssueContext {
  readonly document: YamlDocument;
  /** The value as it was held against the schema. */
  readonly input: unknown;
  readonly root: JsonSchema;
  readonly texts: ReadonlyMap<string, ReferencedText>;
}

interface Words {
  readonly expected: string;
  readonly got: string;
  readonly remedy: string;
}

type Issue = z.core.$ZodIssue;

const MANY_OPTIONS = 20;

/** Turns one refusal of a schema into problems at their places, in words for whoever wrote the file. */
export function describeIssue(issue: Issue, context: IssueContext): readonly Problem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      problem(context, [...path, key], 'key', unknownKeyWords(key, path, context)),
    );
  }
  if (issue.code === 'invalid_key') return [problem(context, path, 'key', badNameWords(path))];
  return [problem(context, path, 'value', valueWords(issue, path, context))];
}

function problem(context: IssueContext, path: DocumentPath, at: 'key' | 'value', words: Words): Problem {
  const { document } = context;
  const position: Position = at === 'key' ? document.keyPositionOf(path) : document.positionOf(path);
  return { severity: 'error', file: document.file, ...position, path: formatPath(path), ...words };
}

function unknownKeyWords(key: string, path: DocumentPath, context: IssueContext): Words {
  const names = optionNames(schemaAt(context.root, path, context.input));
  const near = didYouMean(key, names);
  return {
    expected: optionWords(names, near),
    got: `unknown option ${clip(key)}`,
    remedy: near === undefined ? 'remove it' : `did you mean ${near}?`,
  };
}

/** Where the word that was meant is known, a list too long to read would only hide it. */
function optionWords(names: readonly string[], near: string | undefined): string {
  if (names.length === 0) return 'no such option';
  return near !== undefined && names.length > MANY_OPTIONS
    ? `one of the ${names.length} options there are here`
    : `one of ${names.join(', ')}`;
}

function badNameWords(path: DocumentPath): Words {
  return {
    expected: 'a name of letters, digits, -, _ and ., at most 63 long, starting with a letter or digit',
    got: `"${clip(String(path.at(-1)))}"`,
    remedy: 'rename it',
  };
}

function valueWords(issue: Issue, path: DocumentPath, context: IssueContext): Words {
  const schema = schemaAt(context.root, path, context.input);
  const value = path.reduce(childOf, context.input);
  const expected = expectedWords(issue, schema);
  const isMissing = value === undefined || value === null;
  const got = isMissing ? 'nothing' : gotWords(issue, path, value, schema, context);
  const remedy = remedyWords(issue, { path, schema, value });
  return { expected, got, remedy };
}

function expectedWords(issue: Issue, schema: JsonSchema | undefined): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords(issue.expected, schema);
    case 'invalid_value':
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return unionWords(issue, schema);
    case 'too_small':
      return boundWords('at least', issue.minimum, issue.origin);
    case 'too_big':
      return boundWords('at most', issue.maximum, issue.origin);
    case 'custom':
      return paramText(issue, 'expected') ?? meaningOf(schema);
    default:
      return meaningOf(schema);
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a map (key: value lines)',
  record: 'a map (name: value lines)',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

const FORMAT_WORDS: Readonly<Record<string, string>> = {
  'duration-text': 'a duration such as 90s or 5m',
  'size-text': 'a size such as 2MiB',
  cron: 'a cron expression',
  uri: 'a URL',
};

/** Descriptions name the kind for the reference, where no example stands before them. */
const KIND_ALREADY_SAID = /, a (?:duration|size)\b/;

/** What a bare number lacks. */
const UNIT_WORDS: Readonly<Record<string, string>> = {
  'duration-text': DURATION_REMEDY,
  'size-text': SIZE_REMEDY,
};

function typeWords(type: string, schema: JsonSchema | undefined): string {
  const words = FORMAT_WORDS[schema?.format ?? ''] ?? TYPE_WORDS[type] ?? `a value of type ${type}`;
  if (schema?.description === undefined) return words;
  const meaning = sentence(schema.description);
  const isSaid = schema.format !== undefined && FORMAT_WORDS[schema.format] !== undefined;
  return `${words}: ${isSaid ? meaning.replace(KIND_ALREADY_SAID, '') : meaning}`;
}

function unionWords(issue: z.core.$ZodIssueInvalidUnion, schema: JsonSchema | undefined): string {
  const options = discriminatorOptions(issue);
  return options.length === 0 ? meaningOf(schema) : `one of ${options.join(', ')}`;
}

function discriminatorOptions(issue: Issue): readonly string[] {
  if (issue.code !== 'invalid_union' || !('options' in issue) || !Array.isArray(issue.options)) return [];
  return issue.options.map(String);
}

function boundWords(side: string, bound: number | bigint, origin: string): string {
  if (origin === 'array') return `${side} ${bound} ${bound === 1 ? 'entry' : 'entries'}`;
  if (origin === 'string') return `${side} ${bound} ${bound === 1 ? 'character' : 'characters'}`;
  return `${side} ${bound}`;
}

function meaningOf(schema: JsonSchema | undefined): string {
  return schema?.description === undefined
    ? 'another value'
    : `a value that fits: ${sentence(schema.description)}`;
}

/** The first sentence of a description without its full stop, to stand inside another. */
function sentence(text: string): string {
  return text.replace(/\.(\s.*)?$/s, '');
}

function gotWords(
  issue: Issue,
  path: DocumentPath,
  value: unknown,
  schema: JsonSchema | undefined,
  context: IssueContext,
): string {
  const reference = context.texts.get(placeKey(path));
  if (reference !== undefined) return `another text behind ${clip(reference.source)}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (isObject(value)) return 'a map';
  const kind = typeof value === 'string' ? 'text' : typeof value;
  return isConfidential(issue, path, schema) ? `a ${kind} (***)` : `${shown(value)} (a ${kind})`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${clip(value)}"` : clip(String(value));
}

/** A text where a whole section belongs may well be a token: it is shown only where a plain value belongs. */
function isConfidential(issue: Issue, path: DocumentPath, schema: JsonSchema | undefined): boolean {
  const wantsSection = issue.code === 'invalid_type' && /^(object|record|array)$/.test(issue.expected);
  const isSecret = schema?.format === 'secret' || (issue.code === 'custom' && issue.params?.secret === true);
  return (
    wantsSection || isSecret || path.some((step) => /token|secret|password|credential/i.test(String(step)))
  );
}

function remedyWords(
  issue: Issue,
  at: { readonly path: DocumentPath; readonly schema: JsonSchema | undefined; readonly value: unknown },
): string {
  const own = issue.code === 'custom' ? paramText(issue, 'remedy') : undefined;
  const near = typeof at.value === 'string' ? didYouMean(at.value, choices(issue)) : undefined;
  const name = at.path.at(-1);
  const example = exampleOf(at.schema);
  if (near !== undefined) return `did you mean ${near}?`;
  if (at.value === undefined && typeof name === 'string')
    return `add ${name}${example === '' ? '' : `: ${example}`}`;
  if (at.value === null)
    return `give it a value${example === '' ? '' : ` such as ${example}`} or remove the key`;
  if (own !== undefined) return own;
  const unit = UNIT_WORDS[at.schema?.format ?? ''];
  if (typeof at.value === 'number' && unit !== undefined) return unit;
  if (wantsQuotes(issue, at.value)) return 'put it in quotes';
  if (example !== '') return `for example ${example}`;
  const wantsList = issue.code === 'invalid_type' && issue.expected === 'array';
  return wantsList ? 'write a list: [one, two]' : 'correct or remove it';
}

function choices(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return discriminatorOptions(issue);
}

function wantsQuotes(issue: Issue, value: unknown): boolean {
  return issue.code === 'invalid_type' && issue.expected === 'string' && typeof value !== 'object';
}

/** The first example of an option as YAML on one line (JSON is YAML); empty without one. */
function exampleOf(schema: JsonSchema | undefined): string {
  const examples: unknown = schema?.examples;
  const example: unknown = Array.isArray(examples) ? examples[0] : schema?.const;
  if (example === undefined) return '';
  return typeof example === 'string' && /^[\w./*${:}-]+$/.test(example) ? example : JSON.stringify(example);
}

function paramText(issue: z.core.$ZodIssueCustom, name: string): string | undefined {
  const value: unknown = issue.params?.[name];
  return typeof value === 'string' ? value : undefined;
}
