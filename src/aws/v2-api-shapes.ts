import type { Api, Authorizer, Route, Stage } from '@aws-sdk/client-apigatewayv2';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from './listed-shapes.ts';
import { required } from './required-member.ts';

export function listedV2Api(api: Api): ListedApi {
  const apiId = required(api.ApiId, 'ApiId', 'an HTTP or WebSocket API');
  return {
    apiId,
    name: api.Name ?? apiId,
    protocol: api.ProtocolType === 'WEBSOCKET' ? 'WEBSOCKET' : 'HTTP',
    tags: api.Tags ?? {},
  };
}

export function listedV2Stage(stage: Stage): ListedStage {
  const log = stage.AccessLogSettings;
  const settings = [stage.DefaultRouteSettings, ...Object.values(stage.RouteSettings ?? {})];
  return {
    stage: required(stage.StageName, 'StageName', 'a stage'),
    ...(log?.DestinationArn ? { destinationArn: log.DestinationArn } : {}),
    ...(log?.Format ? { format: log.Format } : {}),
    tags: stage.Tags ?? {},
    cacheEnabled: false,
    detailedMetrics: settings.some((route) => route?.DetailedMetricsEnabled === true),
  };
}

export function listedV2Authorizer(authorizer: Authorizer): ListedAuthorizer {
  const authorizerId = required(authorizer.AuthorizerId, 'AuthorizerId', 'an authorizer');
  const ttlSeconds = authorizer.AuthorizerResultTtlInSeconds;
  return {
    authorizerId,
    name: authorizer.Name ?? authorizerId,
    type: authorizer.AuthorizerType ?? '',
    ...(authorizer.AuthorizerUri ? { authorizerUri: authorizer.AuthorizerUri } : {}),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  };
}

export function listedV2Route(route: Route): ListedRoute {
  return {
    routeKey: required(route.RouteKey, 'RouteKey', 'a route'),
    authorizationType: route.AuthorizationType ?? 'NONE',
    ...(route.AuthorizerId ? { authorizerId: route.AuthorizerId } : {}),
    ...integrationOf(route.Target),
  };
}

/** `integrations/abc123`. */
function integrationOf(target: string | undefined): Pick<ListedRoute, 'integration'> {
  const id = /^integrations\/(.+)$/.exec(target ?? '')?.[1];
  return id === undefined ? {} : { integration: { id } };
}
