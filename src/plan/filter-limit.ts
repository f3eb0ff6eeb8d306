import {
  type DesiredResource,
  type ObservedResource,
  type ResourceKey,
  resourceKeyText,
} from '../model/managed-resource.ts';
import type { Change } from './plan-changes.ts';

/** Most metric filters that one log group takes. Source: CloudWatch Logs API reference, PutMetricFilter. */
export const MAX_FILTERS = 100;

/** What stands in the log groups of the files. */
export interface FilterCensus {
  /** Metric filters of this workspace, among whatever else. */
  readonly observed: readonly ObservedResource[];
  /** `filterPlace` → how many it has that are not of this workspace. Absent: none. */
  readonly others: ReadonlyMap<string, number>;
}

/** A metric filter for which its log group has no room, with what the group holds. */
export interface CrowdedOut {
  readonly desired: DesiredResource;
  /** Asked for in this log group, this one included. */
  readonly wanted: number;
  readonly others: number;
  /** Of this workspace, no longer asked for, and not deleted all the same. */
  readonly staying: number;
}

/** Key of a log group. */
export function filterPlace({
  account,
  region,
  logGroup,
}: Pick<ResourceKey, 'account' | 'region' | 'logGroup'>): string {
  return `${account}/${region}/${logGroup ?? ''}`;
}

/**
 * Metric filters beyond what their log groups take. Those that exist keep their place, so that nothing that works is thrown
 * out; the others take what is left in the order in which they are given.
 */
export function filtersBeyondLimit(
  input: FilterCensus & {
    readonly desired: readonly DesiredResource[];
    /** `account/region` where nothing is deleted: what is no longer asked for there keeps its place. */
    readonly withheld: ReadonlyMap<string, string>;
  },
): readonly CrowdedOut[] {
  const there = new Set(input.observed.filter(isFilter).map(({ key }) => resourceKeyText(key)));
  const wanted = input.desired.filter(isFilter);
  const asked = new Set(wanted.map(({ key }) => resourceKeyText(key)));
  const stays = ({ key }: ObservedResource) =>
    !asked.has(resourceKeyText(key)) && input.withheld.has(`${key.account}/${key.region}`);
  const staying = countByPlace(input.observed.filter((one) => isFilter(one) && stays(one)));
  return [...Map.groupBy(wanted, ({ key }) => filterPlace(key))].flatMap(([place, own]) => {
    const counts = {
      wanted: own.length,
      others: input.others.get(place) ?? 0,
      staying: staying.get(place) ?? 0,
    };
    const [existing, made] = partition(own, ({ key }) => there.has(resourceKeyText(key)));
    const room = Math.max(0, MAX_FILTERS - counts.others - counts.staying - existing.length);
    return made.slice(room).map((desired) => ({ desired, ...counts }));
  });
}

/**
 * Deletes come last, so that nothing is judged on half a change; where a log group is too full for that, as many metric
 * filters as must go are deleted before anything is made.
 */
export function withRoomFirst(changes: readonly Change[], census: FilterCensus): readonly Change[] {
  const made = changes.flatMap((change) =>
    change.verb === 'create' || change.verb === 'replace' ? [change.desired] : [],
  );
  const there = countByPlace(census.observed.filter(isFilter));
  const missing = new Map(
    [...countByPlace(made.filter(isFilter))].map(([place, count]) => [
      place,
      count + (there.get(place) ?? 0) + (census.others.get(place) ?? 0) - MAX_FILTERS,
    ]),
  );
  return changes.map((change) => {
    if (change.verb !== 'delete' && change.verb !== 'replace') return change;
    if (!isFilter(change.observed)) return change;
    const place = filterPlace(change.observed.key);
    const left = missing.get(place) ?? 0;
    if (left <= 0) return change;
    missing.set(place, left - 1);
    return { ...change, first: true };
  });
}

function isFilter({ key }: { readonly key: ResourceKey }): boolean {
  return key.type === 'metric_filter';
}

function countByPlace(resources: readonly { readonly key: ResourceKey }[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { key } of resources) counts.set(filterPlace(key), (counts.get(filterPlace(key)) ?? 0) + 1);
  return counts;
}

function partition<T>(
  items: readonly T[],
  test: (item: T) => boolean,
): readonly [readonly T[], readonly T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
