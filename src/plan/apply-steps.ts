import type { DesiredResource, ObservedResource, ResourceType } from '../model/managed-resource.ts';
import type { Change } from './plan-changes.ts';

type Writing = Extract<Change, { readonly verb: 'create' | 'update' | 'adopt' | 'replace' }>;

type TypeChange = Extract<Change, { readonly verb: 'replace' }>;

/** One call, or two where tags need their own. A delete step holds what one call of its kind may take. */
export type Step =
  | { readonly kind: 'put'; readonly change: Writing }
  | { readonly kind: 'delete'; readonly type: ResourceType; readonly resources: readonly ObservedResource[] }
  /** A composite's rule becomes FALSE: CloudWatch deletes no alarm that a composite reads, nor composites in a cycle. */
  | { readonly kind: 'neutralise'; readonly observed: ObservedResource }
  /** A composite gets back the rule it had before `neutralise`. */
  | { readonly kind: 'restore'; readonly observed: ObservedResource };

const MAX_DELETES_PER_CALL = 100;
const PUT_RANK: Readonly<Record<ResourceType, number>> = {
  metric_filter: 0,
  metric_alarm: 1,
  composite_alarm: 2,
  mute_rule: 3,
};

/**
 * Filters, metric alarms, composites bottom-up, mute rules; then deletes, in reverse: mute rules, composites top-down and
 * one per call, metric alarms, filters. What must make room goes first. An alarm that changes its type is deleted before it is made again, since both kinds share one name.
 */
export function applySteps(changes: readonly Change[]): readonly Step[] {
  const puts = changes.filter((change) => isWriting(change));
  const typeChanges = puts.flatMap((change) =>
    change.verb === 'replace' && change.why === 'type' ? [change] : [],
  );
  const going = changes.flatMap((change) =>
    change.verb === 'delete' || (change.verb === 'replace' && change.why === 'renamed') ? [change] : [],
  );
  const goneWhere = (isFirst: boolean) =>
    going.filter(({ first }) => (first ?? false) === isFirst).map(({ observed }) => observed);
  const readers = readersToFree(typeChanges);
  const written = new Set(changes.flatMap((change) => ('observed' in change ? [change.observed] : [])));
  return [
    ...deleteSteps(goneWhere(true)),
    ...readers.map((observed): Step => ({ kind: 'neutralise', observed })),
    ...deleteSteps(typeChanges.map((change) => change.observed)),
    ...putSteps(puts),
    ...readers
      .filter((observed) => !written.has(observed))
      .map((observed): Step => ({ kind: 'restore', observed })),
    ...deleteSteps(goneWhere(false)),
  ];
}

/** A reader that turns into something else itself is deleted with the rest. */
function readersToFree(typeChanges: readonly TypeChange[]): readonly ObservedResource[] {
  const turning = new Set(typeChanges.map((change) => change.observed));
  const readers = new Set(typeChanges.flatMap((change) => change.readers));
  return [...readers].filter((reader) => !turning.has(reader));
}

function isWriting(change: Change): change is Writing {
  return ['create', 'update', 'adopt', 'replace'].includes(change.verb);
}

function putSteps(puts: readonly Writing[]): readonly Step[] {
  const ranked = [...puts].sort(
    (one, other) => PUT_RANK[one.desired.key.type] - PUT_RANK[other.desired.key.type],
  );
  const below = ranked.filter(({ desired }) => PUT_RANK[desired.key.type] < PUT_RANK.composite_alarm);
  const composites = ranked.filter(({ desired }) => desired.key.type === 'composite_alarm');
  const above = ranked.filter(({ desired }) => PUT_RANK[desired.key.type] > PUT_RANK.composite_alarm);
  const ordered = inOrder(composites, (change) => change.desired);
  return [...below, ...ordered, ...above].map((change): Step => ({ kind: 'put', change }));
}

function deleteSteps(gone: readonly ObservedResource[]): readonly Step[] {
  const of = (type: ResourceType) => gone.filter((resource) => resource.key.type === type);
  const composites = of('composite_alarm');
  const cyclic = new Set(inCycle(composites));
  const topDown = inOrder(composites, (resource) => resource).reverse();
  const singly = (type: ResourceType) =>
    of(type).map((resource): Step => ({ kind: 'delete', type, resources: [resource] }));
  return [
    ...singly('mute_rule'),
    ...[...cyclic].map((observed): Step => ({ kind: 'neutralise', observed })),
    ...topDown.map((resource): Step => ({ kind: 'delete', type: 'composite_alarm', resources: [resource] })),
    ...batches(of('metric_alarm')).map(
      (resources): Step => ({ kind: 'delete', type: 'metric_alarm', resources }),
    ),
    ...singly('metric_filter'),
  ];
}

type Named = Pick<DesiredResource | ObservedResource, 'key' | 'children'>;

/** Children before parents. A cycle is left where it is met: what is desired was checked, what is deleted is neutralised. */
function inOrder<T>(items: readonly T[], of: (item: T) => Named): T[] {
  const byName = new Map(items.map((item) => [scopedName(of(item)), item]));
  const done = new Set<T>();
  const ordered: T[] = [];
  const visit = (item: T, path: readonly T[]): void => {
    if (done.has(item) || path.includes(item)) return;
    for (const child of of(item).children) {
      const inner = byName.get(scopedName(of(item), child));
      if (inner !== undefined) visit(inner, [...path, item]);
    }
    if (done.has(item)) return;
    done.add(item);
    ordered.push(item);
  };
  for (const item of items) visit(item, []);
  return ordered;
}

function inCycle(composites: readonly ObservedResource[]): readonly ObservedResource[] {
  const byName = new Map(composites.map((resource) => [scopedName(resource), resource]));
  const reaches = (from: ObservedResource, target: ObservedResource, seen: Set<ObservedResource>): boolean =>
    from.children.some((child) => {
      const inner = byName.get(scopedName(from, child));
      if (inner === undefined || seen.has(inner)) return false;
      seen.add(inner);
      return inner === target || reaches(inner, target, seen);
    });
  return composites.filter((resource) => reaches(resource, resource, new Set()));
}

function scopedName(resource: Named, name: string = resource.key.name): string {
  return `${resource.key.account}/${resource.key.region}/${name}`;
}

/** Up to a hundred names of one account and Region. */
function batches(alarms: readonly ObservedResource[]): readonly (readonly ObservedResource[])[] {
  const byScope = Map.groupBy(alarms, ({ key }) => `${key.account}/${key.region}`);
  return [...byScope.values()].flatMap((resources) =>
    Array.from({ length: Math.ceil(resources.length / MAX_DELETES_PER_CALL) }, (_, index) =>
      resources.slice(index * MAX_DELETES_PER_CALL, (index + 1) * MAX_DELETES_PER_CALL),
    ),
  );
}
