import type { ApiFamily } from '../../src/aws/aws-clients.ts';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from '../../src/aws/listed-shapes.ts';
import { IncompleteReadError } from '../../src/core/errors.ts';
import type { ListingClients } from '../../src/inventory/discover-inventory.ts';
import type { InventorySettings } from '../../src/inventory/inventory-settings.ts';

export const CENTRAL = '111122223333';
export const REGION = 'eu-west-1';

export interface FakeApi {
  readonly api: ListedApi;
  readonly stages?: readonly ListedStage[];
  readonly authorizers?: readonly ListedAuthorizer[];
  readonly routes?: readonly ListedRoute[];
}

export interface FakeFleet {
  readonly apis: readonly FakeApi[];
  /** `rest`, `v2`, or `stages:API`, `authorizers:API`, `routes:API`: gives its first page, then fails. */
  readonly failing?: readonly string[];
  readonly callerAccount?: string | Error;
}

export const everything: InventorySettings = {
  include: [],
  exclude: [],
  earlierFormats: [],
  authorizers: [],
};

export function restApi(apiId: string, name: string, more: Omit<FakeApi, 'api'> = {}): FakeApi {
  return { api: { apiId, name, protocol: 'REST', tags: {} }, stages: [stage('prod')], ...more };
}

export function stage(name: string, more: Partial<ListedStage> = {}): ListedStage {
  const destinationArn = `arn:aws:logs:${REGION}:${CENTRAL}:log-group:/apigw/${name}:*`;
  const format = '$context.requestId $context.status';
  return {
    stage: name,
    destinationArn,
    format,
    tags: {},
    detailedMetrics: false,
    cacheEnabled: false,
    ...more,
  };
}

/** A fleet in one account and Region, listed in pages of one. */
export function fakeClients(fleet: FakeFleet): ListingClients {
  const failing = new Set(fleet.failing);
  const find = (apiId: string) => fleet.apis.find(({ api }) => api.apiId === apiId);
  return {
    accounts: [{ name: 'central', accountId: CENTRAL, regions: [REGION] }],
    callerAccount: async () => {
      if (fleet.callerAccount instanceof Error) throw fleet.callerAccount;
      return fleet.callerAccount ?? CENTRAL;
    },
    listApis: ({ family }) =>
      pages(fleet.apis.map(({ api }) => api).filter(isOf(family)), failing.has(family)),
    listStages: ({ apiId }) => pages(find(apiId)?.stages ?? [], failing.has(`stages:${apiId}`)),
    listAuthorizers: ({ apiId }) =>
      pages(find(apiId)?.authorizers ?? [], failing.has(`authorizers:${apiId}`)),
    listRoutes: ({ apiId }) => pages(find(apiId)?.routes ?? [], failing.has(`routes:${apiId}`)),
  };
}

function isOf(family: ApiFamily): (api: ListedApi) => boolean {
  return (api) => (api.protocol === 'REST') === (family === 'rest');
}

async function* pages<T>(items: readonly T[], fails: boolean): AsyncIterable<readonly T[]> {
  for (const item of fails ? items.slice(0, 1) : items) yield [item];
  if (fails) throw new IncompleteReadError('throttled in every attempt');
}
