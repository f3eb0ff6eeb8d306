import { UserError } from '../core/errors.ts';

export type MathToken =
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'sign'; readonly text: string; readonly at: number };

const TOKEN =
  /\s*(?:(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z][A-Za-z0-9_]*)|(?<sign><=|>=|==|!=|&&|\|\||[-+*/^<>(),]))/y;

/** Splits a metric-math expression. Strings, lists and SEARCH are not taken: an alarm cannot use them. */
export function mathTokens(expression: string): readonly MathToken[] {
  const tokens: MathToken[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const start = TOKEN.lastIndex;
    const groups = TOKEN.exec(expression)?.groups;
    if (groups === undefined) throw unknownCharacter(expression, start);
    const at = TOKEN.lastIndex;
    if (groups.number !== undefined) {
      tokens.push({ kind: 'number', value: Number(groups.number), at });
    } else if (groups.name !== undefined) {
      tokens.push({ kind: 'name', text: groups.name, at });
    } else {
      tokens.push({ kind: 'sign', text: groups.sign ?? '', at });
    }
  }
  return tokens;
}

function unknownCharacter(expression: string, at: number): UserError {
  const rest = expression.slice(at).trimStart();
  return new UserError(
    'metric_math',
    `Expected a number, an id, an operator or a function in the metric math expression "${expression}", got ` +
      `"${rest.slice(0, 12)}" at character ${expression.length - rest.length + 1}`,
  );
}
