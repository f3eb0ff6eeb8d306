import { isObject } from '../../core/json.ts';
import type { JsonNode, JsonTemplate } from './json-template.ts';
import { presentValue } from './parsed-line.ts';
import { scanLine } from './scan-template.ts';

/**
 * `values`: the line is the format with values in it and nothing else. `unsure`: it is valid JSON, but a client may have
 * written members of its own (a value with an unescaped quote), or a number would lose digits: the literals of the
 * format must decide. `mismatch`: other members than the format has.
 */
export type JsonReading =
  | { readonly kind: 'values'; readonly values: readonly (string | undefined)[] }
  | { readonly kind: 'unsure' }
  | { readonly kind: 'mismatch'; readonly problem: string };

/** Values nested deeper than this are no context value of an authorizer. */
const MAX_DEPTH = 32;

const UNSURE: JsonReading = { kind: 'unsure' };

/**
 * Takes the values out of a parsed line. What makes it safe: `JSON.parse` lets the last of two equal keys win, so a
 * forged one could replace a true one. In a line without escapes, text and values must add up to the length of the line,
 * and a forged member adds text that belongs to neither. Other lines are checked member by member.
 */
export function readJsonLine(template: JsonTemplate, line: string, parsed: unknown): JsonReading {
  const reader = new JsonReader();
  if (!reader.read(template.root, parsed)) return { kind: 'mismatch', problem: reader.problem };
  if (!reader.isPlain || reader.needsText) return decideSlowly(template, line, parsed, reader);
  if (reader.valueLength + template.structureLength === line.length && !line.includes('\\')) {
    return { kind: 'values', values: reader.values };
  }
  return decideSlowly(template, line, parsed, reader);
}

function decideSlowly(
  template: JsonTemplate,
  line: string,
  parsed: unknown,
  reader: JsonReader,
): JsonReading {
  const extra = extraMember(template.root, parsed);
  if (extra !== undefined) return { kind: 'mismatch', problem: extra };
  const expected = template.memberCount + reader.innerMembers;
  if (reader.needsText || countMembersIn(line) !== expected) return UNSURE;
  return { kind: 'values', values: reader.values };
}

class JsonReader {
  /** By slot; `-` and the empty value are absent already. */
  readonly values: (string | undefined)[] = [];
  problem = '';
  /** Length of all values as they stand in the line, as far as that is known (`isPlain`). */
  valueLength = 0;
  isPlain = true;
  /** A number that `JSON.parse` may have rounded stands where text is wanted. */
  needsText = false;
  /** Members of objects that are themselves values. */
  innerMembers = 0;

  read(node: JsonNode, value: unknown): boolean {
    switch (node.kind) {
      case 'slot':
        return this.#readSlot(node, value);
      case 'object':
        return this.#readObject(node, value);
      case 'constant':
        return value === node.value || this.#refuse('a constant of the format');
      case 'mixed':
        return this.#readMixed(node, value);
      case 'array':
        return this.#readArray(node, value);
    }
  }

  #readObject(node: Extract<JsonNode, { kind: 'object' }>, value: unknown): boolean {
    if (!isObject(value)) return this.#refuse('an object');
    for (const member of node.members) {
      const inner = value[member.key];
      // Inherited names (`__proto__`) are no members.
      if (inner === undefined || (typeof inner === 'object' && !Object.hasOwn(value, member.key))) {
        return this.#refuse(`a member "${member.key}"`);
      }
      if (!this.read(member.node, inner)) return false;
    }
    return true;
  }

  #readSlot(node: Extract<JsonNode, { kind: 'slot' }>, value: unknown): boolean {
    if (typeof value === 'string') {
      this.values[node.slot] = presentValue(value);
      this.valueLength += node.quoted ? value.length : value.length + 2;
      return true;
    }
    if (node.quoted) return this.#refuse('a string');
    return this.#readBare(node.slot, value);
  }

  /** HTTP APIs render context values natively: numbers, booleans, lists and maps. */
  #readBare(slot: number, value: unknown): boolean {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value)) this.needsText = true;
      const text = String(value);
      this.values[slot] = presentValue(text);
      this.valueLength += text.length;
      return true;
    }
    this.isPlain = false;
    const members = membersOf(value);
    if (members === undefined) return this.#refuse(`a value nested at most ${MAX_DEPTH} levels deep`);
    this.innerMembers += members;
    if (holdsRounded(value)) this.needsText = true;
    this.values[slot] = value === null ? undefined : JSON.stringify(value);
    return true;
  }

  #readMixed(node: Extract<JsonNode, { kind: 'mixed' }>, value: unknown): boolean {
    if (typeof value !== 'string') return this.#refuse('a string');
    const scanned = scanLine(node.plan, value);
    if (scanned.kind !== 'values') return this.#refuse('the text around variables as the format has it');
    for (const [i, slot] of node.slots.entries()) {
      const text = scanned.values[i] ?? '';
      this.values[slot] = presentValue(text);
      this.valueLength += text.length;
    }
    this.valueLength += node.plan.literals.reduce((sum, literal) => sum + literal.length, 0);
    return true;
  }

  #readArray(node: Extract<JsonNode, { kind: 'array' }>, value: unknown): boolean {
    if (!Array.isArray(value) || value.length !== node.items.length) {
      return this.#refuse(`a list of ${node.items.length}`);
    }
    return node.items.every((item, i) => this.read(item, value[i]));
  }

  #refuse(expected: string): false {
    this.problem = `expected ${expected}`;
    return false;
  }
}

/** Names the first member that the format does not have, by its place, never by its text. */
function extraMember(node: JsonNode, value: unknown): string | undefined {
  if (node.kind === 'object' && isObject(value)) {
    const count = Object.keys(value).length;
    if (count !== node.members.length) {
      return `expected ${node.members.length} members in an object, got ${count}`;
    }
    for (const member of node.members) {
      const inner = extraMember(member.node, value[member.key]);
      if (inner !== undefined) return inner;
    }
  }
  if (node.kind === 'array' && Array.isArray(value)) {
    for (const [i, item] of node.items.entries()) {
      const inner = extraMember(item, value[i]);
      if (inner !== undefined) return inner;
    }
  }
  return undefined;
}

/** Members of valid JSON text, repeated keys included: the colons outside strings. */
function countMembersIn(text: string): number {
  let count = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (inString && code === 92) i += 1;
    else if (code === 34) inString = !inString;
    else if (code === 58 && !inString) count += 1;
  }
  return count;
}

/** True when `JSON.parse` has rounded a number somewhere inside. `value` is known not to be nested too deep. */
function holdsRounded(value: unknown): boolean {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsRounded);
}

/** Members of a value and all inside it; `undefined` when it is nested too deep. */
function membersOf(value: unknown, depth = 0): number | undefined {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= MAX_DEPTH) return undefined;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const inner of Object.values(value)) {
    const members = membersOf(inner, depth + 1);
    if (members === undefined) return undefined;
    count += members;
  }
  return count;
}
