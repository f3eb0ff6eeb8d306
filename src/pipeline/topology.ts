import type { Topology } from '../correlate/correlator.ts';
import type { AuthorizerKind, Inventory, LogGroupRef, StageInventory } from '../model/inventory.ts';
import type { StageRef } from '../model/part.ts';

export function logUnitOf(group: LogGroupRef): string {
  return `logs:${group.account}:${group.region}:${group.logGroup}`;
}

/** The group behind a unit. */
export function logGroupOf(unit: string): LogGroupRef {
  const [, account = '', region = '', ...name] = unit.split(':');
  return { account, region, logGroup: name.join(':') };
}

/** Every log group that the inventory names, once. */
export function logGroupsOf({ stages }: Inventory): LogGroupRef[] {
  const groups = stages.flatMap(({ accessLogGroup, authorizers }) => [
    accessLogGroup,
    ...Object.values(authorizers).map(({ logGroup }) => logGroup),
  ]);
  const known = groups.filter((group) => group !== undefined);
  return [...new Map(known.map((group) => [logUnitOf(group), group])).values()];
}

interface Behind {
  readonly accessUnits: Set<string>;
  readonly stages: StageInventory[];
  readonly kinds: Set<AuthorizerKind>;
  readonly group: LogGroupRef;
}

/** Which access logs an authorizer's log belongs to, by the inventory: the two ends of every wait. */
export function topologyOf(inventory: Inventory): Topology {
  const behind = new Map<string, Behind>();
  for (const stage of inventory.stages) {
    for (const authorizer of Object.values(stage.authorizers)) {
      if (authorizer.logGroup === undefined) continue;
      const entry = entryOf(behind, authorizer.logGroup);
      if (stage.accessLogGroup !== undefined) entry.accessUnits.add(logUnitOf(stage.accessLogGroup));
      entry.stages.push(stage);
      entry.kinds.add(authorizer.kind);
    }
  }
  return {
    accessUnitsOf: (unit) => [...(behind.get(unit)?.accessUnits ?? [])],
    stageOf: (unit) => stageBehind(unit, behind.get(unit)),
  };
}

function entryOf(behind: Map<string, Behind>, group: LogGroupRef): Behind {
  const unit = logUnitOf(group);
  let entry = behind.get(unit);
  if (entry === undefined) {
    entry = { accessUnits: new Set(), stages: [], kinds: new Set(), group };
    behind.set(unit, entry);
  }
  return entry;
}

/** The stage that alone uses the function; where several do, only the function's own account and Region are known. */
function stageBehind(unit: string, entry: Behind | undefined): ReturnType<Topology['stageOf']> {
  const only = entry?.stages.length === 1 ? entry.stages[0] : undefined;
  const [kind] = entry?.kinds.size === 1 ? [...entry.kinds] : [];
  if (only !== undefined) return { stage: stageRefOf(only), kind: kind ?? 'unknown' };
  const [, account = '', region = ''] = unit.split(':');
  return {
    stage: { account, region, apiId: 'unknown', apiName: 'unknown', stage: 'unknown', protocol: 'UNKNOWN' },
    kind: kind ?? 'unknown',
  };
}

export function stageRefOf(stage: StageInventory): StageRef {
  const { account, region, apiId, apiName, protocol } = stage;
  return { account, region, apiId, apiName, stage: stage.stage, protocol };
}
