import type { Authorizer, Resource, RestApi, Stage } from '@aws-sdk/client-api-gateway';
import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from './listed-shapes.ts';
import { required } from './required-member.ts';

export function listedRestApi(api: RestApi): ListedApi {
  const apiId = required(api.id, 'id', 'a REST API');
  return { apiId, name: api.name ?? apiId, protocol: 'REST', tags: api.tags ?? {} };
}

export function listedRestStage(stage: Stage): ListedStage {
  const log = stage.accessLogSettings;
  return {
    stage: required(stage.stageName, 'stageName', 'a REST stage'),
    ...(log?.destinationArn ? { destinationArn: log.destinationArn } : {}),
    ...(log?.format ? { format: log.format } : {}),
    tags: stage.tags ?? {},
    cacheEnabled: stage.cacheClusterEnabled === true,
    detailedMetrics: Object.values(stage.methodSettings ?? {}).some(
      (method) => method.metricsEnabled === true,
    ),
  };
}

export function listedRestAuthorizer(authorizer: Authorizer): ListedAuthorizer {
  const authorizerId = required(authorizer.id, 'id', 'a REST authorizer');
  const ttlSeconds = authorizer.authorizerResultTtlInSeconds;
  return {
    authorizerId,
    name: authorizer.name ?? authorizerId,
    type: authorizer.type ?? '',
    ...(authorizer.authorizerUri ? { authorizerUri: authorizer.authorizerUri } : {}),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
  };
}

/** What a REST API waits for an integration that sets no other time. Source: `timeoutInMillis` in its API reference. */
const REST_TIMEOUT_MS = 29_000;

/** One route for each method of the resource; `ANY` stays `ANY`. */
export function listedRestRoutes(resource: Resource): ListedRoute[] {
  const path = required(resource.path, 'path', 'a REST resource');
  return Object.entries(resource.resourceMethods ?? {}).map(([verb, method]) => ({
    routeKey: `${method.httpMethod ?? verb} ${path}`,
    authorizationType: method.authorizationType ?? 'NONE',
    ...(method.authorizerId ? { authorizerId: method.authorizerId } : {}),
    ...(method.methodIntegration
      ? { integration: { timeoutMs: method.methodIntegration.timeoutInMillis ?? REST_TIMEOUT_MS } }
      : {}),
  }));
}
