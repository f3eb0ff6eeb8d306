import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseAst } from 'vitest/node';

/** What the architecture rules need to know of one source file. Lines are counted from 1. */
export interface SourceFacts {
  /** Relative to `src`, with forward slashes: `pipeline/ingest.ts`. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  /** Uses of the process, the clock or chance, by the name it is written under: `process.env`, `Date.now`. */
  readonly ambient: readonly Use[];
  /** Ways around the type checker: `any`, casts, `!`, `@ts-` comments. */
  readonly escapes: readonly Use[];
}

export interface Import {
  readonly specifier: string;
  /** Path relative to `src` for a relative specifier; undefined for a package. */
  readonly target: string | undefined;
  readonly line: number;
}

export interface Use {
  readonly what: string;
  readonly line: number;
}

/** Members through which code reaches what only the command line may touch. */
const AMBIENT_MEMBERS = new Set([
  'process.env',
  'process.argv',
  'process.exit',
  'process.exitCode',
  'process.cwd',
  'process.on',
  'process.stdout',
  'process.stderr',
  'process.hrtime',
  'Date.now',
  'Math.random',
  'performance.now',
  'crypto.randomUUID',
  'crypto.getRandomValues',
]);

/** Named imports that hand out the same by another way. */
const AMBIENT_IMPORTS = new Set([
  'node:crypto randomUUID',
  'node:crypto randomBytes',
  'node:crypto randomInt',
  'node:process default',
  'node:process env',
  'node:process argv',
  'node:process exit',
]);

type Node = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number };

/** Facts of one file, from its syntax tree: comments and strings never count as code. */
export function factsOf(path: string, text: string): SourceFacts {
  const lineOf = lineIndex(text);
  const imports: Import[] = [];
  const ambient: Use[] = [];
  const escapes: Use[] = suppressions(text);
  for (const node of nodesOf(parseAst(text, { lang: 'ts' }, path))) {
    const line = lineOf(node.start);
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push({ specifier, target: targetOf(path, specifier), line });
    for (const what of ambientOf(node)) ambient.push({ what, line });
    const wayOut = escapeOf(node);
    if (wayOut !== undefined) escapes.push({ what: wayOut, line });
  }
  return { path, lines: text.trimEnd().split('\n').length, imports, ambient, escapes };
}

/** Facts of every TypeScript file under a folder. */
export function factsUnder(folder: string): SourceFacts[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => factsOf(path.replaceAll('\\', '/'), readFileSync(join(folder, path), 'utf8')));
}

function* nodesOf(value: unknown): Generator<Node> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesOf(item);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (isNode(value)) yield value;
  yield* nodesOf(Object.values(value));
}

function isNode(value: object): value is Node {
  return 'type' in value && typeof value.type === 'string' && 'start' in value;
}

const IMPORTING = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);

function specifierOf(node: Node): string | undefined {
  if (!IMPORTING.has(node.type)) return undefined;
  const text = literalOf(node.source);
  if (text === undefined && node.type === 'ImportExpression') return '(computed)';
  return text;
}

function literalOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('value' in value)) return undefined;
  return typeof value.value === 'string' ? value.value : undefined;
}

function targetOf(path: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

function ambientOf(node: Node): string[] {
  if (node.type === 'MemberExpression') {
    const name = `${nameOf(node.object)}.${nameOf(node.property)}`;
    return AMBIENT_MEMBERS.has(name) ? [name] : [];
  }
  const isBareDate = node.type === 'NewExpression' && nameOf(node.callee) === 'Date';
  if (isBareDate) return Array.isArray(node.arguments) && node.arguments.length === 0 ? ['new Date()'] : [];
  return node.type === 'ImportDeclaration' ? ambientImports(node) : [];
}

function ambientImports(node: Node): string[] {
  const from = literalOf(node.source);
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers : [];
  return specifiers
    .map((one: unknown) => `${from} ${isObject(one) && 'imported' in one ? nameOf(one.imported) : 'default'}`)
    .filter((name) => AMBIENT_IMPORTS.has(name));
}

function escapeOf(node: Node): string | undefined {
  if (node.type === 'TSAnyKeyword') return 'any';
  if (node.type === 'TSNonNullExpression') return 'non-null !';
  if (node.type === 'TSTypeAssertion') return 'cast';
  if (node.type !== 'TSAsExpression') return undefined;
  return isConst(node.typeAnnotation) || isEmptyList(node.expression) ? undefined : 'cast';
}

/** `[] as number[]` names what a list is for; there is nothing in it to be wrong about. */
function isEmptyList(value: unknown): boolean {
  return (
    isObject(value) && 'elements' in value && Array.isArray(value.elements) && value.elements.length === 0
  );
}

function isConst(type: unknown): boolean {
  return isObject(type) && 'typeName' in type && nameOf(type.typeName) === 'const';
}

/** Comments that switch the checker off; a comment that only speaks of them does not begin with them. */
function suppressions(text: string): Use[] {
  return text.split('\n').flatMap((line, index) => {
    const [, what] = /\/[/*]\s*(@ts-(?:ignore|expect-error|nocheck))/.exec(line) ?? [];
    return what === undefined ? [] : [{ what, line: index + 1 }];
  });
}

function nameOf(value: unknown): string {
  return isObject(value) && 'name' in value && typeof value.name === 'string' ? value.name : '';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function lineIndex(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
