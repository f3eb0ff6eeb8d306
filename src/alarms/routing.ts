import { UserError } from '../core/errors.ts';
import type { AlarmState } from '../evaluate/alarm-state.ts';
import type { FileOf, Route } from './format/kinds.ts';

export interface Receiver {
  readonly name: string;
  /** ARN of the topic; absent: tells nobody. */
  readonly sns?: string | undefined;
  readonly on: readonly AlarmState[];
}

type Labels = Readonly<Record<string, string>>;

/**
 * Who is told of an alarm with these labels, by Alertmanager's rules: children are tried in order, the first that fits
 * wins unless it says `continue`, and a route whose children all miss takes the alarm itself.
 */
export function receiversFor(
  routing: FileOf<'Routing'>['spec'] | undefined,
  labels: Labels,
): readonly Receiver[] {
  if (routing === undefined) return [];
  const byName = new Map(routing.receivers.map((receiver) => [receiver.name, receiver]));
  const names = new Set(namesFrom(routing.route, labels, routing.route.receiver));
  return [...names].map((name) => byName.get(name) ?? unknownReceiver(name, [...byName.keys()]));
}

function namesFrom(route: Route, labels: Labels, inherited: string | undefined): readonly string[] {
  const own = route.receiver ?? inherited;
  const names: string[] = [];
  let matched = false;
  for (const child of route.routes ?? []) {
    if (!(child.matchers ?? []).every((matcher) => fits(matcher, labels))) continue;
    matched = true;
    names.push(...namesFrom(child, labels, own));
    if (child.continue !== true) break;
  }
  return matched || own === undefined ? names : [own];
}

/** A matcher taken apart; undefined for what is none. `values` are those that it compares with. */
export function matcherParts(
  matcher: string,
): { readonly name: string; readonly values: readonly string[] } | undefined {
  const [, name, operator = '', operand = ''] = MATCHER.exec(matcher) ?? [];
  if (name === undefined) return undefined;
  if (!operator.includes('~')) return { name, values: [operand] };
  return NOT_PLAIN.test(operand) ? undefined : { name, values: operand.split('|') };
}

const MATCHER = /^\s*([A-Za-z_][\w.-]*)\s*(=~|!~|!=|=)\s*"?([^"]*)"?\s*$/;

function fits(matcher: string, labels: Labels): boolean {
  const [, name = '', operator, operand = ''] = MATCHER.exec(matcher) ?? [];
  const value = labels[name] ?? '';
  switch (operator) {
    case '=':
      return value === operand;
    case '!=':
      return value !== operand;
    case '=~':
      return alternatives(operand).includes(value);
    case '!~':
      return !alternatives(operand).includes(value);
    default:
      throw new UserError(
        'alarm_matcher',
        `Expected a matcher such as severity="page" or team=~"a|b" in Routing, got ${matcher}`,
      );
  }
}

const NOT_PLAIN = /[.*+?^$()[\]{}\\]/;

/** `a|b`: no other regular expression is taken, so that a matcher cannot hang. */
function alternatives(operand: string): readonly string[] {
  if (NOT_PLAIN.test(operand)) {
    throw new UserError(
      'alarm_matcher',
      `Expected names joined by | after =~ or !~ in Routing, got "${operand}": write the names out`,
    );
  }
  return operand.split('|');
}

function unknownReceiver(name: string, known: readonly string[]): never {
  throw new UserError(
    'alarm_receiver',
    `Expected a receiver of Routing (${known.join(', ') || 'none'}), got ${name}: add it under receivers`,
  );
}

/** The three lists of actions of an alarm. CloudWatch takes five at most in each. */
export function actionsOf(receivers: readonly Receiver[]): Readonly<Record<string, readonly string[]>> {
  const on = (state: AlarmState) =>
    receivers.flatMap(({ sns, on: states }) => (sns !== undefined && states.includes(state) ? [sns] : []));
  const lists = {
    AlarmActions: on('ALARM'),
    OKActions: on('OK'),
    InsufficientDataActions: on('INSUFFICIENT_DATA'),
  };
  return Object.fromEntries(Object.entries(lists).filter(([, actions]) => actions.length > 0));
}
