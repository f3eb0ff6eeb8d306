import type { ValueShape } from '../../catalog/access-log-variables.ts';
import { excludedCodes, hasShape } from './value-shape.ts';

/**
 * Reads a line by the literals between the variables of its format, in linear time and without guessing.
 *
 * From both ends, a value that cannot hold the literal beside it (an id cannot hold a quote) ends at that literal and
 * nowhere else. What is left in the middle begins and ends with values that may hold anything; there each literal is
 * placed as early as possible, and then tried for a later place, the last literal first. When none can move there is
 * only one reading; when one can, the line is ambiguous, which is an answer of its own. A client that writes pieces of
 * the format into its user agent can thus make its own line ambiguous, never make it say something else.
 */
export interface ScanPlan {
  readonly literals: readonly string[];
  readonly shapes: readonly ValueShape[];
  /** Codes that the values of a slot never hold. */
  readonly excluded: readonly Uint8Array[];
  /** Slot cannot hold the first character of the literal after it. */
  readonly endsAtLiteral: readonly boolean[];
  /** Slot cannot hold the last character of the literal before it. */
  readonly startsAtLiteral: readonly boolean[];
}

export type ScanResult =
  | { readonly kind: 'values'; readonly values: readonly string[] }
  | { readonly kind: 'mismatch'; readonly slot: number }
  | { readonly kind: 'ambiguous'; readonly slot: number };

export function planScan(literals: readonly string[], shapes: readonly ValueShape[]): ScanPlan {
  const endsAtLiteral = shapes.map((shape, i) => excludesAt(shape, literals[i + 1] ?? '', 0));
  const startsAtLiteral = shapes.map((shape, i) => {
    const before = literals[i] ?? '';
    return excludesAt(shape, before, before.length - 1);
  });
  return { literals, shapes, excluded: shapes.map(excludedCodes), endsAtLiteral, startsAtLiteral };
}

/** The same plan with nothing assumed of values that the API's owner writes. */
export function relaxPlan(plan: ScanPlan): ScanPlan | undefined {
  if (!plan.shapes.includes('phrase')) return undefined;
  return planScan(
    plan.literals,
    plan.shapes.map((shape) => (shape === 'phrase' ? 'free' : shape)),
  );
}

export function scanLine(plan: ScanPlan, line: string): ScanResult {
  const count = plan.shapes.length;
  const first = literal(plan, 0);
  const last = literal(plan, count);
  if (!line.startsWith(first)) return mismatch(0);
  if (count === 0) return line === first ? { kind: 'values', values: [] } : mismatch(0);
  if (line.length < first.length + last.length || !line.endsWith(last)) return mismatch(count);
  const cut = new Cut(plan, line);
  return cut.fromLeft() ?? cut.fromRight() ?? cut.middle() ?? cut.values();
}

/** Start and end of each slot in one line, found step by step; `#left` and `#right` are the slots still open. */
class Cut {
  readonly #plan: ScanPlan;
  readonly #line: string;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Where the last run of a slot's characters was looked for and ended; without it, many anchors cost their square. */
  readonly #runFrom: number[] = [];
  readonly #runEnd: number[] = [];
  #left = 0;
  #right: number;

  constructor(plan: ScanPlan, line: string) {
    const count = plan.shapes.length;
    this.#plan = plan;
    this.#line = line;
    for (let slot = 0; slot < count; slot += 1) {
      this.#starts.push(-1);
      this.#ends.push(-1);
    }
    this.#right = count - 1;
    this.#starts[0] = literal(plan, 0).length;
    this.#ends[count - 1] = line.length - literal(plan, count).length;
  }

  fromLeft(): ScanResult | undefined {
    while (this.#left < this.#right && this.#plan.endsAtLiteral[this.#left]) {
      const slot = this.#left;
      const next = literal(this.#plan, slot + 1);
      const end = this.#line.indexOf(next, this.#start(slot));
      if (end < 0) return mismatch(slot);
      this.#ends[slot] = end;
      this.#starts[slot + 1] = end + next.length;
      this.#left = slot + 1;
    }
    return undefined;
  }

  fromRight(): ScanResult | undefined {
    while (this.#right > this.#left && this.#plan.startsAtLiteral[this.#right]) {
      const slot = this.#right;
      const before = literal(this.#plan, slot);
      const from = this.#end(slot) - before.length;
      // `lastIndexOf` takes a negative start for 0; here it means "nowhere".
      const at = from < 0 ? -1 : this.#line.lastIndexOf(before, from);
      if (at < 0) return mismatch(slot);
      this.#starts[slot] = at + before.length;
      this.#ends[slot - 1] = at;
      this.#right = slot - 1;
    }
    return undefined;
  }

  /** Places what stands between the open slots; fails when there is no place for it, or more than one. */
  middle(): ScanResult | undefined {
    if (this.#left === this.#right) return undefined;
    const anchors = this.#anchors();
    for (const anchor of anchors) {
      if (!this.#placeEarly(anchor)) return mismatch(anchor.from);
    }
    for (const anchor of anchors.toReversed()) {
      if (this.#canMoveLater(anchor)) return { kind: 'ambiguous', slot: anchor.from };
    }
    return undefined;
  }

  values(): ScanResult {
    const values: string[] = [];
    const { shapes } = this.#plan;
    for (let slot = 0; slot < shapes.length; slot += 1) {
      const start = this.#start(slot);
      const end = this.#end(slot);
      if (start < 0 || end < start) return mismatch(slot);
      const value = this.#line.slice(start, end);
      if (!hasShape(shapes[slot] ?? 'free', value)) return mismatch(slot);
      values.push(value);
    }
    return { kind: 'values', values };
  }

  /** Runs of literals and self-ending values between one open slot (`from`) and the next (`to`). */
  #anchors(): readonly Anchor[] {
    const anchors: Anchor[] = [];
    let from = this.#left;
    for (let slot = from + 1; slot <= this.#right; slot += 1) {
      if (slot < this.#right && this.#plan.endsAtLiteral[slot]) continue;
      anchors.push({ from, to: slot, text: literal(this.#plan, from + 1) });
      from = slot;
    }
    return anchors;
  }

  #placeEarly(anchor: Anchor): boolean {
    const at = this.#firstPlace(anchor, this.#start(anchor.from));
    if (at < 0) return false;
    this.#ends[anchor.from] = at;
    let position = at + anchor.text.length;
    for (let slot = anchor.from + 1; slot < anchor.to; slot += 1) {
      this.#starts[slot] = position;
      position = this.#endOfValue(slot, position);
      this.#ends[slot] = position;
      position += literal(this.#plan, slot + 1).length;
    }
    this.#starts[anchor.to] = position;
    return true;
  }

  /** Where the anchor stands first at or after `from`, or -1. */
  #firstPlace(anchor: Anchor, from: number): number {
    let at = this.#line.indexOf(anchor.text, from);
    while (at >= 0 && this.#endOfAnchor(anchor, at) < 0) at = this.#line.indexOf(anchor.text, at + 1);
    return at;
  }

  /** True when the anchor also fits behind its place and before the end of the open slot after it. */
  #canMoveLater(anchor: Anchor): boolean {
    const limit = this.#end(anchor.to);
    const at = this.#firstPlace(anchor, this.#end(anchor.from) + 1);
    return at >= 0 && this.#endOfAnchor(anchor, at) <= limit;
  }

  /** Where the open slot after an anchor at `at` would start; -1 when the anchor does not stand there. */
  #endOfAnchor(anchor: Anchor, at: number): number {
    let position = at + anchor.text.length;
    for (let slot = anchor.from + 1; slot < anchor.to; slot += 1) {
      const end = this.#endOfValue(slot, position);
      const next = literal(this.#plan, slot + 1);
      if (!this.#line.startsWith(next, end)) return -1;
      const shape = this.#plan.shapes[slot] ?? 'free';
      if (shape !== 'token' && !hasShape(shape, this.#line.slice(position, end))) return -1;
      position = end + next.length;
    }
    return position;
  }

  #endOfValue(slot: number, from: number): number {
    const known = this.#runEnd[slot];
    if (known !== undefined && from <= known && from >= (this.#runFrom[slot] ?? 0)) return known;
    const table = this.#plan.excluded[slot];
    let end = from;
    while (end < this.#line.length && table?.[this.#line.charCodeAt(end)] !== 1) end += 1;
    this.#runFrom[slot] = from;
    this.#runEnd[slot] = end;
    return end;
  }

  #start(slot: number): number {
    return this.#starts[slot] ?? -1;
  }

  #end(slot: number): number {
    return this.#ends[slot] ?? -1;
  }
}

interface Anchor {
  readonly from: number;
  readonly to: number;
  /** First literal of the run. */
  readonly text: string;
}

function literal(plan: ScanPlan, index: number): string {
  return plan.literals[index] ?? '';
}

function mismatch(slot: number): ScanResult {
  return { kind: 'mismatch', slot };
}

function excludesAt(shape: ValueShape, text: string, index: number): boolean {
  return index >= 0 && index < text.length && excludedCodes(shape)[text.charCodeAt(index)] === 1;
}
