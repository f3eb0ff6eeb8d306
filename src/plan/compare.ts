import { sha256Hex } from '../core/hash.ts';
import type { JsonValue, ObservedResource, Properties, ResourceType } from '../model/managed-resource.ts';
import { isMap, normaliseProperties } from './normalise.ts';

/** One property that differs; `undefined` = not set on that side. */
export interface FieldChange {
  readonly property: string;
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

export interface TagChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

/** Differences between two normalised sets of properties, by name. */
export function changedFields(before: Properties, after: Properties): readonly FieldChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .sort()
    .filter((name) => canonical(before[name]) !== canonical(after[name]))
    .map((property) => ({ property, before: before[property], after: after[property] }));
}

/** Tags of AWS itself (`aws:`) can be neither set nor removed. */
export function changedTags(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): TagChanges {
  const set = Object.entries(after).filter(([name, value]) => before[name] !== value);
  const removed = Object.keys(before).filter((name) => after[name] === undefined && !name.startsWith('aws:'));
  return { set: Object.fromEntries(set), removed: removed.sort() };
}

export function hasTagChanges(changes: TagChanges): boolean {
  return Object.keys(changes.set).length > 0 || changes.removed.length > 0;
}

/** Short hash of normalised properties, for the `gatewatch:spec` tag. */
export function specHash(type: ResourceType, properties: Properties): string {
  return sha256Hex(canonical(normaliseProperties(type, properties))).slice(0, 16);
}

/** What a saved plan remembers of a resource it saw: everything that decides, nothing that moves by itself. */
export function fingerprintOf(resource: ObservedResource | undefined): string {
  if (resource === undefined) return 'absent';
  const seen = {
    type: resource.key.type,
    properties: normaliseProperties(resource.key.type, resource.properties),
    tags: { ...resource.tags },
  };
  return sha256Hex(canonical(seen));
}

/** JSON with sorted names: equal values have equal texts. */
export function canonical(value: JsonValue | undefined): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(',')}}`;
}
