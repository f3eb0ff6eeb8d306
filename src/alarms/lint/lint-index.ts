import type { JsonValue } from '../../model/managed-resource.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import type { LintFacts, LintIndex } from './finding.ts';

/** Fewer firings may fall together by chance. */
const ENOUGH_FIRINGS = 3;

export function lintIndex(instances: readonly AlarmInstance[]): LintIndex {
  const paging = pagingNames(instances);
  const byContent = Map.groupBy(instances, contentOf);
  const apiIds = Map.groupBy(instances, apiName);
  const companions = new Map<LintFacts, ReadonlyMap<string, readonly AlarmInstance[]>>();
  return {
    pages: (instance) => paging.has(nameOf(instance)),
    twinOf: (instance) => firstOther(byContent.get(contentOf(instance)), instance),
    apiIdsOf: (instance) => [
      ...new Set((apiIds.get(apiName(instance)) ?? []).map(({ each }) => each.stage.apiId)),
    ],
    companionOf: (instance, facts) => {
      const fired = firingsOf(instance, facts);
      if (fired === undefined) return undefined;
      const groups =
        companions.get(facts) ??
        Map.groupBy(instances, (one) => firingsOf(one, facts) ?? `${one.id} is quiet`);
      companions.set(facts, groups);
      return groups.get(fired)?.find((other) => other.id < instance.id && !isRelated(instance, other));
    },
  };
}

function nameOf({ resource }: AlarmInstance): string {
  const { account, region, name } = resource.key;
  return `${account}/${region}/${name}`;
}

/** What pages, and whatever it reads, however far down. */
function pagingNames(instances: readonly AlarmInstance[]): ReadonlySet<string> {
  const byName = new Map(instances.map((instance) => [nameOf(instance), instance]));
  const paging = new Set<string>();
  const visit = (instance: AlarmInstance | undefined): void => {
    if (instance === undefined || paging.has(nameOf(instance))) return;
    paging.add(nameOf(instance));
    const { account, region } = instance.resource.key;
    for (const child of instance.resource.children) visit(byName.get(`${account}/${region}/${child}`));
  };
  for (const instance of instances) if (instance.severity === 'page') visit(instance);
  return paging;
}

/** Everything that decides when it fires and whom it tells. */
function contentOf({ resource }: AlarmInstance): string {
  const { account, region } = resource.key;
  const { AlarmDescription: _, ...rest } = resource.properties;
  const sorted = Object.entries(rest).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([account, region, sorted satisfies readonly (readonly [string, JsonValue])[]]);
}

function firstOther(
  group: readonly AlarmInstance[] | undefined,
  instance: AlarmInstance,
): AlarmInstance | undefined {
  const [first] = group ?? [];
  return first === undefined || first.id === instance.id ? undefined : first;
}

/** CloudWatch keys REST metrics by name; the others have no twin. */
function apiName({ each }: AlarmInstance): string {
  const { account, region, protocol, apiName: name, apiId } = each.stage;
  return [account, region, protocol === 'REST' ? `name ${name}` : `id ${apiId}`].join('\n');
}

function firingsOf({ id }: AlarmInstance, { replayed }: LintFacts): string | undefined {
  const fired = replayed?.get(id)?.firedAtMs ?? [];
  return fired.length < ENOUGH_FIRINGS ? undefined : fired.join(',');
}

function isRelated(one: AlarmInstance, other: AlarmInstance): boolean {
  return (
    one.resource.children.includes(other.resource.key.name) ||
    other.resource.children.includes(one.resource.key.name)
  );
}
