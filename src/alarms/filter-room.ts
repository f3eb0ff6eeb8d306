import type { AlarmClients } from '../aws/alarm-clients.ts';
import { HeldError, IncompleteReadError } from '../core/errors.ts';
import type { Inventory } from '../model/inventory.ts';
import type { DesiredResource, ObservedResource } from '../model/managed-resource.ts';
import { type CrowdedOut, type FilterCensus, filtersBeyondLimit, MAX_FILTERS } from '../plan/filter-limit.ts';
import { type Expansion, expandAlarms } from './expand-alarms.ts';
import type { AlarmFiles } from './format/load-alarm-files.ts';
import { observeFilters, type Scope } from './observe-alarms.ts';

/**
 * Metric filters that cannot be made because their log group is full, by id, each with the reason. Room goes stage by stage,
 * so that a full group costs some stages their signals and not all stages the same one.
 */
export function refusedFilters(
  input: FilterCensus & {
    readonly desired: readonly DesiredResource[];
    /** `account/region` where nothing is deleted. */
    readonly withheld: ReadonlyMap<string, string>;
    /** `account/region` of which nothing is known: nothing is planned there either. */
    readonly unread: ReadonlyMap<string, string>;
  },
): ReadonlyMap<string, string> {
  const desired = input.desired
    .filter(({ key }) => !input.unread.has(`${key.account}/${key.region}`))
    .sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
  return new Map(filtersBeyondLimit({ ...input, desired }).map((one) => [one.desired.id, reasonFor(one)]));
}

/** `signal/api/stage` → `api/stage`, then the signal. */
function orderOf({ id }: DesiredResource): string {
  const slash = id.indexOf('/');
  return `${id.slice(slash + 1)}\n${id.slice(0, slash)}`;
}

function reasonFor({ desired, wanted, others, staying }: CrowdedOut): string {
  const { account, region, logGroup } = desired.key;
  const counts = [
    `${wanted} are asked for here`,
    `${others} of others are there`,
    ...(staying === 0 ? [] : [`${staying} of ours stay because deletes are withheld`]),
  ];
  return (
    `log group ${logGroup} in ${account}, ${region} takes ${MAX_FILTERS} metric filters, and ${counts.join(', ')} ` +
    '(those that exist come first, then stage by stage): ask for fewer signals, give stages log groups of their own, or let ' +
    `the worker publish the signal (alarms.publish: [${desired.id.slice(0, desired.id.indexOf('/'))}] in gatewatch.yaml)`
  );
}

/** What the files give where log groups are as full as they are, without looking at any alarm. */
export async function expandWithinRoom(input: {
  readonly files: AlarmFiles;
  readonly inventory: Inventory;
  readonly clients: Pick<AlarmClients, 'listFilters'>;
  readonly scopes: readonly Scope[];
  readonly signal: AbortSignal;
}): Promise<{
  readonly expansion: Expansion;
  /** `account/region` → why its metric filters could not be counted. */
  readonly unread: ReadonlyMap<string, string>;
}> {
  const { files, inventory, scopes } = input;
  const expansion = expandAlarms(files, inventory);
  const filters = expansion.resources.filter(({ key }) => key.type === 'metric_filter');
  const crowded = scopes.filter(({ account, region }) =>
    filters.some(({ key }) => key.account === account && key.region === region),
  );
  const census = await takeCensus({ ...input, workspace: expansion.workspace, scopes: crowded });
  const refused = refusedFilters({ ...census, desired: filters, withheld: new Map() });
  return {
    expansion: refused.size === 0 ? expansion : expandAlarms(files, inventory, refused),
    unread: census.unread,
  };
}

async function takeCensus(input: {
  readonly clients: Pick<AlarmClients, 'listFilters'>;
  readonly workspace: string;
  readonly scopes: readonly Scope[];
  readonly signal: AbortSignal;
}): Promise<FilterCensus & { readonly unread: ReadonlyMap<string, string> }> {
  const observed: ObservedResource[] = [];
  const others = new Map<string, number>();
  const unread = new Map<string, string>();
  for (const scope of input.scopes) {
    try {
      const seen = await observeFilters(input, scope);
      observed.push(...seen.ours);
      for (const [place, count] of seen.others) others.set(place, count);
    } catch (error) {
      if (!(error instanceof IncompleteReadError || error instanceof HeldError)) throw error;
      unread.set(`${scope.account}/${scope.region}`, error.message);
    }
  }
  return { observed, others, unread };
}
