import {
  type DesiredResource,
  type ObservedResource,
  type Properties,
  resourceKeyText,
} from '../model/managed-resource.ts';
import {
  changedFields,
  changedTags,
  type FieldChange,
  hasTagChanges,
  specHash,
  type TagChanges,
} from './compare.ts';
import { normaliseProperties } from './normalise.ts';
import { MANAGER, OWNER_TAGS, ownershipOf } from './ownership.ts';
import { type Deletion, planDeletes, readersOf } from './plan-deletes.ts';

interface WithDesired {
  readonly desired: DesiredResource;
  /** What will be sent: the desired properties, with those of `ignoreChanges` as AWS has them. */
  readonly properties: Properties;
  /** Every tag the resource is to have, ours included. Empty for what has no tags of ours. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * What happens to one resource.
 *
 * - `create`, `delete`: as they say. `update`: in place, CloudWatch keeps state and history.
 * - `replace`: a rename or a change of type. Both are a create and a delete; state and history are lost.
 * - `adopt`: exists, nobody's or somebody else's, and the files say it may be taken over.
 * - `conflict`: exists and is not ours. Nothing is done until a person decides.
 * - `withheld`: would be deleted (or, of a mute rule, changed), but for the reason given it is not.
 */
export type Change =
  | ({ readonly verb: 'create' } & WithDesired)
  | ({
      readonly verb: 'update' | 'adopt';
      readonly observed: ObservedResource;
      readonly fields: readonly FieldChange[];
      readonly tagChanges: TagChanges;
    } & WithDesired)
  | ({
      readonly verb: 'replace';
      readonly observed: ObservedResource;
      readonly why: 'renamed' | 'type';
      /** Composites of ours that read it and must let go of it first. */
      readonly readers: readonly ObservedResource[];
      /** Of a metric filter: the old one goes before anything is made, its log group has no room otherwise. */
      readonly first?: true;
    } & WithDesired)
  | {
      readonly verb: 'conflict';
      readonly desired: DesiredResource;
      readonly observed: ObservedResource;
      readonly why: string;
    }
  | Deletion;

export interface PlanInput {
  readonly workspace: string;
  readonly desired: readonly DesiredResource[];
  /** Everything that is ours, and whatever else stands at the name of something desired. */
  readonly observed: readonly ObservedResource[];
  /** `account/region` whose APIs or alarms were not listed whole, with the reason: nothing there is taken for gone. */
  readonly partial: ReadonlyMap<string, string>;
  /** Ids whose conflict the user has decided by `adopt`. */
  readonly adopted?: ReadonlySet<string>;
}

/** Desired × observed × ownership. Resources that need nothing are left out; order is that of `desired`, deletes last. */
export function planChanges(input: PlanInput): readonly Change[] {
  const byKey = new Map(input.observed.map((resource) => [resourceKeyText(resource.key), resource]));
  const oursById = oursIn(input);
  const taken = new Set<ObservedResource>();
  const changes: Change[] = [];
  for (const desired of input.desired) {
    const there = byKey.get(resourceKeyText(desired.key));
    const change =
      there === undefined
        ? createOrRename(desired, oursById.get(idKey(desired.id, desired.key)), input, taken)
        : changeOf(desired, there, input);
    if (there !== undefined) taken.add(there);
    if (change !== undefined) changes.push(change);
  }
  const conflicting = changes.flatMap((change) => (change.verb === 'conflict' ? [change.observed] : []));
  return [...changes, ...planDeletes({ ...input, taken, conflicting })];
}

function oursIn(input: PlanInput): ReadonlyMap<string, ObservedResource> {
  const ours = new Map<string, ObservedResource>();
  for (const resource of input.observed) {
    const ownership = ownershipOf(resource, input.workspace);
    if (ownership.kind === 'ours') ours.set(idKey(ownership.id, resource.key), resource);
  }
  return ours;
}

function idKey(id: string, key: ObservedResource['key']): string {
  const kind = key.type.endsWith('_alarm') ? 'alarm' : key.type;
  return `${key.account}/${key.region}/${kind}/${id}`;
}

function createOrRename(
  desired: DesiredResource,
  earlier: ObservedResource | undefined,
  input: PlanInput,
  taken: Set<ObservedResource>,
): Change {
  const wanted = wantedOf(desired, undefined, input.workspace);
  if (earlier === undefined) return { verb: 'create', ...wanted };
  taken.add(earlier);
  return { verb: 'replace', observed: earlier, why: 'renamed', readers: [], ...wanted };
}

function changeOf(
  desired: DesiredResource,
  observed: ObservedResource,
  input: PlanInput,
): Change | undefined {
  const ownership = ownershipOf(observed, input.workspace);
  const wanted = wantedOf(desired, observed, input.workspace);
  if (ownership.kind === 'ours') {
    if (observed.key.type !== desired.key.type) return typeChange(wanted, observed, input);
    const differences = differencesOf(observed, wanted);
    if (isNothing(differences)) return undefined;
    const why = unlisted(desired, input);
    return why === undefined
      ? { verb: 'update', observed, ...differences, ...wanted }
      : { verb: 'withheld', id: desired.id, observed, why };
  }
  return mayAdopt(desired, observed, wanted, input)
    ? { verb: 'adopt', observed, ...differencesOf(observed, wanted), ...wanted }
    : { verb: 'conflict', desired, observed, why: ownership.why };
}

/** A mute rule made of what could be listed would let go of the alarms that could not. */
function unlisted({ key }: DesiredResource, { partial }: PlanInput): string | undefined {
  const reason = key.type === 'mute_rule' ? partial.get(`${key.account}/${key.region}`) : undefined;
  return reason === undefined ? undefined : `discovery there was partial: ${reason}`;
}

/**
 * CloudWatch cannot turn a metric alarm into a composite, and deletes none that a composite still reads: our own readers
 * are told FALSE meanwhile, somebody else's are not touched.
 */
function typeChange(wanted: WithDesired, observed: ObservedResource, input: PlanInput): Change {
  const readers = readersOf(observed, input.observed);
  const foreign = readers.find((reader) => ownershipOf(reader, input.workspace).kind === 'foreign');
  if (foreign === undefined) return { verb: 'replace', observed, why: 'type', readers, ...wanted };
  return {
    verb: 'conflict',
    desired: wanted.desired,
    observed,
    why: `it is of another type and ${foreign.key.name}, which is not ours, reads it: it cannot be made anew under this name`,
  };
}

function wantedOf(
  desired: DesiredResource,
  observed: ObservedResource | undefined,
  workspace: string,
): WithDesired {
  const properties = { ...desired.properties };
  for (const name of desired.lifecycle.ignoreChanges) {
    const theirs = observed?.properties[name];
    if (theirs !== undefined) properties[name] = theirs;
  }
  return { desired, properties, tags: tagsOf(desired, workspace) };
}

function tagsOf(desired: DesiredResource, workspace: string): Readonly<Record<string, string>> {
  if (!desired.key.type.endsWith('_alarm')) return {};
  return {
    ...desired.tags,
    [OWNER_TAGS.managedBy]: MANAGER,
    [OWNER_TAGS.workspace]: workspace,
    [OWNER_TAGS.id]: desired.id,
    // Of what the files ask for, not of what is sent: a property that is ignored does not count.
    ...(desired.lifecycle.preventDestroy ? { [OWNER_TAGS.protected]: 'true' } : {}),
    [OWNER_TAGS.spec]: specHash(desired.key.type, desired.properties),
  };
}

interface Differences {
  readonly fields: readonly FieldChange[];
  readonly tagChanges: TagChanges;
}

function differencesOf(observed: ObservedResource, wanted: WithDesired): Differences {
  const type = wanted.desired.key.type;
  return {
    fields: changedFields(
      normaliseProperties(type, observed.properties),
      normaliseProperties(type, wanted.properties),
    ),
    tagChanges: changedTags(observed.tags ?? {}, wanted.tags),
  };
}

function isNothing(differences: Differences): boolean {
  return differences.fields.length === 0 && !hasTagChanges(differences.tagChanges);
}

function mayAdopt(
  desired: DesiredResource,
  observed: ObservedResource,
  wanted: WithDesired,
  input: PlanInput,
): boolean {
  if (observed.key.type !== desired.key.type) return false;
  if (input.adopted?.has(desired.id) === true || desired.lifecycle.adopt === 'always') return true;
  return desired.lifecycle.adopt === 'if-identical' && differencesOf(observed, wanted).fields.length === 0;
}
