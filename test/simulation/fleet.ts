import type { ListedApi, ListedAuthorizer, ListedRoute, ListedStage } from '../../src/aws/listed-shapes.ts';

export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';

export const API_NAMES = ['orders', 'pay', 'gate', 'chat', 'open'] as const;
export type ApiName = (typeof API_NAMES)[number];
/** Those with a Lambda function that decides. */
export type GuardedName = Exclude<ApiName, 'open'>;

/** The log groups of the simulated account. */
export const ACCESS_GROUP: Readonly<Record<ApiName, string>> = {
  orders: '/apigw/orders',
  pay: '/apigw/pay',
  gate: '/apigw/gate',
  chat: '/apigw/chat',
  open: '/apigw/open',
};
export const AUTHORIZER_GROUP: Readonly<Record<GuardedName, string>> = {
  orders: '/aws/lambda/orders-authorizer',
  pay: '/aws/lambda/pay-authorizer',
  gate: '/aws/lambda/gate-authorizer',
  chat: '/aws/lambda/chat-authorizer',
};

const ANY = [
  'requestId',
  'extendedRequestId',
  'requestTimeEpoch',
  'status',
  'identity.userAgent',
  'integration.status',
  'error.responseType',
];
const COMMON = [...ANY, 'httpMethod', 'resourcePath', 'path', 'responseLatency'];
const CONNECTION = ['connectionId', 'eventType', 'routeKey'];
const CALLED = [
  'authorizer.requestId',
  'authorizer.status',
  'authorizer.principalId',
  'authorizer.orgCustomerId',
];
const ECHOED = ['authorizer.authzRequestId'];

/**
 * Variables that each API logs: one echoes the invocation, one has it rendered by the gateway, one names it nowhere (its
 * function logs the gateway's id), one is a WebSocket API, one has no authorizer.
 */
export const VARIABLES: Readonly<Record<ApiName, readonly string[]>> = {
  orders: [...COMMON, ...CALLED, ...ECHOED],
  pay: [...COMMON, ...CALLED],
  gate: COMMON,
  chat: [...ANY, ...CONNECTION, ...CALLED],
  open: COMMON,
};

export interface SimApi extends ListedApi {
  readonly name: ApiName;
}

const APIS: readonly SimApi[] = [
  { apiId: 'ordersid01', name: 'orders', protocol: 'REST', tags: {} },
  { apiId: 'payid00001', name: 'pay', protocol: 'REST', tags: {} },
  { apiId: 'gateid0001', name: 'gate', protocol: 'REST', tags: {} },
  { apiId: 'chatid0001', name: 'chat', protocol: 'WEBSOCKET', tags: {} },
  { apiId: 'openid0001', name: 'open', protocol: 'REST', tags: {} },
];

export function apisNamed(names: readonly ApiName[]): readonly SimApi[] {
  return APIS.filter(({ name }) => names.includes(name));
}

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
  return [{ routeKey: api.protocol === 'WEBSOCKET' ? '$connect' : 'GET /things', ...guard }];
}
