import { Environment } from '@marcbachmann/cel-js';
import { messageOf, UserError } from '../../core/errors.ts';
import type { JsonValue, Origin } from '../../model/managed-resource.ts';
import { isMap } from './layers.ts';

/** What `${…}` may name: `vars`, `each`, `set`, `alarm`. */
export type ExpressionContext = Readonly<Record<string, JsonValue>>;

const WHOLE = /^\$\{([^{}]*)\}$/;
const INSIDE = /\$\{([^{}]*)\}/g;

const environment = new Environment({ unlistedVariablesAreDyn: true });
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
  try {
    return plain(compile(expression)(toCel(context)));
  } catch (error) {
    throw new UserError(
      'alarm_expression',
      `Expected \${${expression}} to give a value from ${Object.keys(context).join(', ')} (${origin.file}:${origin.line}), ` +
        `got: ${messageOf(error).split('\n')[0]}`,
      { cause: error },
    );
  }
}

function compile(expression: string): Compiled {
  const known = compiled.get(expression) ?? environment.parse(expression);
  compiled.set(expression, known);
  return known;
}

/** CEL keeps whole numbers and others apart and never mixes them: ours are all doubles but for the whole ones. */
function toCel(context: ExpressionContext): Record<string, unknown> {
  return Object.fromEntries(Object.entries(context).map(([name, value]) => [name, celValue(value)]));
}

function celValue(value: JsonValue): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celValue);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, celValue(item)]));
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
