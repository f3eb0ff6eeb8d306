import { isObject } from '../core/json.ts';

/** One envelope as Splunk reads it. `time` is epoch seconds; `raw` is the parsed envelope. */
export interface HecEnvelope {
  readonly event: unknown;
  readonly time?: number;
  readonly host?: string;
  readonly source?: string;
  readonly sourcetype?: string;
  readonly index?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Why an envelope was refused: the code of Splunk's answer. */
export type EnvelopeCode = 6 | 7 | 12 | 13 | 15;

export interface ReadEnvelopes {
  /** The good envelopes before the first bad one (all of them when none is bad). */
  readonly good: readonly HecEnvelope[];
  readonly bad?: { readonly number: number; readonly code: EnvelopeCode };
}

/**
 * Reads a body of concatenated JSON envelopes (or one array of them) up to the first bad one. `isAllowedIndex` says
 * which indexes the token may write to. Codes and their order are Splunk's answer table.
 */
export function readEnvelopes(body: string, isAllowedIndex: (index: string) => boolean): ReadEnvelopes {
  const { values, broken } = splitValues(body);
  const risky = EXPONENT_TIME.test(body) ? exponentTimes(body) : undefined;
  const good: HecEnvelope[] = [];
  for (const [number, value] of values.entries()) {
    const read = risky?.has(number) ? 15 : readEnvelope(value, isAllowedIndex);
    if (typeof read === 'number') return { good, bad: { number, code: read } };
    good.push(read);
  }
  return broken ? { good, bad: { number: values.length, code: 6 } } : { good };
}

interface SplitValues {
  readonly values: readonly unknown[];
  /** Text that is no JSON follows the values. */
  readonly broken: boolean;
}

/**
 * Envelopes one a line are parsed in one go: a JSON string holds no raw line break, so `}\n{` only stands between them.
 * Their number must come out, or commas stood where none belong.
 */
function splitValues(body: string): SplitValues {
  const text = body.trim();
  if (text.startsWith('[')) return arrayValues(text);
  const lines = text.split('}\n{');
  try {
    const values: unknown = JSON.parse(`[${lines.join('},{')}]`);
    if (Array.isArray(values) && values.length === lines.length) return { values, broken: false };
  } catch {
    // Not one a line, or broken: read value by value below, which also finds where it breaks.
  }
  return concatenatedValues(text);
}

function arrayValues(text: string): SplitValues {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) ? { values, broken: false } : { values: [], broken: true };
  } catch {
    return { values: [], broken: true };
  }
}

function concatenatedValues(text: string): SplitValues {
  const values: unknown[] = [];
  for (const piece of concatenatedObjects(text)) {
    if (piece === undefined) return { values, broken: true };
    try {
      values.push(JSON.parse(piece));
    } catch {
      return { values, broken: true };
    }
  }
  return { values, broken: false };
}

/** The texts of the objects that stand one behind the other; `undefined` where something else stands. */
function* concatenatedObjects(text: string): Generator<string | undefined> {
  let at = 0;
  while (at < text.length) {
    while (/\s/.test(text[at] ?? '')) at += 1;
    if (at >= text.length) return;
    const end = text[at] === '{' ? endOfObject(text, at) : undefined;
    if (end === undefined) {
      yield undefined;
      return;
    }
    yield text.slice(at, end);
    at = end;
  }
}

function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) depth += 1;
    else if (char === 0x7d || char === 0x5d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function readEnvelope(
  value: unknown,
  isAllowedIndex: (index: string) => boolean,
): HecEnvelope | EnvelopeCode {
  if (!isObject(value)) return 6;
  const { event, time, fields, index } = value;
  if (event === undefined || event === null) return 12;
  if (event === '') return 13;
  if (index !== undefined && (typeof index !== 'string' || !isAllowedIndex(index))) return 7;
  const seconds = time === undefined || time === null ? undefined : secondsOf(time);
  if (Number.isNaN(seconds)) return 15;
  const fieldsCode = fields === undefined ? undefined : codeOfFields(fields);
  if (fieldsCode !== undefined) return fieldsCode;
  return {
    event,
    ...(seconds === undefined ? {} : { time: seconds }),
    ...textMembers(value),
    ...(isObject(fields) ? { fields } : {}),
  };
}

function textMembers(
  value: Readonly<Record<string, unknown>>,
): Partial<Record<'host' | 'source' | 'sourcetype' | 'index', string>> {
  const members: Partial<Record<'host' | 'source' | 'sourcetype' | 'index', string>> = {};
  for (const name of ['host', 'source', 'sourcetype', 'index'] as const) {
    const member = value[name];
    if (typeof member === 'string') members[name] = member;
  }
  return members;
}

/** Epoch seconds as number or plain decimal text; NaN for what Splunk refuses. */
function secondsOf(time: unknown): number {
  if (typeof time === 'number') return time;
  return typeof time === 'string' && /^\d+(\.\d+)?$/.test(time) ? Number(time) : Number.NaN;
}

function codeOfFields(fields: unknown): 6 | 15 | undefined {
  if (!isObject(fields)) return 6;
  const isFlat = Object.values(fields).every((value) =>
    Array.isArray(value) ? value.every((item) => !isContainer(item)) : !isContainer(value),
  );
  return isFlat ? undefined : 15;
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** A cheap first look: only a body with this text is searched for a `time` in exponent form. */
const EXPONENT_TIME = /"time"\s*:\s*"?-?[\d.]+[eE]/;

/** Numbers of the envelopes whose own `time` is written with an exponent (1.79E9), which Splunk refuses. */
function exponentTimes(body: string): ReadonlySet<number> {
  const numbers = new Set<number>();
  let number = 0;
  for (const piece of concatenatedObjects(body.trim())) {
    if (piece === undefined) break;
    if (hasExponentTime(piece)) numbers.add(number);
    number += 1;
  }
  return numbers;
}

function hasExponentTime(piece: string): boolean {
  if (!EXPONENT_TIME.test(piece)) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < piece.length; at += 1) {
    const char = piece[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') {
      if (depth === 1 && /^"time"\s*:\s*-?[\d.]+[eE]/.test(piece.slice(at, at + 64))) return true;
      inString = true;
    } else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
  }
  return false;
}
