import { type Alias, isAlias, isMap, isNode, isPair, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import { clip, type DocumentPath } from './problem.ts';
import type { YamlFault } from './yaml-faults.ts';

/** Deeper than any option of ours; far from what would exhaust the stack. */
const MAX_DEPTH = 40;
/** Aliases followed in one file, nested ones counted each time they are followed. */
const MAX_ALIASES = 50;
/** Values after aliases were followed: few aliases of a large list multiply as well. */
const MAX_VALUES = 100_000;

/** Offsets into the text. */
export interface NodePlace {
  readonly keyOffset: number;
  readonly valueOffset: number;
  readonly plain: boolean;
}

export type NodePlaces = ReadonlyMap<string, NodePlace>;

export interface NodeRefusal {
  readonly offset: number;
  readonly path: DocumentPath;
  readonly fault: YamlFault;
}

export interface ConvertedNodes {
  readonly value: unknown;
  /** By the JSON text of the path. */
  readonly places: NodePlaces;
  readonly refusals: readonly NodeRefusal[];
}

/** Turns YAML nodes into plain values and remembers where each stood. Refusals leave a hole and go on. */
export function convertNodes(root: unknown): ConvertedNodes {
  const conversion = new NodeConversion();
  const value = conversion.convert(root, [], 0, 0);
  return { value, places: conversion.places, refusals: conversion.refusals };
}

class NodeConversion {
  readonly places = new Map<string, NodePlace>();
  readonly refusals: NodeRefusal[] = [];
  readonly #anchors = new Map<string, Node>();
  #aliases = 0;
  #values = 0;
  #exhausted = false;

  convert(node: unknown, path: DocumentPath, keyOffset: number, depth: number): unknown {
    const offset = offsetOf(node) ?? keyOffset;
    if (this.#isExhausted(offset, path, depth)) return null;
    this.places.set(JSON.stringify(path), { keyOffset, valueOffset: offset, plain: isPlainScalar(node) });
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isAlias(node)) return this.#followAlias(node, path, keyOffset, depth);
    if (isMap(node)) return this.#convertMap(node.items, path, depth);
    if (isSeq(node)) return node.items.map((item, i) => this.#convertItem(item, [...path, i], depth));
    return isScalar(node) ? this.#convertScalar(node, path) : null;
  }

  #convertItem(item: unknown, path: DocumentPath, depth: number): unknown {
    return this.convert(item, path, offsetOf(item) ?? 0, depth + 1);
  }

  #convertMap(items: readonly unknown[], path: DocumentPath, depth: number): unknown {
    const result: Record<string, unknown> = Object.create(null);
    for (const item of items) {
      if (!isPair(item)) continue;
      const keyOffset = offsetOf(item.key) ?? 0;
      const key = this.#keyOf(item.key, path, keyOffset);
      if (key === undefined) continue;
      if (Object.hasOwn(result, key)) this.#refuse(keyOffset, [...path, key], REPEATED_KEY);
      result[key] = this.convert(item.value, [...path, key], keyOffset, depth + 1);
    }
    return result;
  }

  #keyOf(key: unknown, path: DocumentPath, offset: number): string | undefined {
    if (!isScalar(key) || key.value === null || typeof key.value === 'object') {
      this.#refuse(offset, path, KEY_NOT_TEXT);
      return undefined;
    }
    const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
    if (name !== '__proto__') return name;
    this.#refuse(offset, [...path, name], PROTO_KEY);
    return undefined;
  }

  #convertScalar(node: Scalar, path: DocumentPath): unknown {
    const { value } = node;
    const known = value === null || ['string', 'number', 'boolean'].includes(typeof value);
    if (known) return value;
    this.#refuse(offsetOf(node) ?? 0, path, STRANGE_VALUE);
    return null;
  }

  /** Follows an alias from the anchors seen so far, so an alias inside its own anchor ends at the depth limit. */
  #followAlias(node: Alias, path: DocumentPath, keyOffset: number, depth: number): unknown {
    this.#aliases += 1;
    const target = this.#anchors.get(node.source);
    if (target !== undefined && this.#aliases <= MAX_ALIASES) {
      return this.convert(target, path, keyOffset, depth + 1);
    }
    this.#exhaust(offsetOf(node) ?? keyOffset, path, target === undefined ? UNKNOWN_ALIAS : TOO_MANY_ALIASES);
    return null;
  }

  #isExhausted(offset: number, path: DocumentPath, depth: number): boolean {
    this.#values += 1;
    if (depth > MAX_DEPTH) this.#exhaust(offset, path.slice(0, 4), TOO_DEEP);
    else if (this.#values > MAX_VALUES) this.#exhaust(offset, path, TOO_MANY_VALUES);
    return this.#exhausted;
  }

  /** The first limit that breaks is told, once; the rest of the file would only repeat it. */
  #exhaust(offset: number, path: DocumentPath, fault: YamlFault): void {
    if (!this.#exhausted) this.#refuse(offset, path, fault);
    this.#exhausted = true;
  }

  #refuse(offset: number, path: DocumentPath, fault: YamlFault): void {
    this.refusals.push({ offset, path: path.map(clipStep), fault });
  }
}

function clipStep(step: string | number): string | number {
  return typeof step === 'number' ? step : clip(step);
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function isPlainScalar(node: unknown): boolean {
  return isScalar(node) && node.type === 'PLAIN';
}

const KEY_NOT_TEXT: YamlFault = {
  expected: 'a text as key',
  got: 'a map, a list or nothing',
  remedy: 'write a word before the colon',
};
const REPEATED_KEY: YamlFault = {
  expected: 'each key once',
  got: 'a key that stands here a second time',
  remedy: 'remove one of the two',
};
const PROTO_KEY: YamlFault = {
  expected: 'a key that names an option',
  got: '__proto__, which is refused everywhere',
  remedy: 'remove it',
};
const STRANGE_VALUE: YamlFault = {
  expected: 'a text, number, true, false, map or list',
  got: 'another kind of value',
  remedy: 'put it in quotes',
};
const UNKNOWN_ALIAS: YamlFault = {
  expected: 'an alias of an earlier anchor',
  got: 'an alias that names none',
  remedy: 'define the anchor (&name) above it',
};
const TOO_MANY_ALIASES: YamlFault = {
  expected: `at most ${MAX_ALIASES} aliases`,
  got: 'more, which is how a small file becomes a huge one',
  remedy: 'write the values out',
};
const TOO_MANY_VALUES: YamlFault = {
  expected: `at most ${MAX_VALUES} values`,
  got: 'more',
  remedy: 'check for aliases of large lists',
};
const TOO_DEEP: YamlFault = {
  expected: `at most ${MAX_DEPTH} levels`,
  got: 'deeper nesting',
  remedy: 'check for a run of opening brackets, or an alias inside its own anchor',
};
