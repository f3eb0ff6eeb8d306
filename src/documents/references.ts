import { isAbsolute, join } from 'node:path';
import { messageOf, UserError } from '../core/errors.ts';
import { isObject } from '../core/json.ts';
import { didYouMean } from './did-you-mean.ts';
import { clip, type DocumentPath, formatPath, type Problem } from './problem.ts';
import { placeKey, type YamlDocument } from './yaml-document.ts';

export interface Unresolved {
  readonly expected: string;
  readonly got: string;
  readonly remedy: string;
}

export type Resolution = { readonly ok: true; readonly text: string } | ({ readonly ok: false } & Unresolved);

/** Turns the target of `${scheme:target}` into text. Called again whenever a secret is refreshed. */
export type Resolver = (target: string) => Resolution;

/** By scheme. A new kind of reference is one entry more. */
export type Resolvers = ReadonlyMap<string, Resolver>;

/** A text that holds references, after they were followed. */
export interface ReferencedText {
  readonly path: DocumentPath;
  /** As written, safe to show. */
  readonly source: string;
  /** Follows the references again. Throws `UserError` when one cannot be followed any more. */
  read(): string;
}

export interface ResolvedReferences {
  /** A copy of the document's value with every reference followed and every `$${` turned into `${`. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** By the JSON text of the path. */
  readonly texts: ReadonlyMap<string, ReferencedText>;
  /** Paths whose reference could not be followed; nothing more can be said about them. */
  readonly unresolved: ReadonlySet<string>;
}

type Piece = { readonly literal: string } | { readonly scheme: string; readonly target: string };

const REFERENCE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;

/** Environment variables as the command hands them in. */
export function createEnvResolver(env: Readonly<Record<string, string | undefined>>): Resolver {
  return (name) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      const remedy = 'write ${env:NAME} with letters, digits and _';
      return { ok: false, expected: 'the name of an environment variable', got: `"${clip(name)}"`, remedy };
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined) return { ok: true, text: value };
    const near = didYouMean(name, Object.keys(env));
    const hint = near === undefined ? '' : `, or did you mean ${near}?`;
    const remedy = `set ${name} before starting gatewatch${hint}`;
    return { ok: false, expected: `environment variable ${name} to be set`, got: 'no such variable', remedy };
  };
}

/** Files beside the document: `folder` is its folder. One trailing line end is dropped, as editors add it. */
export function createFileResolver(folder: string, readFile: (path: string) => string): Resolver {
  return (target) => {
    const path = isAbsolute(target) ? target : join(folder, target);
    try {
      return { ok: true, text: readFile(path).replace(/\r?\n$/, '') };
    } catch (error) {
      const got = clip(messageOf(error), 160);
      return {
        ok: false,
        expected: `a readable file ${clip(path, 160)}`,
        got,
        remedy: 'create it or correct the path',
      };
    }
  };
}

/** `keep` leaves `${…}` without a scheme as it is, for files in which it is an expression of their own. */
export type Expressions = 'refuse' | 'keep';

/** Follows every reference in every text of a document. */
export function resolveReferences(
  document: YamlDocument,
  resolvers: Resolvers,
  expressions: Expressions = 'refuse',
): ResolvedReferences {
  const problems: Problem[] = [];
  const texts = new Map<string, ReferencedText>();
  const unresolved = new Set<string>();
  const resolveText = (source: string, path: DocumentPath): string => {
    if (!source.includes('${')) return source;
    const pieces = splitPieces(source, expressions);
    if (pieces.some((piece) => 'scheme' in piece)) {
      texts.set(placeKey(path), { path, source, read: () => readAgain(pieces, resolvers) });
    }
    const result = joinPieces(pieces, resolvers);
    if (result.ok) return result.text;
    unresolved.add(placeKey(path));
    const { expected, got, remedy } = result;
    const place = { file: document.file, ...document.positionOf(path), path: formatPath(path) };
    problems.push({ severity: 'error', ...place, expected, got, remedy });
    return source;
  };
  return { value: mapTexts(document.value, [], resolveText), problems, texts, unresolved };
}

/** Escapes become literals; an opening that no reference follows keeps its own piece and fails when joined. */
function splitPieces(source: string, expressions: Expressions): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of source.matchAll(REFERENCE)) {
    pieces.push({ literal: source.slice(from, match.index) });
    from = match.index + match[0].length;
    if (match[0] === '$${') pieces.push({ literal: '${' });
    else if (expressions === 'keep' && isExpression(match[1] ?? '')) pieces.push({ literal: match[0] });
    else pieces.push(splitReference(match[1] ?? ''));
  }
  return [...pieces, { literal: source.slice(from) }];
}

/** `env:NAME` is a reference; `each.stage`, `size(x) > 0 ? 1 : 2` are not. */
function isExpression(inside: string): boolean {
  return inside.trim() !== '' && !/^[a-z][a-z0-9]*:/.test(inside);
}

function splitReference(inside: string): Piece {
  const colon = inside.indexOf(':');
  return { scheme: inside.slice(0, Math.max(0, colon)), target: inside.slice(colon + 1) };
}

function joinPieces(pieces: readonly Piece[], resolvers: Resolvers): Resolution {
  let text = '';
  for (const piece of pieces) {
    const result = 'literal' in piece ? { ok: true as const, text: piece.literal } : follow(piece, resolvers);
    if (!result.ok) return result;
    text += result.text;
  }
  return { ok: true, text };
}

function follow(
  piece: { readonly scheme: string; readonly target: string },
  resolvers: Resolvers,
): Resolution {
  const known = [...resolvers.keys()].map((scheme) => `\${${scheme}:…}`).join(' or ');
  if (piece.scheme === '' || piece.target === '') {
    const got = 'an opening ${ that no scheme and name follow';
    return { ok: false, expected: known, got, remedy: 'complete it, or write $${ for a literal ${' };
  }
  const resolver = resolvers.get(piece.scheme);
  if (resolver !== undefined) return resolver(piece.target);
  const near = didYouMean(piece.scheme, [...resolvers.keys()]);
  const remedy = near === undefined ? `this version follows ${known} only` : `did you mean \${${near}:…}?`;
  const got = `\${${clip(piece.scheme)}:…}, which is not supported yet`;
  return { ok: false, expected: known, got, remedy };
}

function readAgain(pieces: readonly Piece[], resolvers: Resolvers): string {
  const result = joinPieces(pieces, resolvers);
  if (result.ok) return result.text;
  throw new UserError(
    'reference_unresolved',
    `Expected ${result.expected}, got ${result.got}; ${result.remedy}`,
  );
}

function mapTexts(
  value: unknown,
  path: DocumentPath,
  change: (text: string, path: DocumentPath) => string,
): unknown {
  if (typeof value === 'string') return change(value, path);
  if (Array.isArray(value)) return value.map((item, i) => mapTexts(item, [...path, i], change));
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) result[key] = mapTexts(item, [...path, key], change);
  return result;
}
