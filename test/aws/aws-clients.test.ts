import { describe, expect, it } from 'vitest';
import type { ApiFamily, AwsClientsSettings } from '../../src/aws/aws-clients.ts';
import { HeldError, IncompleteReadError, UserError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import { assumedRole, awsError, callerIdentity, type StubHandler } from './aws-stub.ts';
import {
  CENTRAL,
  collect,
  createSkippingClock,
  IDENTITY,
  REGION,
  stubbedClients,
} from './clients-fixture.ts';

const stub = stubbedClients();

const roleArn = `arn:aws:iam::${IDENTITY}:role/gatewatch`;
const accounts = [
  { name: 'central', accountId: CENTRAL, regions: [REGION] },
  {
    name: 'identity',
    accountId: IDENTITY,
    regions: [REGION, 'us-east-1'],
    roleArn,
    externalId: new Secret('ext-1'),
  },
];

function serve(handler: StubHandler, settings: Partial<AwsClientsSettings> = {}) {
  return stub.serve(handler, { accounts, ...settings });
}

const signal = new AbortController().signal;

function read(account: string, region = REGION) {
  return { account, region, logGroup: '/g', fromMs: 0, toMs: 10, signal };
}

describe('accounts and roles', () => {
  it('assumes a role once, with its external id, for every service and Region of the account', async () => {
    const aws = await serve((call) =>
      call.operation === 'AssumeRole' ? assumedRole('ASIAIDENTITY') : { body: {} },
    );
    await collect(aws.filterLogEvents(read(IDENTITY)));
    await collect(aws.filterLogEvents(read(IDENTITY, 'us-east-1')));
    await collect(aws.listApis({ account: IDENTITY, region: REGION, family: 'rest', signal }));
    expect(
      stub.callsOf('AssumeRole').map(({ body }) => [body.RoleArn, body.ExternalId, body.RoleSessionName]),
    ).toEqual([[roleArn, 'ext-1', 'gatewatch']]);
    const rest = stub.calls.filter(({ operation }) => operation !== 'AssumeRole');
    expect(rest.map(({ accessKeyId, region }) => [accessKeyId, region])).toEqual([
      ['ASIAIDENTITY', REGION],
      ['ASIAIDENTITY', 'us-east-1'],
      ['ASIAIDENTITY', REGION],
    ]);
  });

  it('uses the credentials of the SDK itself for an account without a role', async () => {
    const aws = await serve(() => ({ body: {} }));
    await collect(aws.filterLogEvents(read(CENTRAL)));
    expect(stub.calls[0]?.accessKeyId).toBe('AKIACENTRAL');
  });

  it('is held when the role may not be assumed, naming role and permission, and asks again next time', async () => {
    let denied = true;
    const aws = await serve((call) => {
      if (call.operation !== 'AssumeRole') return { body: {} };
      if (!denied) return assumedRole('ASIAIDENTITY');
      return {
        status: 403,
        headers: { 'content-type': 'text/xml' },
        body: '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not trusted</Message></Error></ErrorResponse>',
      };
    });
    const error = await collect(aws.filterLogEvents(read(IDENTITY))).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(HeldError);
    expect(error.message).toContain(`sts:AssumeRole on ${roleArn}`);
    expect(error.message).not.toContain('ext-1');
    denied = false;
    expect(await collect(aws.filterLogEvents(read(IDENTITY)))).toHaveLength(1);
  });

  it('assumes the role anew after AWS refuses the credentials, and before they run out', async () => {
    const clock = createSkippingClock();
    let refuse = true;
    const aws = await serve(
      (call) => {
        if (call.operation === 'AssumeRole') return assumedRole('ASIAIDENTITY');
        return refuse ? awsError('UnrecognizedClientException') : { body: {} };
      },
      { clock },
    );
    await expect(collect(aws.filterLogEvents(read(IDENTITY)))).rejects.toBeInstanceOf(HeldError);
    refuse = false;
    await collect(aws.filterLogEvents(read(IDENTITY, 'us-east-1')));
    expect(stub.callsOf('AssumeRole')).toHaveLength(2);
    await clock.sleep(51 * 60_000);
    await collect(aws.listApis({ account: IDENTITY, region: REGION, family: 'v2', signal }));
    expect(stub.callsOf('AssumeRole')).toHaveLength(3);
  });

  it('refuses an account that is not configured', async () => {
    const aws = await serve(() => ({ body: {} }));
    expect(() => aws.filterLogEvents(read('999999999999'))).toThrow(UserError);
  });

  it('tells which account the credentials reach', async () => {
    const aws = await serve(() => callerIdentity(CENTRAL));
    expect(await aws.callerAccount({ account: CENTRAL, region: REGION, signal })).toBe(CENTRAL);
  });
});

describe('API Gateway listings', () => {
  const scope = { account: CENTRAL, region: REGION, signal };
  const rest = { ...scope, family: 'rest' as ApiFamily };
  const v2 = { ...scope, family: 'v2' as ApiFamily };

  it('follows position through the REST APIs', async () => {
    const aws = await serve((call) =>
      call.query.get('position')
        ? { body: { item: [{ id: 'r2', name: 'payments', tags: { team: 'pay' } }] } }
        : { body: { item: [{ id: 'r1', name: 'orders' }], position: 'p2' } },
    );
    expect((await collect(aws.listApis(rest))).flat()).toEqual([
      { apiId: 'r1', name: 'orders', protocol: 'REST', tags: {} },
      { apiId: 'r2', name: 'payments', protocol: 'REST', tags: { team: 'pay' } },
    ]);
    expect(stub.calls.map(({ operation }) => operation)).toEqual(['/restapis', '/restapis']);
  });

  it('follows nextToken through the HTTP and WebSocket APIs', async () => {
    const aws = await serve((call) =>
      call.query.get('nextToken')
        ? { body: { items: [{ apiId: 'w1', name: 'chat', protocolType: 'WEBSOCKET' }] } }
        : { body: { items: [{ apiId: 'h1', name: 'shop', protocolType: 'HTTP' }], nextToken: 'n2' } },
    );
    const apis = (await collect(aws.listApis(v2))).flat();
    expect(apis.map(({ apiId, protocol }) => [apiId, protocol])).toEqual([
      ['h1', 'HTTP'],
      ['w1', 'WEBSOCKET'],
    ]);
  });

  it('reads the access log, tags, cache and detailed metrics of REST stages', async () => {
    const stage = {
      stageName: 'prod',
      cacheClusterEnabled: true,
      accessLogSettings: {
        destinationArn: 'arn:aws:logs:eu-west-1:111122223333:log-group:g',
        format: '$context.requestId',
      },
      methodSettings: { '*/*': { metricsEnabled: true } },
      tags: { env: 'prod' },
    };
    const aws = await serve(() => ({ body: { item: [stage, { stageName: 'bare' }] } }));
    const stages = (await collect(aws.listStages({ ...rest, apiId: 'r1' }))).flat();
    expect(stages).toEqual([
      {
        stage: 'prod',
        destinationArn: 'arn:aws:logs:eu-west-1:111122223333:log-group:g',
        format: '$context.requestId',
        tags: { env: 'prod' },
        cacheEnabled: true,
        detailedMetrics: true,
      },
      { stage: 'bare', tags: {}, cacheEnabled: false, detailedMetrics: false },
    ]);
  });

  it('asks for methods with the REST resources and makes one route of each', async () => {
    const items = [
      { path: '/', resourceMethods: {} },
      {
        path: '/orders/{id}',
        resourceMethods: {
          GET: { httpMethod: 'GET', authorizationType: 'CUSTOM', authorizerId: 'a1' },
          ANY: { authorizationType: 'AWS_IAM' },
        },
      },
    ];
    const aws = await serve(() => ({ body: { item: items } }));
    const routes = (await collect(aws.listRoutes({ ...rest, apiId: 'r1' }))).flat();
    expect(routes).toEqual([
      { routeKey: 'GET /orders/{id}', authorizationType: 'CUSTOM', authorizerId: 'a1' },
      { routeKey: 'ANY /orders/{id}', authorizationType: 'AWS_IAM' },
    ]);
    expect(stub.calls[0]?.query.get('embed')).toBe('methods');
  });

  it.each([
    [rest, { item: [{ id: 'a1', name: 'authz', type: 'TOKEN', authorizerUri: 'uri' }] }],
    [v2, { items: [{ authorizerId: 'a1', name: 'authz', authorizerType: 'TOKEN', authorizerUri: 'uri' }] }],
  ])('reads authorizers of either control plane', async (listing, body) => {
    const aws = await serve(() => ({ body }));
    const authorizers = (await collect(aws.listAuthorizers({ ...listing, apiId: 'x' }))).flat();
    expect(authorizers).toEqual([{ authorizerId: 'a1', name: 'authz', type: 'TOKEN', authorizerUri: 'uri' }]);
  });

  it('yields the pages before one that fails, then throws', async () => {
    const aws = await serve((call) =>
      call.query.get('position')
        ? awsError('TooManyRequestsException', 'slow down', 429)
        : { body: { item: [{ id: 'r1', name: 'orders' }], position: 'p2' } },
    );
    const seen: string[] = [];
    const listing = (async () => {
      for await (const page of aws.listApis(rest)) seen.push(...page.map(({ apiId }) => apiId));
    })();
    await expect(listing).rejects.toBeInstanceOf(IncompleteReadError);
    expect(seen).toEqual(['r1']);
  });
});
