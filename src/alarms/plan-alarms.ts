import type { AlarmClients } from '../aws/alarm-clients.ts';
import { bottomUp } from '../evaluate/composite-timeline.ts';
import type { Inventory } from '../model/inventory.ts';
import type { DesiredResource, ObservedResource } from '../model/managed-resource.ts';
import { withRoomFirst } from '../plan/filter-limit.ts';
import { ownershipOf } from '../plan/ownership.ts';
import { type Change, planChanges } from '../plan/plan-changes.ts';
import { type Expansion, expandAlarms } from './expand-alarms.ts';
import { refusedFilters } from './filter-room.ts';
import type { AlarmFiles } from './format/load-alarm-files.ts';
import { observeAlarms, type Scope } from './observe-alarms.ts';
import { refuseUnknownChildren } from './outside-alarms.ts';

export interface AlarmPlan {
  readonly expansion: Expansion;
  readonly changes: readonly Change[];
  /** Of this workspace, as they are now. */
  readonly owned: readonly ObservedResource[];
  /** Everything the plan looked at, for a saved plan. */
  readonly observed: readonly ObservedResource[];
  /** `account/region` → why nothing there is deleted. */
  readonly partial: ReadonlyMap<string, string>;
}

export interface PlanAlarmsInput {
  readonly files: AlarmFiles;
  readonly inventory: Inventory;
  readonly clients: AlarmClients;
  readonly scopes: readonly Scope[];
  readonly adopted?: ReadonlySet<string>;
  /** `alarms.muteRules`: false where CloudWatch has none, or the role may not use them. */
  readonly muteRules?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Files × discovery × what AWS has. The caller decides what to do with the problems of the expansion; they are in it.
 *
 * @throws {UserError} `alarm_cycle` for composites that name each other, `alarm_outside` for names that are nobody's.
 */
export async function planAlarms(input: PlanAlarmsInput): Promise<AlarmPlan> {
  const asked = expansionOf(input);
  refuseCycles(asked);
  const { workspace } = asked;
  const { clients, scopes, signal } = input;
  const { observed, partial, otherFilters } = await observeAlarms({
    clients,
    workspace,
    scopes,
    desired: asked.resources,
    ...(input.muteRules === undefined ? {} : { muteRules: input.muteRules }),
    signal,
  });
  const withheld = new Map([...partial, ...unreadScopes(input.inventory)]);
  const census = { observed, others: otherFilters };
  const refused = refusedFilters({ ...census, desired: asked.resources, withheld, unread: partial });
  const expansion = refused.size === 0 ? asked : expansionOf(input, refused);
  const { resources } = expansion;
  await refuseUnknownChildren({ clients, desired: resources, unread: partial, signal });
  const changes = planChanges({
    workspace,
    desired: resources.filter(({ key }) => !partial.has(`${key.account}/${key.region}`)),
    observed,
    partial: withheld,
    ...(input.adopted === undefined ? {} : { adopted: input.adopted }),
  });
  const owned = observed.filter((resource) => ownershipOf(resource, workspace).kind === 'ours');
  return { expansion, changes: withRoomFirst(changes, census), owned, observed, partial: withheld };
}

function expansionOf(
  { files, inventory, muteRules }: Pick<PlanAlarmsInput, 'files' | 'inventory' | 'muteRules'>,
  refused?: ReadonlyMap<string, string>,
): Expansion {
  const expansion = expandAlarms(files, inventory, refused);
  return muteRules === false ? withoutMutes(expansion) : expansion;
}

/** What is not applied is said, never left out in silence. */
function withoutMutes(expansion: Expansion): Expansion {
  const isMute = ({ key }: DesiredResource) => key.type === 'mute_rule';
  const refused = expansion.resources.filter(isMute).map(({ id, origins }) => ({
    id,
    reason: 'alarms.muteRules is false: this rule is not applied, and mutes nothing',
    ...(origins.Rule ?? { file: id, line: 1 }),
  }));
  return {
    ...expansion,
    resources: expansion.resources.filter((resource) => !isMute(resource)),
    refusals: [...expansion.refusals, ...refused],
  };
}

function refuseCycles(expansion: Expansion): void {
  bottomUp(
    expansion.instances.flatMap(({ model, resource }) =>
      model.kind === 'composite' ? [{ name: resource.key.name, rule: model.rule }] : [],
    ),
  );
}

/** Regions whose APIs, stages or routes were not listed whole: what is missing there is unknown, never gone. */
function unreadScopes(inventory: Inventory): ReadonlyMap<string, string> {
  return new Map(
    inventory.problems.flatMap(({ account, region, what, reason, unread }) =>
      unread === undefined ? [] : [[`${account}/${region}`, `${what}: ${reason}`] as const],
    ),
  );
}
