import { UserError } from '../core/errors.ts';
import type { AlarmState } from './alarm-state.ts';

export type RuleNode =
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'state'; readonly state: AlarmState; readonly alarm: string }
  | { readonly kind: 'not'; readonly inner: RuleNode }
  | { readonly kind: 'all' | 'any'; readonly nodes: readonly RuleNode[] }
  | {
      readonly kind: 'at_least';
      readonly needed: { readonly count: number } | { readonly percent: number };
      readonly state: AlarmState;
      readonly negated: boolean;
      readonly alarms: readonly string[];
    };

/**
 * `AlarmRule` of a composite: `ALARM(x) | OK(x) | INSUFFICIENT_DATA(x) | TRUE | FALSE`, `AND`, `OR`, `NOT`, parentheses and
 * `AT_LEAST(M, [NOT] STATE, (a, b, …))`. Names with spaces, commas or parentheses stand in quotes, `\"` inside.
 * AND and OR without parentheses between them are refused: AWS documents no precedence.
 *
 * @throws {UserError} `alarm_rule` with the character where it went wrong.
 */
export function parseRule(rule: string): RuleNode {
  return new RuleParser(rule).parse();
}

/** Names or ARNs a rule reads, each once, in order of appearance. */
export function childrenOf(node: RuleNode): readonly string[] {
  const names = new Set<string>();
  collect(node, names);
  return [...names];
}

export function holds(node: RuleNode, stateOf: (alarm: string) => AlarmState): boolean {
  switch (node.kind) {
    case 'constant':
      return node.value;
    case 'state':
      return stateOf(node.alarm) === node.state;
    case 'not':
      return !holds(node.inner, stateOf);
    case 'all':
      return node.nodes.every((inner) => holds(inner, stateOf));
    case 'any':
      return node.nodes.some((inner) => holds(inner, stateOf));
    case 'at_least': {
      const matching = node.alarms.filter((alarm) => (stateOf(alarm) === node.state) !== node.negated).length;
      return 'count' in node.needed
        ? matching >= node.needed.count
        : matching * 100 >= node.needed.percent * node.alarms.length;
    }
  }
}

/** Writes a rule with a parenthesis around each group, children named by `nameOf`. */
export function printRule(node: RuleNode, nameOf: (alarm: string) => string = (name) => name): string {
  switch (node.kind) {
    case 'constant':
      return node.value ? 'TRUE' : 'FALSE';
    case 'state':
      return `${node.state}(${quoted(nameOf(node.alarm))})`;
    case 'not':
      return `NOT ${bracketed(node.inner, nameOf)}`;
    case 'all':
      return node.nodes.map((inner) => bracketed(inner, nameOf)).join(' AND ');
    case 'any':
      return node.nodes.map((inner) => bracketed(inner, nameOf)).join(' OR ');
    case 'at_least': {
      const needed = 'count' in node.needed ? `${node.needed.count}` : `${node.needed.percent}%`;
      const alarms = node.alarms.map((alarm) => quoted(nameOf(alarm))).join(', ');
      return `AT_LEAST(${needed}, ${node.negated ? 'NOT ' : ''}${node.state}, (${alarms}))`;
    }
  }
}

function bracketed(node: RuleNode, nameOf: (alarm: string) => string): string {
  const text = printRule(node, nameOf);
  return node.kind === 'all' || node.kind === 'any' ? `(${text})` : text;
}

function quoted(name: string): string {
  return `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function collect(node: RuleNode, names: Set<string>): void {
  if (node.kind === 'state') names.add(node.alarm);
  else if (node.kind === 'not') collect(node.inner, names);
  else if (node.kind === 'all' || node.kind === 'any') {
    for (const inner of node.nodes) collect(inner, names);
  } else if (node.kind === 'at_least') {
    for (const alarm of node.alarms) names.add(alarm);
  }
}

const TOKEN = /\s*(?:(?<quoted>"(?:\\.|[^"\\])*")|(?<sign>[(),])|(?<word>[^\s(),"]+))/y;

interface RuleToken {
  readonly text: string;
  readonly quoted: boolean;
  readonly at: number;
}

class RuleParser {
  readonly #rule: string;
  readonly #tokens: readonly RuleToken[];
  #next = 0;

  constructor(rule: string) {
    this.#rule = rule;
    this.#tokens = tokensOf(rule);
  }

  parse(): RuleNode {
    const node = this.#group();
    if (this.#next < this.#tokens.length) throw this.#unexpected('AND, OR or the end');
    return node;
  }

  #group(): RuleNode {
    const nodes = [this.#unary()];
    const word = this.#connective();
    if (word === undefined) return nodes[0] ?? { kind: 'constant', value: false };
    for (let next: string | undefined = word; next !== undefined; next = this.#connective()) {
      if (next !== word) {
        this.#next -= 1;
        throw this.#unexpected(
          `${word}, or parentheses around each group: AWS documents no precedence of AND over OR`,
        );
      }
      nodes.push(this.#unary());
    }
    return { kind: word === 'AND' ? 'all' : 'any', nodes };
  }

  #connective(): 'AND' | 'OR' | undefined {
    const token = this.#tokens[this.#next];
    if (token?.quoted !== false || (token.text !== 'AND' && token.text !== 'OR')) return undefined;
    this.#next += 1;
    return token.text;
  }

  #unary(): RuleNode {
    if (this.#take('NOT')) return { kind: 'not', inner: this.#unary() };
    if (this.#take('(')) {
      const inner = this.#group();
      this.#expect(')');
      return inner;
    }
    if (this.#take('TRUE')) return { kind: 'constant', value: true };
    if (this.#take('FALSE')) return { kind: 'constant', value: false };
    if (this.#take('AT_LEAST')) return this.#atLeast();
    const state = this.#state('ALARM(…), OK(…), INSUFFICIENT_DATA(…), AT_LEAST(…), TRUE or FALSE');
    this.#expect('(');
    const alarm = this.#name();
    this.#expect(')');
    return { kind: 'state', state, alarm };
  }

  #atLeast(): RuleNode {
    this.#expect('(');
    const amount = this.#amount();
    this.#expect(',');
    const negated = this.#take('NOT');
    const state = this.#state('ALARM, OK or INSUFFICIENT_DATA');
    this.#expect(',');
    this.#expect('(');
    const alarms = [this.#name()];
    while (this.#take(',')) alarms.push(this.#name());
    this.#expect(')');
    this.#expect(')');
    return { kind: 'at_least', needed: amount, state, negated, alarms };
  }

  #amount(): { readonly count: number } | { readonly percent: number } {
    const token = this.#tokens[this.#next];
    const match = /^(\d{1,4})(%?)$/.exec(token?.text ?? '');
    if (match === null) throw this.#unexpected('a number of alarms, such as 2, or a share, such as 50%');
    this.#next += 1;
    return match[2] === '%' ? { percent: Number(match[1]) } : { count: Number(match[1]) };
  }

  #state(expected: string): AlarmState {
    const token = this.#tokens[this.#next];
    const text = token?.text;
    if (text !== 'ALARM' && text !== 'OK' && text !== 'INSUFFICIENT_DATA') throw this.#unexpected(expected);
    this.#next += 1;
    return text;
  }

  #name(): string {
    const token = this.#tokens[this.#next];
    if (token === undefined || (!token.quoted && /^[(),]$/.test(token.text))) {
      throw this.#unexpected('the name or ARN of an alarm');
    }
    this.#next += 1;
    return token.text;
  }

  #take(text: string): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.quoted || token.text !== text) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#unexpected(`"${text}"`);
  }

  #unexpected(expected: string): UserError {
    const token = this.#tokens[this.#next];
    const got = token === undefined ? 'its end' : `"${token.text}" at character ${token.at + 1}`;
    return new UserError('alarm_rule', `Expected ${expected} in the rule "${this.#rule}", got ${got}`);
  }
}

function tokensOf(rule: string): readonly RuleToken[] {
  const tokens: RuleToken[] = [];
  const end = rule.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(rule);
    if (match?.groups === undefined) {
      throw new UserError(
        'alarm_rule',
        `Expected a closing quote in the rule "${rule}", got none after character ${start + 1}`,
      );
    }
    const at = start + match[0].length - match[0].trimStart().length;
    const { quoted: inQuotes, sign, word } = match.groups;
    tokens.push(
      inQuotes === undefined
        ? { text: sign ?? word ?? '', quoted: false, at }
        : { text: inQuotes.slice(1, -1).replaceAll(/\\(.)/g, '$1'), quoted: true, at },
    );
  }
  return tokens;
}
