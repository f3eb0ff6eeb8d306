import { UserError } from '../../core/errors.ts';
import type { Problem } from '../../documents/problem.ts';
import { parseRule } from '../../evaluate/composite-rule.ts';
import type { Inventory } from '../../model/inventory.ts';
import { type ObservedResource, resourceKeyText } from '../../model/managed-resource.ts';
import { changedFields, changedTags } from '../../plan/compare.ts';
import { normaliseProperties } from '../../plan/normalise.ts';
import { OWNER_TAGS, ownershipOf } from '../../plan/ownership.ts';
import { alarmNameOf } from '../alarm-reference.ts';
import { type Each, eachValues, instancesOf } from '../each.ts';
import { type Expansion, expandAlarms } from '../expand-alarms.ts';
import { evaluateIn } from '../format/expressions.ts';
import { type AlarmDirectory, loadAlarmFiles } from '../format/load-alarm-files.ts';
import { foldAlarms, type PlacedAlarm } from './fold-alarms.ts';
import { placeMetricAlarm } from './place-alarm.ts';
import { type LeftOut, type SetText, setText } from './pull-text.ts';

export interface PullInput {
  /** What is to be written down, tags with what is ours. */
  readonly alarms: readonly ObservedResource[];
  readonly inventory: Pick<Inventory, 'stages' | 'complete'>;
  /** The folder the new files are for: its defaults and its routing apply to them. */
  readonly folder: AlarmDirectory;
  readonly workspace: string;
}

export interface PulledFile extends SetText {
  readonly set: string;
  readonly alarms: number;
}

export interface Pulled {
  readonly files: readonly PulledFile[];
  readonly leftOut: readonly LeftOut[];
}

const SET_NAME = 'pulled';
const NAME_TEMPLATE = '${set.name}/${each.key}/${alarm.id}';

/**
 * Writes alarms down as files. What was written is read back and expanded like any file: an alarm that does not come out
 * as CloudWatch has it is written literally, and when that does not help either, it is left out with the reason. So what
 * is in the files is exact.
 */
export function pullAlarms(input: PullInput): Pulled {
  const { placed, leftOut } = placeAlarms(input);
  const literal = new Set<ObservedResource>();
  const left = [...leftOut];
  let candidates = placed;
  for (;;) {
    const files = writeFiles(
      candidates.map((one) => ({ ...one, literal: literal.has(one.alarm) })),
      left,
      input,
    );
    const wrong = inexact(files, candidates, literal, input);
    if (wrong.size === 0) return { files, leftOut: left };
    for (const [alarm, why] of wrong) {
      if (!literal.has(alarm)) literal.add(alarm);
      else left.push({ alarm, why });
    }
    const gone = new Set(left.map(({ alarm }) => alarm));
    candidates = candidates.filter(({ alarm }) => !gone.has(alarm));
  }
}

function placeAlarms(input: PullInput): {
  readonly placed: readonly PlacedAlarm[];
  readonly leftOut: readonly LeftOut[];
} {
  const eaches = instancesOf({ source: 'stages', on_empty: 'ok' }, input.inventory.stages);
  const byName = new Map<string, Each>();
  const placed: PlacedAlarm[] = [];
  const leftOut: LeftOut[] = [];
  const place = (alarm: ObservedResource, each: Each | string): void => {
    if (typeof each === 'string') {
      leftOut.push({ alarm, why: each });
      return;
    }
    byName.set(scopedName(alarm, alarm.key.name), each);
    const ours = ownershipOf(alarm, input.workspace).kind === 'ours';
    placed.push({ alarm, each, ours, literal: false });
  };
  const composites = input.alarms.filter(({ key }) => key.type === 'composite_alarm');
  for (const alarm of input.alarms.filter(({ key }) => key.type === 'metric_alarm')) {
    const found = placeMetricAlarm(alarm, input.inventory.stages);
    const each = found.kind === 'placed' ? eaches.find(({ stage }) => stage === found.stage) : undefined;
    place(alarm, each ?? (found.kind === 'nowhere' ? found.why : 'its stage is tagged gatewatch/ignore'));
  }
  // A composite stands where the first of its children stands; those may be composites too.
  let waiting = composites;
  while (waiting.length > 0) {
    const ready = waiting.filter((alarm) => placeOfChildren(alarm, byName) !== undefined);
    for (const alarm of ready) place(alarm, placeOfChildren(alarm, byName) ?? '');
    if (ready.length === 0) break;
    waiting = waiting.filter((alarm) => !ready.includes(alarm));
  }
  for (const alarm of waiting)
    place(alarm, 'none of the alarms its rule reads is pulled, or its rule cannot be read');
  return { placed, leftOut };
}

function scopedName({ key }: ObservedResource, name: string): string {
  return `${key.account}/${key.region}/${name}`;
}

function placeOfChildren(alarm: ObservedResource, byName: ReadonlyMap<string, Each>): Each | undefined {
  if (!isReadable(alarm.properties.AlarmRule)) return undefined;
  const found = alarm.children.map((name) => byName.get(scopedName(alarm, alarmNameOf(name))));
  return found.find((each) => each !== undefined);
}

function isReadable(rule: unknown): boolean {
  try {
    parseRule(String(rule));
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function writeFiles(
  placed: readonly PlacedAlarm[],
  leftOut: readonly LeftOut[],
  input: PullInput,
): readonly PulledFile[] {
  const loaded = loadAlarmFiles(input.folder);
  const taken = new Set(loaded.ok ? loaded.files.sets.map(({ value }) => value.metadata.name) : []);
  const setName = freeName(SET_NAME, taken);
  const template =
    (loaded.ok
      ? loaded.files.defaults.findLast(({ value }) => value.spec.nameTemplate !== undefined)
      : undefined
    )?.value.spec.nameTemplate ?? NAME_TEMPLATE;
  const nameOf = (set: string, id: string, each: Each): string | undefined => {
    const context = { each: eachValues(each), set: { name: set, labels: {} }, alarm: { id } };
    try {
      return String(evaluateIn(template, context, { file: 'nameTemplate', line: 1 }));
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  };
  const sets = Map.groupBy(foldAlarms({ placed, setName, taken }), ({ set }) => set);
  return [...sets].map(([set, folded], index) => ({
    set,
    alarms: folded.reduce((sum, { members }) => sum + members.length, 0),
    ...setText({
      set,
      folded,
      stages: input.inventory.stages,
      leftOut: index === 0 ? leftOut : [],
      nameOf,
    }),
  }));
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n += 1) {
    const free = n === 1 ? name : `${name}-${n}`;
    if (!taken.has(free)) return free;
  }
}

/** Alarms that the files do not give back as they are, each with what differs. */
function inexact(
  files: readonly PulledFile[],
  candidates: readonly PlacedAlarm[],
  literal: ReadonlySet<ObservedResource>,
  input: PullInput,
): ReadonlyMap<ObservedResource, string> {
  const loaded = loadAlarmFiles({
    ...input.folder,
    files: [...input.folder.files, ...files.map(({ set, text }) => ({ path: `${set}.pulled.yaml`, text }))],
  });
  if (!loaded.ok) {
    return refusedEntries(loaded.problems, files, candidates);
  }
  const expansion = expandAlarms(loaded.files, input.inventory);
  const made = new Map(expansion.resources.map((one) => [resourceKeyText(one.key), one]));
  const wrong = new Map<ObservedResource, string>();
  for (const { alarm, ours } of candidates) {
    const why = differenceOf(
      alarm,
      made.get(resourceKeyText(alarm.key)),
      ours && !literal.has(alarm),
      expansion,
    );
    if (why !== undefined) wrong.set(alarm, why);
  }
  return wrong;
}

/** Alarms whose entries a file of the format may not have. A problem elsewhere in a file is one of all its alarms. */
function refusedEntries(
  problems: readonly Problem[],
  files: readonly PulledFile[],
  candidates: readonly PlacedAlarm[],
): ReadonlyMap<ObservedResource, string> {
  const wrong = new Map<ObservedResource, string>();
  for (const problem of problems) {
    const file = files.find(({ set }) => problem.file === `${set}.pulled.yaml`);
    const index = /^spec\.alarms\[(\d+)\]/.exec(problem.path)?.[1];
    const members = file?.entries[Number(index)] ?? file?.entries.flat() ?? candidates;
    for (const { alarm } of members) wrong.set(alarm, wordsOf(problem));
  }
  return wrong;
}

function differenceOf(
  alarm: ObservedResource,
  desired: Expansion['resources'][number] | undefined,
  withTags: boolean,
  expansion: Expansion,
): string | undefined {
  const { type } = alarm.key;
  if (desired === undefined || desired.key.type !== type) {
    const [problem] = expansion.problems.filter(({ severity }) => severity === 'error');
    const [refusal] = expansion.refusals;
    return problem === undefined ? (refusal?.reason ?? 'the files do not make it') : wordsOf(problem);
  }
  const fields = changedFields(
    normaliseProperties(type, alarm.properties),
    normaliseProperties(type, desired.properties),
  );
  const [field] = fields;
  if (field !== undefined) {
    return `${field.property} would be ${JSON.stringify(field.after ?? null)}, and is ${JSON.stringify(field.before ?? null)}`;
  }
  if (!withTags) return undefined;
  const own = Object.fromEntries(Object.entries(alarm.tags ?? {}).filter(([name]) => !isOwnerTag(name)));
  const { set, removed } = changedTags(own, desired.tags);
  const names = [...Object.keys(set), ...removed];
  return names.length === 0 ? undefined : `its tags differ: ${names.join(', ')}`;
}

function isOwnerTag(name: string): boolean {
  return Object.values(OWNER_TAGS).some((one) => one === name);
}

function wordsOf({ path, expected, got }: Problem): string {
  return `${path}: expected ${expected}, got ${got}`;
}
