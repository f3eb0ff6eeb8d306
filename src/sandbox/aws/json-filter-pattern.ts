import { isObject } from '../../core/json.ts';
import { invalidParameter } from './logs-model.ts';

/** Tells whether a parsed JSON line fits. */
type Test = (line: unknown) => boolean;

const TOKEN =
  /\s*(?:(?<path>\$(?:\.[A-Za-z0-9_-]+|\[\d+\])+)|(?<sign>&&|\|\||<=|>=|!=|=|<|>|\(|\))|(?<text>"(?:[^"\\]|\\.)*")|(?<word>[^\s()&|=<>!"]+))/y;

interface Token {
  readonly kind: 'path' | 'sign' | 'text' | 'word';
  readonly text: string;
}

/**
 * JSON patterns of CloudWatch Logs: `{ ($.status = 403) && ($.kind = "AB*") }`, with `=`, `!=`, the four comparisons,
 * `IS NULL`, `NOT EXISTS`, `&&`, `||` and parentheses; `*` in a text stands for anything.
 */
export function jsonPattern(pattern: string): (message: string) => boolean {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(pattern)?.[1];
  if (inner === undefined) throw invalidParameter(`Invalid JSON filter pattern: ${pattern}`);
  const test = new PatternParser(pattern, tokensOf(inner, pattern)).parse();
  return (message) => {
    try {
      return test(JSON.parse(message));
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
  };
}

function tokensOf(text: string, pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw invalidParameter(`Invalid JSON filter pattern: ${pattern}`);
    if (groups.path !== undefined) tokens.push({ kind: 'path', text: groups.path });
    else if (groups.sign !== undefined) tokens.push({ kind: 'sign', text: groups.sign });
    else if (groups.text !== undefined) {
      tokens.push({ kind: 'text', text: groups.text.slice(1, -1).replaceAll(/\\(.)/g, '$1') });
    } else tokens.push({ kind: 'word', text: groups.word ?? '' });
  }
  return tokens;
}

class PatternParser {
  readonly #pattern: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(pattern: string, tokens: readonly Token[]) {
    this.#pattern = pattern;
    this.#tokens = tokens;
  }

  parse(): Test {
    const test = this.#any();
    if (this.#next < this.#tokens.length) throw this.#invalid();
    return test;
  }

  #any(): Test {
    const tests = [this.#all()];
    while (this.#takeSign('||')) tests.push(this.#all());
    return (line) => tests.some((test) => test(line));
  }

  #all(): Test {
    const tests = [this.#one()];
    while (this.#takeSign('&&')) tests.push(this.#one());
    return (line) => tests.every((test) => test(line));
  }

  #one(): Test {
    if (this.#takeSign('(')) {
      const inner = this.#any();
      if (!this.#takeSign(')')) throw this.#invalid();
      return inner;
    }
    const path = this.#take('path');
    const steps = stepsOf(path.text);
    const next = this.#tokens[this.#next];
    if (next?.kind === 'word') return this.#wordTest(steps);
    const sign = this.#take('sign').text;
    const operand = this.#tokens[this.#next];
    if (operand === undefined || operand.kind === 'sign' || operand.kind === 'path') throw this.#invalid();
    this.#next += 1;
    return comparison(steps, sign, operand, () => this.#invalid());
  }

  #wordTest(steps: readonly string[]): Test {
    const words: string[] = [];
    for (let token = this.#tokens[this.#next]; token?.kind === 'word'; token = this.#tokens[this.#next]) {
      words.push(token.text.toUpperCase());
      this.#next += 1;
    }
    switch (words.join(' ')) {
      case 'IS NULL':
        return (line) => valueAt(line, steps) === null;
      case 'NOT EXISTS':
        return (line) => valueAt(line, steps) === undefined;
      case 'IS TRUE':
        return (line) => valueAt(line, steps) === true;
      case 'IS FALSE':
        return (line) => valueAt(line, steps) === false;
      default:
        throw this.#invalid();
    }
  }

  #take(kind: Token['kind']): Token {
    const token = this.#tokens[this.#next];
    if (token?.kind !== kind) throw this.#invalid();
    this.#next += 1;
    return token;
  }

  #takeSign(sign: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#next += 1;
    return true;
  }

  #invalid() {
    return invalidParameter(`Invalid JSON filter pattern: ${this.#pattern}`);
  }
}

function comparison(steps: readonly string[], sign: string, operand: Token, invalid: () => Error): Test {
  const number = operand.kind === 'word' ? Number(operand.text) : Number.NaN;
  if (sign === '=' || sign === '!=') {
    const fits = Number.isNaN(number) ? textFits(operand.text) : numberFits(number);
    return (line) => {
      const value = valueAt(line, steps);
      return value !== undefined && value !== null && fits(value) === (sign === '=');
    };
  }
  if (Number.isNaN(number)) throw invalid();
  return (line) => {
    const value = numberOf(valueAt(line, steps));
    if (value === undefined) return false;
    if (sign === '<') return value < number;
    if (sign === '>') return value > number;
    return sign === '<=' ? value <= number : value >= number;
  };
}

function textFits(pattern: string): (value: unknown) => boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 's');
  return (value) =>
    (typeof value === 'string' || typeof value === 'number') && expression.test(String(value));
}

/** Only a real number is one: whether CloudWatch takes a quoted number is not documented. */
function numberFits(number: number): (value: unknown) => boolean {
  return (value) => numberOf(value) === number;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

export function stepsOf(path: string): readonly string[] {
  return [...path.matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]/g)].map((match) => match[1] ?? match[2] ?? '');
}

export function valueAt(line: unknown, steps: readonly string[]): unknown {
  let value = line;
  for (const step of steps) {
    if (Array.isArray(value)) value = value[Number(step)];
    else if (isObject(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}
