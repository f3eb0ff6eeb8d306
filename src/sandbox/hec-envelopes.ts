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

export interface BadEnvelope {
  /** Its place in the body, from 0. */
  readonly number: number;
  readonly code: EnvelopeCode;
}

/**
 * Reads a body of concatenated JSON envelopes (or one array of them) up to the first bad one, which it returns.
 * `isAllowedIndex` says which indexes the token may write to. Codes and their order are Splunk's answer table.
 */
export function* readEnvelopes(
  body: Buffer,
  isAllowedIndex: (index: string) => boolean,
): Generator<HecEnvelope, BadEnvelope | undefined> {
  let number = 0;
  for (const found of valuesOf(body)) {
    const read = found === undefined ? 6 : readValue(found, isAllowedIndex);
    if (typeof read === 'number') return { number, code: read };
    yield read;
    number += 1;
  }
  return undefined;
}

interface FoundValue {
  readonly value: unknown;
  /** As it was written; absent inside an array. */
  readonly text?: string;
}

/**
 * Envelopes one a line are parsed a line at a time: a JSON string holds no raw line break. From the first line that is
 * no JSON by itself, the rest is read object by object. `undefined` where no JSON stands; nothing follows it.
 */
function* valuesOf(body: Buffer): Generator<FoundValue | undefined> {
  let isFirst = true;
  for (let at = 0, end = 0; at < body.length; at = end + 1) {
    const lineBreak = body.indexOf(LINE_BREAK, at);
    end = lineBreak === -1 ? body.length : lineBreak;
    const text = body.toString('utf8', at, end).trim();
    if (text === '') continue;
    if (isFirst && text.startsWith('[')) return yield* arrayValues(body.toString('utf8', at));
    isFirst = false;
    const value = parsed(text);
    if (value === undefined) return yield* concatenatedValues(body.toString('utf8', at));
    yield { value, text };
  }
}

const LINE_BREAK = 0x0a;

/** Undefined for what is no JSON: JSON itself knows no such value. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function* arrayValues(text: string): Generator<FoundValue | undefined> {
  const values = parsed(text);
  if (!Array.isArray(values)) yield undefined;
  else for (const value of values) yield { value };
}

function* concatenatedValues(text: string): Generator<FoundValue | undefined> {
  for (const piece of concatenatedObjects(text)) {
    const value = piece === undefined ? undefined : parsed(piece);
    if (piece === undefined || value === undefined) {
      yield undefined;
      return;
    }
    yield { value, text: piece };
  }
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

function readValue(
  { value, text }: FoundValue,
  isAllowedIndex: (index: string) => boolean,
): HecEnvelope | EnvelopeCode {
  if (text !== undefined && hasExponentTime(text)) return 15;
  return readEnvelope(value, isAllowedIndex);
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

/** A cheap first look: only an envelope with this text is searched for a `time` in exponent form. */
const EXPONENT_TIME = /"time"\s*:\s*"?-?[\d.]+[eE]/;

/** Is the envelope's own `time` written with an exponent (1.79E9)? Splunk refuses that. */
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
