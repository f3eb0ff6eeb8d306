import type { ApiFamily, ApiListing, AwsClients } from '../aws/aws-clients.ts';
import type { AwsScope } from '../aws/aws-settings.ts';
import type { ListedApi } from '../aws/listed-shapes.ts';
import { messageOf } from '../core/errors.ts';
import {
  type Inventory,
  type ListingProblem,
  type Protocol,
  type StageInventory,
  stageKey,
  type UnreadPart,
} from '../model/inventory.ts';
import type { InventorySettings } from './inventory-settings.ts';
import { nameCollisions } from './name-collisions.ts';
import { mayBeSelected } from './selected-stage.ts';
import { mapApi } from './stage-inventory.ts';

/** What discovery needs of AWS. */
export type ListingClients = Pick<
  AwsClients,
  'accounts' | 'listApis' | 'listStages' | 'listAuthorizers' | 'listRoutes' | 'callerAccount'
>;

const PROTOCOLS: Readonly<Record<ApiFamily, readonly Protocol[]>> = {
  rest: ['REST'],
  v2: ['HTTP', 'WEBSOCKET'],
};

/** A listing as far as it came; `reason` says why it ended early. */
interface Listed<T> {
  readonly items: readonly T[];
  readonly reason?: string;
}

interface Found {
  readonly stages: readonly StageInventory[];
  /** `stageKey` of those that the settings leave out. */
  readonly leftOut: readonly string[];
  readonly problems: readonly ListingProblem[];
}

/**
 * Lists every account and Region. A listing that fails is a problem with its `unread` part named, and the inventory is
 * not `complete`; what other listings gave is kept. Throws only the signal's reason.
 */
export async function discoverInventory(
  clients: ListingClients,
  settings: InventorySettings,
  signal: AbortSignal,
  nowMs: number,
): Promise<Inventory> {
  const scopes = clients.accounts.flatMap((account) =>
    account.regions.map((region) => ({ account: account.accountId, region })),
  );
  const found = await Promise.all(scopes.map((scope) => discoverScope(clients, scope, settings, signal)));
  const { stages, leftOut, problems } = together(found);
  return {
    stages,
    complete: problems.every((problem) => problem.unread === undefined),
    problems: [...problems, ...nameCollisions(stages)],
    leftOut,
    readMs: nowMs,
  };
}

function together(found: readonly Found[]): Found {
  return {
    stages: found.flatMap((one) => one.stages),
    leftOut: found.flatMap((one) => one.leftOut),
    problems: found.flatMap((one) => one.problems),
  };
}

async function discoverScope(
  clients: ListingClients,
  scope: AwsScope,
  settings: InventorySettings,
  signal: AbortSignal,
): Promise<Found> {
  const stranger = await strangerProblem(clients, scope, signal);
  if (stranger) return { stages: [], leftOut: [], problems: [stranger] };
  const families: readonly ApiFamily[] = ['rest', 'v2'];
  const found = await Promise.all(
    families.map((family) => discoverFamily(clients, { ...scope, family, signal }, settings)),
  );
  return together(found);
}

/**
 * Credentials that reach another account than configured would label everything with a wrong account id, for good.
 * When STS itself does not answer, the listing goes on: the question is a safeguard, not a need.
 */
async function strangerProblem(
  clients: ListingClients,
  scope: AwsScope,
  signal: AbortSignal,
): Promise<ListingProblem | undefined> {
  const actual = await clients.callerAccount({ ...scope, signal }).catch(() => {
    signal.throwIfAborted();
    return undefined;
  });
  if (actual === undefined || actual === scope.account) return undefined;
  return {
    ...scope,
    what: `account ${scope.account}`,
    reason: `expected credentials of account ${scope.account}, got those of ${actual}: correct its accountId or roleArn; nothing was read`,
    unread: { part: 'apis', protocols: ['REST', 'HTTP', 'WEBSOCKET'] },
  };
}

async function discoverFamily(
  clients: ListingClients,
  listing: ApiListing,
  settings: InventorySettings,
): Promise<Found> {
  const apis = await collect(clients.listApis(listing), listing.signal);
  const chosen = apis.items.filter((api) => mayBeSelected(api.name, settings));
  const apisFound: Found[] = [];
  for (const api of chosen) apisFound.push(await discoverApi(clients, listing, api, settings));
  const found = together(apisFound);
  const unread = { part: 'apis', protocols: PROTOCOLS[listing.family] } as const;
  const what = listing.family === 'rest' ? 'REST APIs' : 'HTTP and WebSocket APIs';
  return { ...found, problems: [...unreadProblems(listing, what, apis, unread), ...found.problems] };
}

async function discoverApi(
  clients: ListingClients,
  listing: ApiListing,
  api: ListedApi,
  settings: InventorySettings,
): Promise<Found> {
  const { apiId } = api;
  const part = { ...listing, apiId };
  const [stages, authorizers, routes] = await Promise.all([
    collect(clients.listStages(part), listing.signal),
    collect(clients.listAuthorizers(part), listing.signal),
    collect(clients.listRoutes(part), listing.signal),
  ]);
  const { account, region } = listing;
  const listed = {
    scope: { account, region },
    api,
    stages: stages.items,
    authorizers: authorizers.items,
    routes: routes.items,
    routesWhole: routes.reason === undefined,
  };
  const mapped = mapApi(listed, settings);
  const name = `API ${api.name} (${apiId})`;
  return {
    stages: mapped.stages,
    leftOut: mapped.leftOut.map((stage) => stageKey({ account, region, apiId, stage })),
    problems: [
      ...unreadProblems(listing, `stages of ${name}`, stages, { part: 'stages', apiId }),
      ...unreadProblems(listing, `authorizers of ${name}`, authorizers, { part: 'authorizers', apiId }),
      ...unreadProblems(listing, `routes of ${name}`, routes, { part: 'routes', apiId }),
      ...mapped.problems.map((problem) => ({ account, region, ...problem })),
    ],
  };
}

function unreadProblems(
  scope: AwsScope,
  what: string,
  listed: Listed<unknown>,
  unread: UnreadPart,
): ListingProblem[] {
  const { account, region } = scope;
  return listed.reason === undefined ? [] : [{ account, region, what, reason: listed.reason, unread }];
}

/** Reads a listing to its end, or to the page that failed: what came before is kept beside the reason. */
async function collect<T>(pages: AsyncIterable<readonly T[]>, signal: AbortSignal): Promise<Listed<T>> {
  const items: T[] = [];
  try {
    for await (const page of pages) items.push(...page);
    return { items };
  } catch (error) {
    signal.throwIfAborted();
    return { items, reason: messageOf(error) };
  }
}
