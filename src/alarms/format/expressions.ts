import { Environment } from '@marcbachmann/cel-js';
import { messageOf, UserError } from '../../core/errors.ts';
import { didYouMean } from '../../documents/did-you-mean.ts';
import type { JsonValue, Origin } from '../../model/managed-resource.ts';
import { isMap } from './layers.ts';

/** What `${…}` may name: `vars`, `each`, `set`, `alarm`. */
export type ExpressionContext = Readonly<Record<string, JsonValue>>;

const WHOLE = /^\$\{([^{}]*)\}$/;
const INSIDE = /\$\{([^{}]*)\}/g;

/** What is wrong with a field, with the place it was written at. */
export class PlacedError extends UserError {
  readonly origin: Origin;
  readonly words: { readonly expected: string; readonly got: string; readonly remedy: string };

  constructor(origin: Origin, words: PlacedError['words'], cause?: unknown) {
    const { expected, got, remedy } = words;
    const place = `${origin.file}:${origin.line}`;
    super('alarm_field', `Expected ${expected}, got ${got} (${place}); ${remedy}`, { cause });
    this.origin = origin;
    this.words = words;
  }
}

const environment = numbersMixed(new Environment({ unlistedVariablesAreDyn: true }));
type Compiled = ReturnType<Environment['parse']>;
const compiled = new Map<string, Compiled>();

/**
 * Replaces every `${…}` in a value, however deep. A text that is one expression takes the expression's own type; inside
 * a longer text its result is written out. The language is CEL: paths, comparisons, arithmetic, `size()`, no user code.
 *
 * @throws {UserError} `alarm_expression` with the place, when it cannot be read, or names what does not exist.
 */
export function evaluateIn(value: JsonValue, context: ExpressionContext, origin: Origin): JsonValue {
  if (typeof value === 'string') return evaluateText(value, context, origin);
  if (Array.isArray(value)) return value.map((item) => evaluateIn(item, context, origin));
  if (!isMap(value)) return value;
  const entries = Object.entries(value).map(
    ([name, item]) => [name, evaluateIn(item, context, origin)] as const,
  );
  return Object.fromEntries(entries);
}

function evaluateText(text: string, context: ExpressionContext, origin: Origin): JsonValue {
  const whole = WHOLE.exec(text)?.[1];
  if (whole !== undefined) return evaluate(whole, context, origin);
  return text.replaceAll(INSIDE, (_, inside: string) => {
    const value = evaluate(inside, context, origin);
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}

function evaluate(expression: string, context: ExpressionContext, origin: Origin): JsonValue {
  if (WHOLE_DIVISION.test(expression)) {
    throw new PlacedError(origin, {
      expected: `\${${expression}} to divide numbers`,
      got: 'two whole numbers, whose quotient has no fraction here',
      remedy: 'write one of them with a decimal point: 5.0 / 100',
    });
  }
  try {
    return plain(compile(expression)(context));
  } catch (error) {
    const [reason = ''] = messageOf(error).split('\n');
    const near = nearName(expression, reason, context);
    throw new PlacedError(
      origin,
      {
        expected: `\${${expression}} to give a value from ${Object.keys(context).join(', ')}`,
        got: reason,
        remedy: near === undefined ? 'correct the expression' : `did you mean ${near}?`,
      },
      error,
    );
  }
}

/** CEL keeps whole numbers apart and cuts the fraction off their quotient. */
const WHOLE_DIVISION = /(?<![\w.])\d+\s*\/\s*\d+(?![\w.])/;

/** The name that was meant where CEL knows none: beside what it was looked for, or among the variables. */
function nearName(expression: string, reason: string, context: ExpressionContext): string | undefined {
  const [, key] = /^No such key: (.+)$/.exec(reason) ?? [];
  const [, variable] = /^Unknown variable: (.+)$/.exec(reason) ?? [];
  if (variable !== undefined) return didYouMean(variable, Object.keys(context));
  if (key === undefined) return undefined;
  const [, path = ''] =
    new RegExp(`([A-Za-z_][\\w.]*)\\.${key.replaceAll(/\W/g, '\\$&')}\\b`).exec(expression) ?? [];
  const holder = path
    .split('.')
    .reduce<JsonValue | undefined>((value, step) => (isMap(value) ? value[step] : undefined), context);
  return isMap(holder) ? didYouMean(key, Object.keys(holder)) : undefined;
}

function compile(expression: string): Compiled {
  const known = compiled.get(expression) ?? environment.parse(expression);
  compiled.set(expression, known);
  return known;
}

/** CEL never mixes whole numbers and others; `vars.limit * 2` should be worth writing all the same. */
function numbersMixed(plainCel: Environment): Environment {
  const operators = {
    '+': (one: number, other: number) => one + other,
    '-': (one: number, other: number) => one - other,
    '*': (one: number, other: number) => one * other,
    '/': (one: number, other: number) => one / other,
  };
  for (const [operator, apply] of Object.entries(operators)) {
    plainCel.registerOperator(`double ${operator} int`, (one: number, other: bigint) =>
      apply(one, Number(other)),
    );
    plainCel.registerOperator(`int ${operator} double`, (one: bigint, other: number) =>
      apply(Number(one), other),
    );
  }
  return plainCel;
}

function plain(value: unknown): JsonValue {
  if (typeof value === 'bigint') return Number(value);
  if (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'boolean'
  ) {
    return value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
  }
  throw new Error(`a result of type ${typeof value}`);
}
