import type { RuleNode } from '../evaluate/composite-rule.ts';

export interface LocalReference {
  /** Absent: the name of an alarm outside the files, written in quotes or as an ARN. */
  readonly set: string | undefined;
  readonly alarm: string;
}

/** Ids are local to the set; `set/id` reaches another set; anything else is the name of an alarm in AWS. */
const LOCAL = /^(?:([a-z0-9-]+)\/)?([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)$/;

/**
 * Reads a rule as its file means it. With `nameOf`, ids become names in AWS, and a child that does not exist for this
 * stage counts as never in any state: it drops out of OR, and takes an AND with it.
 */
export function localRule(
  node: RuleNode,
  ownSet: string,
  nameOf?: (set: string, alarm: string) => string | undefined,
): { readonly rule: RuleNode; readonly references: readonly LocalReference[] } {
  const references: LocalReference[] = [];
  const resolve = (reference: string): string | undefined => {
    const match = LOCAL.exec(reference);
    if (match?.[2] === undefined) {
      references.push({ set: undefined, alarm: reference });
      return reference;
    }
    const local = { set: match[1] ?? ownSet, alarm: match[2] };
    references.push(local);
    return nameOf === undefined ? reference : nameOf(local.set, local.alarm);
  };
  return { rule: rewrite(node, resolve), references };
}

const NEVER: RuleNode = { kind: 'constant', value: false };

function rewrite(node: RuleNode, resolve: (reference: string) => string | undefined): RuleNode {
  switch (node.kind) {
    case 'constant':
      return node;
    case 'state': {
      const alarm = resolve(node.alarm);
      return alarm === undefined ? NEVER : { ...node, alarm };
    }
    case 'not': {
      const inner = rewrite(node.inner, resolve);
      return inner.kind === 'constant' ? { kind: 'constant', value: !inner.value } : { kind: 'not', inner };
    }
    case 'all':
    case 'any':
      return simplified(
        node.kind,
        node.nodes.map((inner) => rewrite(inner, resolve)),
      );
    case 'at_least': {
      const alarms = node.alarms.flatMap((alarm) => resolve(alarm) ?? []);
      return alarms.length === 0 ? NEVER : { ...node, alarms };
    }
  }
}

function simplified(kind: 'all' | 'any', nodes: readonly RuleNode[]): RuleNode {
  const deciding = kind === 'any';
  if (nodes.some((node) => node.kind === 'constant' && node.value === deciding)) {
    return { kind: 'constant', value: deciding };
  }
  const left = nodes.filter((node) => node.kind !== 'constant');
  const [only] = left;
  if (only === undefined) return { kind: 'constant', value: !deciding };
  return left.length === 1 ? only : { kind, nodes: left };
}
