import type { AwsScope } from '../aws/aws-settings.ts';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from '../aws/listed-shapes.ts';
import type { StageInventory } from '../model/inventory.ts';
import { mapAuthorizers } from './authorizer-refs.ts';
import { matchesGlob } from './glob.ts';
import type { EarlierFormat, InventorySettings } from './inventory-settings.ts';
import { accessLogDestination } from './log-group-of.ts';
import { mapIntegrations, mapRoutes, sharedGuard } from './route-guards.ts';
import { isSelected } from './selected-stage.ts';

/** One API as listed: what its stages are made from. */
export interface ListedWholeApi {
  readonly scope: AwsScope;
  readonly api: ListedApi;
  readonly stages: readonly ListedStage[];
  readonly authorizers: readonly ListedAuthorizer[];
  readonly routes: readonly ListedRoute[];
  /** False when the listing of routes broke off: then no guard can be called the guard of all. */
  readonly routesWhole: boolean;
}

export interface MappedApi {
  readonly stages: readonly StageInventory[];
  /** Names of the stages that the settings leave out. */
  readonly leftOut: readonly string[];
  readonly problems: readonly { readonly what: string; readonly reason: string }[];
}

/** The watched stages of one API, and what could not be told about them. */
export function mapApi(listed: ListedWholeApi, settings: InventorySettings): MappedApi {
  const { api } = listed;
  const chosen = listed.stages.filter((stage) =>
    isSelected({ apiName: api.name, stage: stage.stage, tags: { ...api.tags, ...stage.tags } }, settings),
  );
  const leftOut = listed.stages.filter((stage) => !chosen.includes(stage)).map(({ stage }) => stage);
  if (chosen.length === 0) return { stages: [], leftOut, problems: [] };
  const { authorizers, problems } = mapAuthorizers(listed.authorizers, api.protocol, settings.authorizers);
  const routes = mapRoutes(listed.routes);
  const defaultAuthorizer = listed.routesWhole ? sharedGuard(routes) : undefined;
  const integrations = mapIntegrations(listed.routes);
  const guards = {
    authorizers,
    routes,
    ...(integrations === undefined ? {} : { integrations }),
    ...(defaultAuthorizer === undefined ? {} : { defaultAuthorizer }),
  };
  const stages = chosen.map((stage) => mapStage(listed, stage, settings.earlierFormats, guards));
  return {
    stages,
    leftOut,
    problems: [
      ...problems.map((reason) => ({ what: `API ${api.name} (${api.apiId})`, reason })),
      ...chosen.flatMap((stage) => accessLogProblems(api, stage)),
    ],
  };
}

function mapStage(
  { scope, api }: ListedWholeApi,
  stage: ListedStage,
  earlierFormats: readonly EarlierFormat[],
  guards: Pick<StageInventory, 'authorizers' | 'routes' | 'integrations' | 'defaultAuthorizer'>,
): StageInventory {
  const destination =
    stage.destinationArn === undefined ? undefined : accessLogDestination(stage.destinationArn);
  return {
    account: scope.account,
    region: scope.region,
    apiId: api.apiId,
    apiName: api.name,
    stage: stage.stage,
    protocol: api.protocol,
    tags: { ...api.tags, ...stage.tags },
    ...(destination?.kind === 'log_group' ? { accessLogGroup: destination.logGroup } : {}),
    ...(stage.format === undefined ? {} : { accessLogFormat: stage.format }),
    earlierFormats: earlierFormats
      .filter((earlier) => isAbout(earlier, api, stage))
      .map(({ format }) => format),
    detailedMetrics: stage.detailedMetrics,
    cacheEnabled: stage.cacheEnabled,
    ...guards,
  };
}

function isAbout(earlier: EarlierFormat, api: ListedApi, stage: ListedStage): boolean {
  const apiFits = matchesGlob(earlier.api, api.name) || matchesGlob(earlier.api, api.apiId);
  return apiFits && matchesGlob(earlier.stage, stage.stage);
}

function accessLogProblems(api: ListedApi, stage: ListedStage): { what: string; reason: string }[] {
  const what = `stage ${stage.stage} of API ${api.name} (${api.apiId})`;
  if (stage.destinationArn === undefined) {
    return [{ what, reason: 'has no access log: its requests cannot be seen, only its metrics' }];
  }
  const destination = accessLogDestination(stage.destinationArn);
  if (destination.kind === 'log_group') return [];
  return [
    {
      what,
      reason: `sends its access log to ${destination.service}, which cannot be read back: send it to a CloudWatch log group`,
    },
  ];
}
