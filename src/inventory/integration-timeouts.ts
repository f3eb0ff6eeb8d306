import { messageOf } from '../core/errors.ts';
import { runLimited } from '../core/run-limited.ts';
import type {
  Inventory,
  ListingProblem,
  Protocol,
  RouteIntegration,
  StageInventory,
} from '../model/inventory.ts';

/** An integration of an HTTP or WebSocket API. */
export interface ListedIntegration {
  readonly integrationId: string;
  /** As set; absent when the API leaves its default. */
  readonly timeoutMs?: number;
}

export type ListIntegrations = (call: {
  readonly account: string;
  readonly region: string;
  readonly apiId: string;
  readonly signal: AbortSignal;
}) => AsyncIterable<readonly ListedIntegration[]>;

/** Defaults, milliseconds. Source: `TimeoutInMillis` in the API references of both control planes of API Gateway. */
export const DEFAULT_TIMEOUT_MS: Readonly<Record<Protocol, number>> = {
  REST: 29_000,
  HTTP: 30_000,
  WEBSOCKET: 29_000,
};

const APIS_AT_ONCE = 4;

/**
 * Fills in how long the integrations of HTTP and WebSocket APIs may take: one more listing for each of these APIs, so it
 * is asked for only where files need it (REST APIs tell it with their routes). A listing that fails is a problem of the
 * inventory, which is then not `complete`: what rests on it is unknown, never gone.
 */
export async function withIntegrationTimeouts(
  inventory: Inventory,
  list: ListIntegrations,
  signal: AbortSignal,
): Promise<Inventory> {
  const apis = Map.groupBy(
    inventory.stages.filter(({ protocol }) => protocol !== 'REST'),
    ({ account, region, apiId }) => `${account}/${region}/${apiId}`,
  );
  const filled = new Map<StageInventory, StageInventory>();
  const problems: ListingProblem[] = [];
  await runLimited([...apis.values()], APIS_AT_ONCE, async (stages) => {
    const [first] = stages;
    if (first === undefined) return;
    const { account, region, apiId, apiName } = first;
    try {
      const listed = new Map<string, ListedIntegration>();
      for await (const page of list({ account, region, apiId, signal })) {
        for (const one of page) listed.set(one.integrationId, one);
      }
      for (const stage of stages) filled.set(stage, withTimeouts(stage, listed));
    } catch (error) {
      signal.throwIfAborted();
      const what = `integrations of API ${apiName} (${apiId})`;
      problems.push({ account, region, what, reason: messageOf(error), unread: { part: 'routes', apiId } });
    }
  });
  return {
    ...inventory,
    stages: inventory.stages.map((stage) => filled.get(stage) ?? stage),
    problems: [...inventory.problems, ...problems],
    complete: inventory.complete && problems.length === 0,
  };
}

function withTimeouts(stage: StageInventory, listed: ReadonlyMap<string, ListedIntegration>): StageInventory {
  const integrations = Object.entries(stage.integrations ?? {}).map(([route, integration]) => {
    const found = integration.id === undefined ? undefined : listed.get(integration.id);
    // A route whose integration was deleted answers at once: it waits for nobody.
    if (found === undefined) return [route, integration] as const;
    const timeoutMs = found.timeoutMs ?? DEFAULT_TIMEOUT_MS[stage.protocol];
    return [route, { ...integration, timeoutMs }] as const;
  });
  return { ...stage, integrations: Object.fromEntries(integrations) };
}

/**
 * How long the integration of a route may take, or, without a route, the slowest of the stage: below its limit nothing of
 * the stage has run out of time. `undefined`: not known, or no route has an integration.
 */
export function integrationTimeoutMs(
  { integrations = {} }: StageInventory,
  route: string | undefined,
): number | undefined {
  const chosen: readonly (RouteIntegration | undefined)[] =
    route === undefined ? Object.values(integrations) : [integrations[route]];
  const known = chosen.flatMap((integration) => integration?.timeoutMs ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}
