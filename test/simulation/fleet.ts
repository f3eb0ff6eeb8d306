import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from '../../src/aws/listed-shapes.ts';

export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';

export type ApiName = 'orders' | 'pay' | 'open';

/** The log groups of the simulated account. */
export const ACCESS_GROUP: Readonly<Record<ApiName, string>> = {
  orders: '/apigw/orders',
  pay: '/apigw/pay',
  open: '/apigw/open',
};
export const AUTHORIZER_GROUP: Readonly<Record<'orders' | 'pay', string>> = {
  orders: '/aws/lambda/orders-authorizer',
  pay: '/aws/lambda/pay-authorizer',
};

const COMMON = [
  'requestId',
  'extendedRequestId',
  'requestTimeEpoch',
  'httpMethod',
  'resourcePath',
  'path',
  'status',
  'responseLatency',
  'identity.userAgent',
  'integration.status',
  'error.responseType',
];
const CALLED = [
  'authorizer.requestId',
  'authorizer.status',
  'authorizer.principalId',
  'authorizer.orgCustomerId',
];
const ECHOED = ['authorizer.authzRequestId'];

/** Variables that each API logs: one echoes the invocation, one has it rendered by the gateway, one has no authorizer. */
export const VARIABLES: Readonly<Record<ApiName, readonly string[]>> = {
  orders: [...COMMON, ...CALLED, ...ECHOED],
  pay: [...COMMON, ...CALLED],
  open: COMMON,
};

export interface SimApi extends ListedApi {
  readonly name: ApiName;
}

export const APIS: readonly SimApi[] = [
  { apiId: 'ordersid01', name: 'orders', protocol: 'REST', tags: {} },
  { apiId: 'payid00001', name: 'pay', protocol: 'REST', tags: {} },
  { apiId: 'openid0001', name: 'open', protocol: 'REST', tags: {} },
];

export function stageOf(api: SimApi): ListedStage {
  const members = VARIABLES[api.name].map((name) => `"${name}":"$context.${name}"`);
  return {
    stage: 'prod',
    destinationArn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${ACCESS_GROUP[api.name]}`,
    format: `{${members.join(',')}}`,
    tags: {},
    detailedMetrics: false,
    cacheEnabled: false,
  };
}

export function authorizersOf(api: SimApi): readonly ListedAuthorizer[] {
  if (api.name === 'open') return [];
  const fn = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${api.name}-authorizer`;
  return [
    {
      authorizerId: `${api.name}-a`,
      name: `${api.name}-authorizer`,
      type: 'REQUEST',
      authorizerUri: `arn:aws:apigateway:${REGION}:lambda:path/2015-03-31/functions/${fn}/invocations`,
      ttlSeconds: 300,
    },
  ];
}

export function routesOf(api: SimApi): readonly ListedRoute[] {
  const guard =
    api.name === 'open'
      ? { authorizationType: 'NONE' }
      : { authorizationType: 'CUSTOM', authorizerId: `${api.name}-a` };
  return [{ routeKey: 'GET /things', ...guard }];
}
