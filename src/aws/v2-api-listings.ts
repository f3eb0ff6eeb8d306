import {
  type ApiGatewayV2Client,
  GetApisCommand,
  GetAuthorizersCommand,
  GetRoutesCommand,
  GetStagesCommand,
} from '@aws-sdk/client-apigatewayv2';
import { controlPlaneNote } from './control-plane-note.ts';
import type { LimitedCalls } from './limited-calls.ts';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from './listed-shapes.ts';
import { pagedListing } from './paged-listing.ts';
import { listedV2Api, listedV2Authorizer, listedV2Route, listedV2Stage } from './v2-api-shapes.ts';

/** HTTP and WebSocket APIs. The page size is left to AWS: its upper bound is not published. */
export function listV2Apis(
  client: ApiGatewayV2Client,
  calls: LimitedCalls,
  signal: AbortSignal,
): AsyncIterable<readonly ListedApi[]> {
  return pagedListing('GetApis', async (token) => {
    const command = new GetApisCommand({ ...(token ? { NextToken: token } : {}) });
    const note = controlPlaneNote('GetApis', '/v2/apis', signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.Items ?? []).map(listedV2Api), next: page.NextToken };
  });
}

export function listV2Stages(
  client: ApiGatewayV2Client,
  calls: LimitedCalls,
  ApiId: string,
  signal: AbortSignal,
): AsyncIterable<readonly ListedStage[]> {
  return pagedListing('GetStages', async (token) => {
    const command = new GetStagesCommand({ ApiId, ...(token ? { NextToken: token } : {}) });
    const note = controlPlaneNote('GetStages', `/v2/apis/${ApiId}/stages`, signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.Items ?? []).map(listedV2Stage), next: page.NextToken };
  });
}

export function listV2Authorizers(
  client: ApiGatewayV2Client,
  calls: LimitedCalls,
  ApiId: string,
  signal: AbortSignal,
): AsyncIterable<readonly ListedAuthorizer[]> {
  return pagedListing('GetAuthorizers', async (token) => {
    const command = new GetAuthorizersCommand({ ApiId, ...(token ? { NextToken: token } : {}) });
    const note = controlPlaneNote('GetAuthorizers', `/v2/apis/${ApiId}/authorizers`, signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.Items ?? []).map(listedV2Authorizer), next: page.NextToken };
  });
}

export function listV2Routes(
  client: ApiGatewayV2Client,
  calls: LimitedCalls,
  ApiId: string,
  signal: AbortSignal,
): AsyncIterable<readonly ListedRoute[]> {
  return pagedListing('GetRoutes', async (token) => {
    const command = new GetRoutesCommand({ ApiId, ...(token ? { NextToken: token } : {}) });
    const note = controlPlaneNote('GetRoutes', `/v2/apis/${ApiId}/routes`, signal);
    const page = await calls.send(command, (sent, options) => client.send(sent, options), note);
    return { items: (page.Items ?? []).map(listedV2Route), next: page.NextToken };
  });
}
