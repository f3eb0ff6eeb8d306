import { JSON_WITH_ECHO } from '../../src/sandbox/fleet-formats.ts';
import type { FleetFunction } from '../../src/sandbox/fleet-model.ts';
import type { World, WorldRestApi } from '../../src/sandbox/world.ts';

/** The fleet of the benchmark: REST APIs with a caching REQUEST authorizer each, every id echoed into the access line. */
export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';
export const ACCESS_KEY = 'AKIA111122223333BENCH';
export const HEC_TOKEN = 'bench-hec-token';
export const DYNATRACE_TOKEN = 'bench-dynatrace-token';

/** One API with its authorizer function. The two forms are those that write four lines for each invocation. */
export interface BenchApi {
  readonly id: string;
  readonly name: string;
  readonly accessGroup: string;
  readonly authorizer: FleetFunction;
}

export function benchApi(id: string, name: string, authorizer: Partial<FleetFunction>): BenchApi {
  return {
    id,
    name,
    accessGroup: `/apigw/${name}`,
    authorizer: {
      name: `${name}-authorizer`,
      account: ACCOUNT,
      region: REGION,
      logGroup: `/aws/lambda/${name}-authorizer`,
      form: 'lambda_json',
      logsGatewayId: 'before_deciding',
      memoryMb: 256,
      timeoutS: 3,
      medianMs: 35,
      ...authorizer,
    },
  };
}

export const APIS: readonly BenchApi[] = [
  benchApi('a1b2c3d4e5', 'orders', { form: 'lambda_json', logsGatewayId: 'before_deciding' }),
  benchApi('b2c3d4e5f6', 'billing', { form: 'powertools', logsGatewayId: 'with_decision' }),
];

export const ROUTES = [
  { method: 'GET', path: '/items' },
  { method: 'GET', path: '/items/{id}' },
  { method: 'POST', path: '/items' },
  { method: 'DELETE', path: '/items/{id}' },
] as const;

/** What the control plane lists. Log events do not come from here: they are served from ready pages. */
export function benchWorld(fromMs: number, toMs: number, apis: readonly BenchApi[] = APIS): World {
  const regions = [...new Set(apis.map(({ authorizer }) => authorizer.region))];
  return {
    accounts: [{ accountId: ACCOUNT, regions }],
    restApis: apis.map(restApi),
    v2Apis: [],
    logGroups: [],
    series: [],
    longestLagMs: 0,
    historyFromMs: fromMs,
    historyToMs: toMs,
    plantedSecrets: [],
    advanceTo: () => undefined,
    points: () => [],
    truth: () => [],
  };
}

function restApi(api: BenchApi): WorldRestApi {
  const { region } = api.authorizer;
  return {
    account: ACCOUNT,
    region,
    api: { id: api.id, name: api.name, tags: {} },
    stages: [
      {
        stageName: 'prod',
        accessLogSettings: {
          destinationArn: `arn:aws:logs:${region}:${ACCOUNT}:log-group:${api.accessGroup}`,
          format: JSON_WITH_ECHO,
        },
        tags: {},
      },
    ],
    authorizers: [
      {
        id: authorizerIdOf(api),
        name: api.authorizer.name,
        type: 'REQUEST',
        authType: 'custom',
        authorizerUri: `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${region}:${ACCOUNT}:function:${api.authorizer.name}/invocations`,
        identitySource: 'method.request.header.Authorization',
        authorizerResultTtlInSeconds: 300,
      },
    ],
    resources: [...new Set(ROUTES.map((route) => route.path))].map((path, index) => ({
      id: `${api.id.slice(0, 4)}r${index}`,
      path,
      resourceMethods: Object.fromEntries(
        ROUTES.filter((route) => route.path === path).map(({ method }) => [
          method,
          { httpMethod: method, authorizationType: 'CUSTOM', authorizerId: authorizerIdOf(api) },
        ]),
      ),
    })),
  };
}

function authorizerIdOf(api: BenchApi): string {
  return `az${api.id.slice(0, 4)}`;
}
