import {
  type APIGatewayClient,
  GetAuthorizersCommand,
  GetResourcesCommand,
  GetRestApisCommand,
  GetStagesCommand,
} from '@aws-sdk/client-api-gateway';
import { controlPlaneNote } from './control-plane-note.ts';
import type { LimitedCalls } from './limited-calls.ts';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from './listed-shapes.ts';
import { pagedListing } from './paged-listing.ts';
import { listedRestApi, listedRestAuthorizer, listedRestRoutes, listedRestStage } from './rest-api-shapes.ts';

/** Most that one page of the first control plane may hold. */
const PAGE_LIMIT = 500;

export function listRestApis(
  client: APIGatewayClient,
  calls: LimitedCalls,
  signal: AbortSignal,
): AsyncIterable<readonly ListedApi[]> {
  return pagedListing('GetRestApis', async (position) => {
    const command = new GetRestApisCommand({ limit: PAGE_LIMIT, ...(position ? { position } : {}) });
    const note = controlPlaneNote('GetRestApis', '/restapis', signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.items ?? []).map(listedRestApi), next: page.position };
  });
}

/** GetStages of a REST API is not paged. */
export async function* listRestStages(
  client: APIGatewayClient,
  calls: LimitedCalls,
  restApiId: string,
  signal: AbortSignal,
): AsyncIterable<readonly ListedStage[]> {
  const note = controlPlaneNote('GetStages', `/restapis/${restApiId}/stages`, signal);
  const command = new GetStagesCommand({ restApiId });
  const answer = await calls.send(command, (sent, options) => client.send(sent, options), note);
  yield (answer.item ?? []).map(listedRestStage);
}

export function listRestAuthorizers(
  client: APIGatewayClient,
  calls: LimitedCalls,
  restApiId: string,
  signal: AbortSignal,
): AsyncIterable<readonly ListedAuthorizer[]> {
  return pagedListing('GetAuthorizers', async (position) => {
    const command = new GetAuthorizersCommand({
      restApiId,
      limit: PAGE_LIMIT,
      ...(position ? { position } : {}),
    });
    const note = controlPlaneNote('GetAuthorizers', `/restapis/${restApiId}/authorizers`, signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.items ?? []).map(listedRestAuthorizer), next: page.position };
  });
}

/** `embed=methods` brings each method's authorization with the resources: one call instead of one per method. */
export function listRestRoutes(
  client: APIGatewayClient,
  calls: LimitedCalls,
  restApiId: string,
  signal: AbortSignal,
): AsyncIterable<readonly ListedRoute[]> {
  return pagedListing('GetResources', async (position) => {
    const command = new GetResourcesCommand({
      restApiId,
      embed: ['methods'],
      limit: PAGE_LIMIT,
      ...(position ? { position } : {}),
    });
    const note = controlPlaneNote('GetResources', `/restapis/${restApiId}/resources`, signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.items ?? []).flatMap(listedRestRoutes), next: page.position };
  });
}
