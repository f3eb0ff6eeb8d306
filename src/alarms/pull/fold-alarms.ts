import { childrenOf, parseRule } from '../../evaluate/composite-rule.ts';
import type { JsonValue, ObservedResource } from '../../model/managed-resource.ts';
import { alarmNameOf } from '../alarm-reference.ts';
import type { Each } from '../each.ts';
import { fieldsOf, idOf } from './pulled-fields.ts';
import { createTemplater, slugOf } from './text-template.ts';

type Fields = Readonly<Record<string, JsonValue>>;

export interface PlacedAlarm {
  readonly alarm: ObservedResource;
  readonly each: Each;
  readonly ours: boolean;
  readonly literal: boolean;
}

/** One entry under `alarms`: the same fields for each of its stages. */
export interface FoldedAlarm {
  readonly set: string;
  readonly id: string;
  readonly fields: Fields;
  readonly members: readonly PlacedAlarm[];
}

export interface FoldInput {
  readonly placed: readonly PlacedAlarm[];
  /** Set of what has no set of its own. */
  readonly setName: string;
  /** Sets whose names files have taken already. */
  readonly taken: ReadonlySet<string>;
}

/**
 * Alarms that differ only in their stage become one entry. Ours keep their set and id, which are what they are known by;
 * others are named after what their names have in common. Children come before the composites that name them.
 */
export function foldAlarms(input: FoldInput): readonly FoldedAlarm[] {
  const references = new Map<string, { readonly set: string; readonly id: string; readonly each: Each }>();
  const used = new Map<string, string>();
  const folded: FoldedAlarm[] = [];
  for (const wave of wavesOf(input.placed)) {
    for (const group of groupsOf(wave, input, references)) {
      const id = group.known ?? freeId(group.set, group.signature, slugOf(group.name), used);
      folded.push({ set: group.set, id, fields: group.fields, members: group.members });
      for (const { alarm, each } of group.members) {
        references.set(scopedName(alarm, alarm.key.name), { set: group.set, id, each });
      }
    }
  }
  return folded;
}

function scopedName({ key }: ObservedResource, name: string): string {
  return `${key.account}/${key.region}/${name}`;
}

/** Composites that read composites wait for them; those in a circle come last, and name each other by address. */
function wavesOf(placed: readonly PlacedAlarm[]): readonly (readonly PlacedAlarm[])[] {
  const waves: (readonly PlacedAlarm[])[] = [];
  let waiting = placed;
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ alarm }) => scopedName(alarm, alarm.key.name)));
    const ready = waiting.filter(
      ({ alarm }) => !childNames(alarm).some((name) => names.has(scopedName(alarm, name))),
    );
    waves.push(ready.length > 0 ? ready : waiting);
    if (ready.length === 0) break;
    const done = new Set(ready);
    waiting = waiting.filter((one) => !done.has(one));
  }
  return waves;
}

function childNames({ properties }: ObservedResource): readonly string[] {
  const { AlarmRule, ActionsSuppressor } = properties;
  if (typeof AlarmRule !== 'string') return [];
  const suppressor = typeof ActionsSuppressor === 'string' ? [ActionsSuppressor] : [];
  return [...childrenOf(parseRule(AlarmRule)), ...suppressor].map(alarmNameOf);
}

interface Group {
  readonly set: string;
  /** Id that must stay; undefined: to be chosen. */
  readonly known: string | undefined;
  readonly name: string;
  readonly signature: string;
  readonly fields: Fields;
  readonly members: PlacedAlarm[];
}

function groupsOf(
  wave: readonly PlacedAlarm[],
  input: FoldInput,
  references: ReadonlyMap<string, { readonly set: string; readonly id: string; readonly each: Each }>,
): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const placed of wave) {
    const { alarm, each } = placed;
    const identity = identityOf(placed, input);
    const referenceOf = (name: string) => {
      const child = references.get(scopedName(alarm, name));
      if (child?.each.key !== each.key || child.each.stage !== each.stage) return undefined;
      return child.set === identity.set ? child.id : `${child.set}/${child.id}`;
    };
    const literal: Fields = { AlarmName: alarm.key.name, ...fieldsOf({ ...placed, referenceOf }) };
    const templated = createTemplater(each);
    const fields = Object.fromEntries(
      Object.entries(literal).map(([name, value]) => [name, templated(value)]),
    );
    const signature = JSON.stringify([identity.set, identity.known, fields]);
    const known = groups.get(signature);
    if (known !== undefined) known.members.push(placed);
    else
      groups.set(signature, {
        ...identity,
        name: String(fields.AlarmName),
        signature,
        fields,
        members: [placed],
      });
  }
  return [...groups.values()];
}

function identityOf(
  { alarm, each, ours }: PlacedAlarm,
  { setName, taken }: FoldInput,
): { readonly set: string; readonly known: string | undefined } {
  const id = ours ? idOf(alarm) : undefined;
  // An alarm of a route has an id that no alarm of a stage can have.
  if (id === undefined || id.key !== each.key || taken.has(id.set)) return { set: setName, known: undefined };
  return { set: id.set, known: id.alarm };
}

function freeId(set: string, signature: string, slug: string, used: Map<string, string>): string {
  for (let n = 1; ; n += 1) {
    const id = n === 1 ? slug : `${slug}-${n}`;
    const holder = used.get(`${set}/${id}`);
    if (holder !== undefined && holder !== signature) continue;
    used.set(`${set}/${id}`, signature);
    return id;
  }
}
