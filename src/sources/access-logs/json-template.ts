import { isObject } from '../../core/json.ts';
import type { FormatTemplate, TemplateSlot } from './format-template.ts';
import { planScan, type ScanPlan } from './scan-template.ts';

/** A format that is JSON once its variables stand for values: where in the parsed line each variable is found. */
export type JsonNode =
  | { readonly kind: 'slot'; readonly slot: number; readonly quoted: boolean }
  | { readonly kind: 'constant'; readonly value: unknown }
  /** Text and variables in one string, e.g. `"$context.httpMethod $context.path"`. */
  | { readonly kind: 'mixed'; readonly slots: readonly number[]; readonly plan: ScanPlan }
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] };

export interface JsonMember {
  readonly key: string;
  readonly node: JsonNode;
}

export interface JsonTemplate {
  readonly root: Extract<JsonNode, { kind: 'object' }>;
  /** Characters of a line that are no value: its length minus this is the length of all values together. */
  readonly structureLength: number;
  /** Members of all objects together. */
  readonly memberCount: number;
}

const MARK = '\u{E000}';
const MARKED = /\u{E000}(\d+)([qu])\u{E000}/gu;
const ONLY_MARK = /^\u{E000}(\d+)([qu])\u{E000}$/u;

/** `undefined` when the format is no JSON object, or a key of it holds a variable. */
export function readJsonTemplate(template: FormatTemplate): JsonTemplate | undefined {
  if (template.literals.some((literal) => literal.includes(MARK))) return undefined;
  const marked = markVariables(template.literals);
  let root: JsonNode | undefined;
  try {
    root = readNode(JSON.parse(marked), template.slots);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (root?.kind !== 'object') return undefined;
  const literalLength = template.literals.reduce((sum, literal) => sum + literal.length, 0);
  return {
    root,
    structureLength: literalLength - mixedLength(root),
    memberCount: countMembers(root),
  };
}

/** Writes a mark for each variable: bare inside a string, as a string of its own elsewhere. */
function markVariables(literals: readonly string[]): string {
  let text = '';
  let inString = false;
  for (const [i, literal] of literals.entries()) {
    text += literal;
    inString = isInStringAfter(literal, inString);
    if (i === literals.length - 1) break;
    text += inString ? `${MARK}${i}q${MARK}` : `"${MARK}${i}u${MARK}"`;
  }
  return text;
}

function isInStringAfter(literal: string, before: boolean): boolean {
  let inString = before;
  for (let i = 0; i < literal.length; i += 1) {
    const code = literal.charCodeAt(i);
    if (code === 92 && inString) i += 1;
    else if (code === 34) inString = !inString;
  }
  return inString;
}

function readNode(value: unknown, slots: readonly TemplateSlot[]): JsonNode | undefined {
  if (typeof value === 'string') return readText(value, slots);
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => readNode(item, slots));
    return items.every((item) => item !== undefined) ? { kind: 'array', items } : undefined;
  }
  if (!isObject(value)) return { kind: 'constant', value };
  const members: JsonMember[] = [];
  for (const [key, inner] of Object.entries(value)) {
    const node = readNode(inner, slots);
    if (node === undefined || key.includes(MARK)) return undefined;
    members.push({ key, node });
  }
  return { kind: 'object', members };
}

function readText(text: string, slots: readonly TemplateSlot[]): JsonNode {
  const whole = ONLY_MARK.exec(text);
  if (whole) return { kind: 'slot', slot: Number(whole[1]), quoted: whole[2] === 'q' };
  const literals: string[] = [];
  const inside: number[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKED)) {
    literals.push(text.slice(from, match.index));
    inside.push(Number(match[1]));
    from = match.index + match[0].length;
  }
  if (inside.length === 0) return { kind: 'constant', value: text };
  literals.push(text.slice(from));
  const shapes = inside.map((slot) => slots[slot]?.variable.shape ?? 'free');
  return { kind: 'mixed', slots: inside, plan: planScan(literals, shapes) };
}

function mixedLength(node: JsonNode): number {
  if (node.kind === 'mixed') return node.plan.literals.reduce((sum, literal) => sum + literal.length, 0);
  return childrenOf(node).reduce((sum, child) => sum + mixedLength(child), 0);
}

function countMembers(node: JsonNode): number {
  const own = node.kind === 'object' ? node.members.length : 0;
  return childrenOf(node).reduce((sum, child) => sum + countMembers(child), own);
}

function childrenOf(node: JsonNode): readonly JsonNode[] {
  if (node.kind === 'object') return node.members.map((member) => member.node);
  return node.kind === 'array' ? node.items : [];
}
