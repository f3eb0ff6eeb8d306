import type { AwsClients } from '../aws/aws-clients.ts';
import { messageOf } from '../core/errors.ts';
import type {
  Inventory,
  ListingProblem,
  LogGroupFacts,
  LogGroupRef,
  StageInventory,
} from '../model/inventory.ts';

/**
 * The only class of log groups that offers everything. A class that is not known counts as this one: most groups have it, and
 * what works must not be taken away because nobody could ask. Source: CloudWatch Logs API reference, `logGroupClass`.
 */
export const STANDARD_CLASS = 'STANDARD';

/** Tells of each stage the class of its access-log group, where it is known. */
export function withLogGroupClasses(
  inventory: Inventory,
  factsOf: (group: LogGroupRef) => LogGroupFacts | undefined,
): Inventory {
  const withClass = (stage: StageInventory): StageInventory => {
    const { logGroupClass } = (stage.accessLogGroup && factsOf(stage.accessLogGroup)) ?? {};
    return logGroupClass === undefined ? stage : { ...stage, accessLogClass: logGroupClass };
  };
  return { ...inventory, stages: inventory.stages.map(withClass) };
}

/** Asks for the classes of all access-log groups. A Region that cannot be asked is a remark: its groups keep what is known. */
export async function withListedClasses(
  inventory: Inventory,
  client: Pick<AwsClients, 'describeLogGroups'>,
  signal: AbortSignal,
): Promise<Inventory> {
  const groups = inventory.stages.flatMap(({ accessLogGroup }) => accessLogGroup ?? []);
  const facts = new Map<string, ReadonlyMap<string, LogGroupFacts>>();
  const problems: ListingProblem[] = [];
  for (const [place, own] of Map.groupBy(groups, placeOf)) {
    const [first] = own;
    if (first === undefined) continue;
    const { account, region } = first;
    const logGroups = [...new Set(own.map(({ logGroup }) => logGroup))];
    try {
      facts.set(place, await client.describeLogGroups({ account, region, logGroups, signal }));
    } catch (error) {
      signal.throwIfAborted();
      const what = `classes of log groups, all taken for ${STANDARD_CLASS}`;
      problems.push({ account, region, what, reason: messageOf(error) });
    }
  }
  const listed = withLogGroupClasses(inventory, (group) => facts.get(placeOf(group))?.get(group.logGroup));
  return { ...listed, problems: [...inventory.problems, ...problems] };
}

function placeOf({ account, region }: LogGroupRef): string {
  return `${account}/${region}`;
}
