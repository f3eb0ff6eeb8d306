import { FLEET } from './fleet.ts';
import type { FleetApi, FleetAuthorizer, FleetRoute, FleetStage, RouteAuth } from './fleet-model.ts';
import type { WorldRestApi, WorldV2Api } from './world.ts';

/** When everything in the fleet was created. REST tells it in epoch seconds, HTTP and WebSocket in ISO 8601. */
const CREATED_S = 1_767_225_600;
const CREATED_ISO = new Date(CREATED_S * 1_000).toISOString();

/** The fleet's REST APIs as API Gateway's control plane shows them, before paging. */
export function restApisOf(): readonly WorldRestApi[] {
  return FLEET.filter((api) => api.protocol === 'REST').map((api) => ({
    account: api.account,
    region: api.region,
    api: {
      id: api.id,
      name: api.name,
      description: `${api.name} of the sandbox`,
      createdDate: CREATED_S,
      apiKeySource: 'HEADER',
      endpointConfiguration: { types: ['REGIONAL'] },
      disableExecuteApiEndpoint: false,
      tags: { team: 'platform' },
    },
    stages: api.stages.map((stage) => restStage(api, stage)),
    authorizers: restAuthorizers(api),
    resources: restResources(api),
  }));
}

/** The fleet's HTTP and WebSocket APIs, likewise. */
export function v2ApisOf(): readonly WorldV2Api[] {
  return FLEET.filter((api) => api.protocol !== 'REST').map((api) => ({
    account: api.account,
    region: api.region,
    api: {
      apiId: api.id,
      name: api.name,
      protocolType: api.protocol,
      apiEndpoint: `https://${api.id}.execute-api.${api.region}.amazonaws.com`,
      createdDate: CREATED_ISO,
      routeSelectionExpression:
        api.protocol === 'HTTP' ? '$request.method $request.path' : '$request.body.action',
      disableExecuteApiEndpoint: false,
      tags: { team: 'platform' },
    },
    stages: api.stages.map((stage) => v2Stage(api, stage)),
    authorizers: v2Authorizers(api),
    routes: api.routes.map((route, index) => v2Route(api, route, index)),
    integrations: [
      {
        integrationId: integrationIdOf(api),
        integrationType: 'AWS_PROXY',
        timeoutInMillis: api.protocol === 'HTTP' ? 30_000 : 29_000,
      },
    ],
  }));
}

function logSettings(api: FleetApi, stage: FleetStage): Readonly<Record<string, string>> {
  return {
    destinationArn: `arn:aws:logs:${api.region}:${api.account}:log-group:${stage.logGroup}`,
    format: stage.format.text,
  };
}

function restStage(api: FleetApi, stage: FleetStage): Readonly<Record<string, unknown>> {
  return {
    stageName: stage.name,
    deploymentId: `dep${api.id.slice(0, 3)}`,
    createdDate: CREATED_S,
    lastUpdatedDate: CREATED_S,
    cacheClusterEnabled: false,
    tracingEnabled: true,
    accessLogSettings: logSettings(api, stage),
    methodSettings: {
      '*/*': {
        metricsEnabled: stage.detailedMetrics,
        loggingLevel: 'OFF',
        dataTraceEnabled: false,
        cachingEnabled: false,
      },
    },
    tags: stage.tags,
  };
}

function invokeUri(region: string, { function: fn }: FleetAuthorizer): string {
  const arn = `arn:aws:lambda:${fn.region}:${fn.account}:function:${fn.name}`;
  return `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${arn}/invocations`;
}

function restAuthorizers(api: FleetApi): readonly Readonly<Record<string, unknown>>[] {
  const { authorizer } = api;
  if (authorizer !== undefined) {
    return [
      {
        id: authorizer.id,
        name: authorizer.name,
        type: authorizer.type,
        authType: 'custom',
        authorizerUri: invokeUri(api.region, authorizer),
        identitySource: 'method.request.header.Authorization',
        authorizerResultTtlInSeconds: authorizer.ttlS,
        ...(authorizer.type === 'TOKEN' ? { identityValidationExpression: '^Bearer .+$' } : {}),
      },
    ];
  }
  if (!api.routes.some((route) => route.auth === 'cognito')) return [];
  const pool = `arn:aws:cognito-idp:${api.region}:${api.account}:userpool/${api.region}_sandboxPool`;
  return [
    {
      id: COGNITO_ID,
      name: `${api.name}-users`,
      type: 'COGNITO_USER_POOLS',
      authType: 'cognito_user_pools',
      providerARNs: [pool],
      identitySource: 'method.request.header.Authorization',
    },
  ];
}

const COGNITO_ID = 'cog001';
const JWT_ID = 'jwt001';

const REST_AUTH_TYPE: Readonly<Record<RouteAuth, string>> = {
  lambda: 'CUSTOM',
  cognito: 'COGNITO_USER_POOLS',
  iam: 'AWS_IAM',
  jwt: 'NONE',
  none: 'NONE',
};

/** As `GetResources?embed=methods`: one entry per path, the root without methods. */
function restResources(api: FleetApi): readonly Readonly<Record<string, unknown>>[] {
  const paths = [...new Set(api.routes.map((route) => route.path))];
  const root = { id: `${api.id.slice(0, 4)}root`, path: '/' };
  return [
    root,
    ...paths.map((path, index) => ({
      id: `${api.id.slice(0, 4)}r${index}`,
      parentId: root.id,
      pathPart: path.slice(path.lastIndexOf('/') + 1),
      path,
      resourceMethods: Object.fromEntries(
        api.routes
          .filter((route) => route.path === path)
          .map((route) => [route.method, restMethod(api, route)]),
      ),
    })),
  ];
}

function restMethod(api: FleetApi, route: FleetRoute): Readonly<Record<string, unknown>> {
  const authorizerId = authorizerIdOf(api, route);
  return {
    httpMethod: route.method,
    methodIntegration: { type: 'AWS_PROXY', httpMethod: 'POST', timeoutInMillis: 29_000 },
    authorizationType: REST_AUTH_TYPE[route.auth],
    apiKeyRequired: false,
    ...(authorizerId === undefined ? {} : { authorizerId }),
  };
}

function authorizerIdOf(api: FleetApi, route: FleetRoute): string | undefined {
  if (route.auth === 'lambda') return api.authorizer?.id;
  if (route.auth === 'cognito') return COGNITO_ID;
  return route.auth === 'jwt' ? JWT_ID : undefined;
}

function v2Stage(api: FleetApi, stage: FleetStage): Readonly<Record<string, unknown>> {
  return {
    stageName: stage.name,
    createdDate: CREATED_ISO,
    lastUpdatedDate: CREATED_ISO,
    autoDeploy: api.protocol === 'HTTP',
    accessLogSettings: logSettings(api, stage),
    defaultRouteSettings: { detailedMetricsEnabled: stage.detailedMetrics },
    routeSettings: {},
    tags: stage.tags,
  };
}

function v2Authorizers(api: FleetApi): readonly Readonly<Record<string, unknown>>[] {
  const { authorizer } = api;
  if (authorizer !== undefined) {
    const identitySource = [
      api.protocol === 'HTTP' ? '$request.header.Authorization' : 'route.request.header.Authorization',
    ];
    return [
      {
        authorizerId: authorizer.id,
        name: authorizer.name,
        authorizerType: 'REQUEST',
        authorizerUri: invokeUri(api.region, authorizer),
        identitySource,
        ...(api.protocol === 'HTTP'
          ? {
              authorizerPayloadFormatVersion: '2.0',
              enableSimpleResponses: true,
              authorizerResultTtlInSeconds: authorizer.ttlS,
            }
          : {}),
      },
    ];
  }
  if (!api.routes.some((route) => route.auth === 'jwt')) return [];
  return [
    {
      authorizerId: JWT_ID,
      name: `${api.name}-jwt`,
      authorizerType: 'JWT',
      identitySource: ['$request.header.Authorization'],
      jwtConfiguration: { audience: ['mobile'], issuer: 'https://issuer.example.org' },
    },
  ];
}

function v2Route(api: FleetApi, route: FleetRoute, index: number): Readonly<Record<string, unknown>> {
  const authorizerId = authorizerIdOf(api, route);
  return {
    routeId: `${api.id.slice(0, 3)}rt${index}`,
    routeKey: api.protocol === 'HTTP' ? `${route.method} ${route.path}` : route.path,
    target: `integrations/${integrationIdOf(api)}`,
    authorizationType: V2_AUTH_TYPE[route.auth],
    apiKeyRequired: false,
    ...(authorizerId === undefined ? {} : { authorizerId }),
  };
}

function integrationIdOf(api: FleetApi): string {
  return `${api.id.slice(0, 3)}in0`;
}

const V2_AUTH_TYPE: Readonly<Record<RouteAuth, string>> = {
  lambda: 'CUSTOM',
  jwt: 'JWT',
  iam: 'AWS_IAM',
  cognito: 'NONE',
  none: 'NONE',
};
