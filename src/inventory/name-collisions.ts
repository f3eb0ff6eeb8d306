import type { ListingProblem, StageInventory } from '../model/inventory.ts';

/**
 * CloudWatch keys REST metrics by API *name*: two REST APIs of one name in one account and Region share their series,
 * and no reader can tell them apart again. One problem for each such name.
 */
export function nameCollisions(stages: readonly StageInventory[]): ListingProblem[] {
  const idsByName = new Map<string, { readonly first: StageInventory; readonly ids: Set<string> }>();
  for (const stage of stages) {
    if (stage.protocol !== 'REST') continue;
    const key = [stage.account, stage.region, stage.apiName].join('\n');
    const entry = idsByName.get(key) ?? { first: stage, ids: new Set<string>() };
    entry.ids.add(stage.apiId);
    idsByName.set(key, entry);
  }
  return [...idsByName.values()]
    .filter(({ ids }) => ids.size > 1)
    .map(({ first, ids }) => ({
      account: first.account,
      region: first.region,
      what: `REST API name ${first.apiName}`,
      reason: `is shared by ${[...ids].sort().join(', ')}: CloudWatch publishes their metrics as one series; rename all but one`,
    }));
}
