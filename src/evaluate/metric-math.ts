import { UserError } from '../core/errors.ts';
import { type MathToken, mathTokens } from './math-tokens.ts';

/** A value at one slot; undefined is a missing point. */
export type Point = number | undefined;

/** What an expression is evaluated on: one slot of each id, and the period all of them share. */
export interface MathSlot {
  readonly valueOf: (id: string) => Point;
  readonly periodS: number;
}

export interface MathExpression {
  /** Ids it reads, in order of appearance. */
  readonly ids: readonly string[];
  evaluate(slot: MathSlot): Point;
}

type Node = (slot: MathSlot) => Point;

/**
 * Compiles the part of CloudWatch's metric math that alarms of Gatewatch use: arithmetic, comparisons, AND and OR, IF,
 * FILL with a number, ABS, CEIL, FLOOR and PERIOD.
 *
 * Rules of the user guide ("Using metric math"): a missing operand counts as 0 while the other one is present; dividing by
 * zero drops the point; `IF(c, v)` is missing where `c` is false. Anything else is refused rather than guessed.
 *
 * @throws {UserError} `metric_math` for what cannot be compiled, with the character.
 */
export function compileMath(expression: string): MathExpression {
  const parser = new Parser(expression);
  const node = parser.parse();
  return { ids: [...parser.ids], evaluate: node };
}

class Parser {
  readonly ids = new Set<string>();
  readonly #expression: string;
  readonly #tokens: readonly MathToken[];
  #next = 0;

  constructor(expression: string) {
    this.#expression = expression;
    this.#tokens = mathTokens(expression);
  }

  parse(): Node {
    const node = this.#or();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw this.#unexpected('the end of the expression');
    return node;
  }

  #or(): Node {
    return this.#leftToRight(() => this.#and(), LOGICAL_OR);
  }

  #and(): Node {
    return this.#leftToRight(() => this.#comparison(), LOGICAL_AND);
  }

  #comparison(): Node {
    return this.#leftToRight(() => this.#sum(), COMPARISONS);
  }

  #sum(): Node {
    return this.#leftToRight(() => this.#product(), SUMS);
  }

  #product(): Node {
    return this.#leftToRight(() => this.#power(), PRODUCTS);
  }

  #power(): Node {
    return this.#leftToRight(() => this.#unary(), POWERS);
  }

  #leftToRight(operand: () => Node, operators: Readonly<Record<string, Operator>>): Node {
    let left = operand();
    for (let operator = this.#operator(operators); operator; operator = this.#operator(operators)) {
      left = pointwise(left, operand(), operator);
    }
    return left;
  }

  #operator(operators: Readonly<Record<string, Operator>>): Operator | undefined {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.kind === 'number') return undefined;
    const found = Object.hasOwn(operators, token.text) ? operators[token.text] : undefined;
    if (found !== undefined) this.#next += 1;
    return found;
  }

  #unary(): Node {
    if (!this.#takeSign('-')) return this.#primary();
    const operand = this.#unary();
    return (slot) => {
      const value = operand(slot);
      return value === undefined ? undefined : -value;
    };
  }

  #primary(): Node {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw this.#unexpected('a value');
    this.#next += 1;
    if (token.kind === 'number') return () => token.value;
    if (token.kind === 'name') return this.#named(token.text);
    if (token.text !== '(') throw this.#unexpected('a value', -1);
    const inner = this.#or();
    this.#expectSign(')');
    return inner;
  }

  #named(name: string): Node {
    if (this.#takeSign('(')) return this.#call(name);
    if (!/^[a-z]/.test(name)) throw this.#unexpected('an id that starts with a small letter', -1);
    this.ids.add(name);
    return (slot) => slot.valueOf(name);
  }

  #call(name: string): Node {
    const made = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (made === undefined) {
      throw new UserError(
        'metric_math',
        `Expected one of ${Object.keys(FUNCTIONS).join(', ')} in "${this.#expression}", got ${name}(…), which cannot ` +
          'be judged offline: rewrite it with these, or leave the alarm out of tests and backtests',
      );
    }
    const inputs = [this.#or()];
    while (this.#takeSign(',')) inputs.push(this.#or());
    this.#expectSign(')');
    const node = made(inputs);
    if (node !== undefined) return node;
    throw new UserError(
      'metric_math',
      `Expected ${name} with ${ARGUMENTS[name] ?? 'one argument'} in "${this.#expression}", got ${inputs.length}`,
    );
  }

  #takeSign(sign: string): boolean {
    const token = this.#tokens[this.#next];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#next += 1;
    return true;
  }

  #expectSign(sign: string): void {
    if (!this.#takeSign(sign)) throw this.#unexpected(`"${sign}"`);
  }

  #unexpected(expected: string, offset = 0): UserError {
    const token = this.#tokens[this.#next + offset];
    const got = token === undefined ? 'its end' : `"${'text' in token ? token.text : token.value}"`;
    const where = token === undefined ? '' : ` before character ${token.at + 1}`;
    return new UserError(
      'metric_math',
      `Expected ${expected} in the metric math expression "${this.#expression}", got ${got}${where}`,
    );
  }
}

type Operator = (left: number, right: number) => Point;

/** Both missing stays missing; one missing counts as 0. */
function pointwise(left: Node, right: Node, operator: Operator): Node {
  return (slot) => {
    const one = left(slot);
    const other = right(slot);
    if (one === undefined && other === undefined) return undefined;
    return operator(one ?? 0, other ?? 0);
  };
}

const truth = (value: boolean): number => (value ? 1 : 0);

const LOGICAL_OR: Readonly<Record<string, Operator>> = {
  OR: (left, right) => truth(left !== 0 || right !== 0),
  '||': (left, right) => truth(left !== 0 || right !== 0),
};
const LOGICAL_AND: Readonly<Record<string, Operator>> = {
  AND: (left, right) => truth(left !== 0 && right !== 0),
  '&&': (left, right) => truth(left !== 0 && right !== 0),
};
const COMPARISONS: Readonly<Record<string, Operator>> = {
  '<': (left, right) => truth(left < right),
  '<=': (left, right) => truth(left <= right),
  '>': (left, right) => truth(left > right),
  '>=': (left, right) => truth(left >= right),
  '==': (left, right) => truth(left === right),
  '!=': (left, right) => truth(left !== right),
};
const SUMS: Readonly<Record<string, Operator>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
};
const PRODUCTS: Readonly<Record<string, Operator>> = {
  '*': (left, right) => left * right,
  '/': (left, right) => (right === 0 ? undefined : left / right),
};
const POWERS: Readonly<Record<string, Operator>> = { '^': (left, right) => left ** right };

const ARGUMENTS: Readonly<Record<string, string>> = {
  IF: 'two or three arguments',
  FILL: 'two arguments, a metric and a number',
};

function mapped(compute: (value: number) => number): (inputs: readonly Node[]) => Node | undefined {
  return ([input, ...more]) => {
    if (input === undefined || more.length > 0) return undefined;
    return (slot) => {
      const value = input(slot);
      return value === undefined ? undefined : compute(value);
    };
  };
}

/** Each makes a node of its arguments; undefined when their number is wrong. */
const FUNCTIONS: Readonly<Record<string, (inputs: readonly Node[]) => Node | undefined>> = {
  ABS: mapped(Math.abs),
  CEIL: mapped(Math.ceil),
  FLOOR: mapped(Math.floor),
  PERIOD: (inputs) => (inputs.length === 1 ? (slot) => slot.periodS : undefined),
  FILL: ([input, filler, ...more]) =>
    input === undefined || filler === undefined || more.length > 0
      ? undefined
      : (slot) => input(slot) ?? filler(slot),
  IF: ([condition, whenTrue, whenFalse, ...more]) =>
    condition === undefined || whenTrue === undefined || more.length > 0
      ? undefined
      : (slot) => ((condition(slot) ?? 0) === 0 ? whenFalse?.(slot) : whenTrue(slot)),
};
