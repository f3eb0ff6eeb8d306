import { stringify } from 'yaml';
import type { StageInventory } from '../../model/inventory.ts';
import type { JsonValue, ObservedResource } from '../../model/managed-resource.ts';
import { type Each, instancesOf, selects } from '../each.ts';
import type { Selector } from '../format/kinds.ts';
import { API_VERSION } from '../format/kinds.ts';
import { isMap } from '../format/layers.ts';
import type { FoldedAlarm, PlacedAlarm } from './fold-alarms.ts';

/** An alarm that no file can say exactly. */
export interface LeftOut {
  readonly alarm: ObservedResource;
  readonly why: string;
}

export interface SetText {
  readonly text: string;
  /** Whose alarms each entry under `alarms` is, in their order. */
  readonly entries: readonly (readonly PlacedAlarm[])[];
}

/** One AlarmSet as a file. `nameOf` gives the name the template of the folder would give, so that it need not be written. */
export function setText(input: {
  readonly set: string;
  readonly folded: readonly FoldedAlarm[];
  readonly stages: readonly StageInventory[];
  readonly leftOut: readonly LeftOut[];
  readonly nameOf: (set: string, id: string, each: Each) => string | undefined;
}): SetText {
  const { set, folded, stages } = input;
  const members = folded.flatMap((entry) => entry.members);
  const match = narrowest(new Set(members.map(({ each }) => each.stage)), stages);
  const all = instancesOf({ source: 'stages', match, on_empty: 'ok' }, stages);
  const families = familiesOf(folded);
  const overrides = families.flatMap((family) => overridesOf(family, all));
  const teams = new Set(members.map(({ alarm, ours }) => (ours ? alarm.tags?.team : undefined)));
  const [team] = teams;
  const document = {
    apiVersion: API_VERSION,
    kind: 'AlarmSet',
    metadata: { name: set, ...(teams.size === 1 && team !== undefined ? { labels: { team } } : {}) },
    spec: {
      for_each: { source: 'stages', ...(Object.keys(match).length === 0 ? {} : { match }) },
      // What was pulled is taken over as it is; what was changed since is a conflict again.
      ...(members.every(({ ours }) => ours) ? {} : { defaults: { lifecycle: { adopt: 'if-identical' } } }),
      alarms: families.map((family) => entryOf(family, all, input.nameOf)),
      ...(overrides.length === 0 ? {} : { overrides }),
    },
  };
  const head = `# Pulled from AWS: ${members.length} alarms in ${families.length} entries.\n`;
  return {
    text: `${head}${stringify(document, { lineWidth: 0 })}${leftOutText(input.leftOut)}`,
    entries: families.map(({ base, variants }) => [base, ...variants].flatMap((entry) => entry.members)),
  };
}

export function leftOutText(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return '';
  const lines = leftOut.map(
    ({ alarm: { key }, why }) =>
      `#   ${key.name} (${key.account}, ${key.region}): ${why.replaceAll('\n', ' ')}`,
  );
  return `# Not pulled, because no file can say it exactly:\n${lines.join('\n')}\n`;
}

/** Entries of one id: what most stages have, and what others have instead. */
interface Family {
  readonly base: FoldedAlarm;
  readonly variants: readonly FoldedAlarm[];
}

function familiesOf(folded: readonly FoldedAlarm[]): readonly Family[] {
  return [...Map.groupBy(folded, ({ id }) => id).values()].flatMap((entries): Family[] => {
    const [base, ...variants] = [...entries].sort((one, other) => other.members.length - one.members.length);
    return base === undefined ? [] : [{ base, variants }];
  });
}

function entryOf(
  { base, variants }: Family,
  all: readonly Each[],
  nameOf: (set: string, id: string, each: Each) => string | undefined,
): Readonly<Record<string, JsonValue>> {
  const { set, id } = base;
  const { AlarmName = '', ...rest } = base.fields;
  const members = [base, ...variants].flatMap((entry) => entry.members);
  const isUsual = members.every(({ alarm, each }) => nameOf(set, id, each) === alarm.key.name);
  const when = conditionOf(new Set(members.map(({ each }) => each.stage)), all);
  return { id, ...(when === undefined ? {} : { when }), ...(isUsual ? {} : { AlarmName }), ...rest };
}

interface Override {
  readonly match: Selector;
  readonly alarms: Readonly<Record<string, Fields>>;
}

type Fields = Readonly<Record<string, JsonValue>>;

function overridesOf({ base, variants }: Family, all: readonly Each[]): readonly Override[] {
  return variants.flatMap(({ id, fields, members }): Override[] => {
    const alarms = { [id]: difference(base.fields, fields) };
    const wanted = new Set(members.map(({ each }) => each.stage));
    const match = exactSelector(
      wanted,
      all.map(({ stage }) => stage),
    );
    if (match !== undefined) return [{ match, alarms }];
    return [...wanted].map(({ apiId, stage }) => ({ match: { id: apiId, stage }, alarms }));
  });
}

/** What an override must say to make one set of fields of another: `null` takes away, maps are merged. */
function difference(low: Fields, high: Fields): Fields {
  const names = new Set([...Object.keys(low), ...Object.keys(high)]);
  const changed = [...names].flatMap((name): (readonly [string, JsonValue])[] => {
    const [before, after] = [low[name], high[name]];
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    if (after === undefined) return [[name, null]];
    return [[name, isMap(before) && isMap(after) ? difference(before, after) : after]];
  });
  return Object.fromEntries(changed);
}

/** The plainest selector that takes exactly these stages. */
function exactSelector(
  wanted: ReadonlySet<StageInventory>,
  stages: readonly StageInventory[],
): Selector | undefined {
  const [first] = wanted;
  if (first === undefined) return undefined;
  const { protocol, stage, apiId: id } = first;
  const candidates: readonly Selector[] = [
    {},
    { protocol: [protocol] },
    { stage },
    { protocol: [protocol], stage },
    { id },
    { id, stage },
  ];
  return candidates.find((selector) => {
    const taken = stages.filter((one) => selects(selector, one));
    return taken.length === wanted.size && taken.every((one) => wanted.has(one));
  });
}

/** Without an exact selector all stages are taken, and each alarm says where it is. */
function narrowest(wanted: ReadonlySet<StageInventory>, stages: readonly StageInventory[]): Selector {
  const exact = exactSelector(wanted, stages);
  if (exact === undefined) return {};
  // Names that are not unique among all stages may be so among fewer: that would change the keys alarms are known by.
  const keys = (among: readonly StageInventory[]) =>
    new Map(instancesOf({ source: 'stages', on_empty: 'ok' }, among).map(({ stage, key }) => [stage, key]));
  const [few, many] = [keys([...wanted]), keys(stages)];
  return [...wanted].every((stage) => few.get(stage) === many.get(stage)) ? exact : {};
}

/** `when` of an entry that is not for every stage of its set. */
function conditionOf(wanted: ReadonlySet<StageInventory>, all: readonly Each[]): string | undefined {
  const isExact = (test: (each: Each) => boolean) =>
    all.every((each) => test(each) === wanted.has(each.stage));
  if (isExact(() => true)) return undefined;
  const [first] = wanted;
  if (first === undefined) return undefined;
  if (isExact(({ stage }) => stage.protocol === first.protocol)) {
    return `\${each.api.protocol == "${first.protocol}"}`;
  }
  if (isExact(({ stage }) => stage.stage === first.stage))
    return `\${each.stage == ${JSON.stringify(first.stage)}}`;
  const keys = all.filter(({ stage }) => wanted.has(stage)).map(({ key }) => JSON.stringify(key));
  return keys.length === 1 ? `\${each.key == ${keys[0]}}` : `\${each.key in [${keys.join(', ')}]}`;
}
