import { type Document, LineCounter, parseDocument } from 'yaml';
import { type DocumentPath, formatPath, type Position, type Problem, sortProblems } from './problem.ts';
import { type YamlFault, yamlFault } from './yaml-faults.ts';
import { convertNodes, type NodePlaces } from './yaml-nodes.ts';

/** Larger files are no configuration; parsing them would only cost memory. */
const MAX_BYTES = 1_048_576;

/** Syntax faults told of one file; a file with more is not YAML at all. */
const MAX_FAULTS = 50;

/** A parsed file: plain values, and where each of them stands. */
export interface YamlDocument {
  readonly file: string;
  /** As it was read: comments are nowhere else. */
  readonly text: string;
  /** Maps without prototype, lists, texts, numbers, booleans and null. References are still text. */
  readonly value: unknown;
  /** Where the value at `path` stands; for a path the file does not have, its nearest ancestor's key. */
  positionOf(path: DocumentPath): Position;
  /** Where the key of `path` stands. */
  keyPositionOf(path: DocumentPath): Position;
  /** True when the value was written without quotes. */
  isPlain(path: DocumentPath): boolean;
}

export type ParseResult =
  | { readonly ok: true; readonly document: YamlDocument }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads one YAML 1.2 file. Never throws for what the text holds: whatever is wrong comes back as problems. Refuses
 * what makes YAML dangerous: alias bombs, nesting without end, `__proto__`, duplicate keys, tags.
 */
export function parseYaml(input: { readonly file: string; readonly text: string }): ParseResult {
  const bytes = Buffer.byteLength(input.text);
  if (bytes > MAX_BYTES) return refuseWhole(input.file, tooLarge(bytes));
  const lines = new LineCounter();
  const parsed = parseSafely(input.text, lines);
  if (parsed === undefined) return refuseWhole(input.file, TOO_DEEP);
  const faults = [...parsed.errors, ...parsed.warnings].map((error) =>
    problemAt(input.file, lines, error.pos[0], [], yamlFault(error.code, error.message)),
  );
  if (faults.length > 0) return { ok: false, problems: sortProblems(firstOfEachLine(faults)) };
  const { value, places, refusals } = convertNodes(parsed.contents);
  if (refusals.length === 0) return { ok: true, document: createDocument(input, value, lines, places) };
  const problems = refusals.map((each) => problemAt(input.file, lines, each.offset, each.path, each.fault));
  return { ok: false, problems: sortProblems(problems) };
}

/** Without pretty errors, because they quote the text; repeated keys are refused by the conversion, which knows their path. */
const PARSE_OPTIONS = { prettyErrors: false, uniqueKeys: false, version: '1.2', logLevel: 'error' } as const;

/** `undefined` when the text is nested so deeply that the parser itself runs out of stack. */
function parseSafely(text: string, lineCounter: LineCounter): Document | undefined {
  try {
    return parseDocument(text, { lineCounter, ...PARSE_OPTIONS });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** One fault makes the parser stumble several times over one line; what follows the first would only mislead. */
function firstOfEachLine(problems: readonly Problem[]): readonly Problem[] {
  const lines = new Set<number>();
  return problems.filter((each) => !lines.has(each.line) && lines.add(each.line)).slice(0, MAX_FAULTS);
}

function createDocument(
  input: { readonly file: string; readonly text: string },
  value: unknown,
  lines: LineCounter,
  places: NodePlaces,
): YamlDocument {
  const valueAt = (path: DocumentPath) => places.get(placeKey(path))?.valueOffset;
  const keyAt = (path: DocumentPath) => places.get(placeKey(path))?.keyOffset;
  return {
    ...input,
    value,
    positionOf: (path) => positionAt(lines, valueAt(path) ?? nearest(path, keyAt)),
    keyPositionOf: (path) => positionAt(lines, nearest(path, keyAt)),
    isPlain: (path) => places.get(placeKey(path))?.plain ?? false,
  };
}

export function placeKey(path: DocumentPath): string {
  return JSON.stringify(path);
}

function nearest(path: DocumentPath, offsetOf: (path: DocumentPath) => number | undefined): number {
  for (let length = path.length; length >= 0; length--) {
    const offset = offsetOf(path.slice(0, length));
    if (offset !== undefined) return offset;
  }
  return 0;
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function problemAt(
  file: string,
  lines: LineCounter,
  offset: number,
  path: DocumentPath,
  fault: YamlFault,
): Problem {
  return { severity: 'error', file, ...positionAt(lines, offset), path: formatPath(path), ...fault };
}

const TOO_DEEP: YamlFault = {
  expected: 'a file that is nested a few levels deep',
  got: 'deeper nesting than can be read',
  remedy: 'check for a run of opening brackets',
};

function tooLarge(bytes: number): YamlFault {
  return {
    expected: `a file of at most ${MAX_BYTES} bytes`,
    got: `${bytes} bytes`,
    remedy: 'check that this is the configuration file',
  };
}

function refuseWhole(file: string, fault: YamlFault): ParseResult {
  return { ok: false, problems: [{ severity: 'error', file, line: 1, column: 1, path: '', ...fault }] };
}
