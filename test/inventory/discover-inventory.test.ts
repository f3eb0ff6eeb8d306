import { describe, expect, it } from 'vitest';
import { HeldError } from '../../src/core/errors.ts';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import type { InventorySettings } from '../../src/inventory/inventory-settings.ts';
import { CENTRAL, everything, type FakeFleet, fakeClients, REGION, restApi, stage } from './listing-fake.ts';

const signal = new AbortController().signal;
const uriOf = (fn: string) =>
  `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:444455556666:function:${fn}/invocations`;

function discover(fleet: FakeFleet, settings: Partial<InventorySettings> = {}) {
  return discoverInventory(fakeClients(fleet), { ...everything, ...settings }, signal, 1_000);
}

describe('discoverInventory', () => {
  it('finds a REST stage with its log group, format, authorizers and guarded routes', async () => {
    const orders = restApi('r1', 'orders', {
      stages: [stage('prod', { tags: { env: 'prod' }, detailedMetrics: true, cacheEnabled: true })],
      authorizers: [
        { authorizerId: 'a1', name: 'token', type: 'TOKEN', authorizerUri: uriOf('authz:live') },
        { authorizerId: 'a2', name: 'pool', type: 'COGNITO_USER_POOLS', ttlSeconds: 0 },
      ],
      routes: [
        { routeKey: 'GET /orders/{id}', authorizationType: 'CUSTOM', authorizerId: 'a1' },
        { routeKey: 'POST /orders', authorizationType: 'COGNITO_USER_POOLS', authorizerId: 'a2' },
        { routeKey: 'GET /internal', authorizationType: 'AWS_IAM' },
        { routeKey: 'GET /health', authorizationType: 'NONE' },
      ],
    });
    const inventory = await discover({ apis: [orders] });
    expect(inventory).toMatchObject({ complete: true, problems: [], readMs: 1_000 });
    expect(inventory.stages).toEqual([
      {
        account: CENTRAL,
        region: REGION,
        apiId: 'r1',
        apiName: 'orders',
        stage: 'prod',
        protocol: 'REST',
        tags: { env: 'prod' },
        accessLogGroup: { account: CENTRAL, region: REGION, logGroup: '/apigw/prod' },
        accessLogFormat: '$context.requestId $context.status',
        earlierFormats: [],
        detailedMetrics: true,
        cacheEnabled: true,
        authorizers: {
          a1: {
            authorizerId: 'a1',
            name: 'token',
            functionName: 'authz',
            kind: 'lambda_token',
            ttlMs: 300_000,
            logGroup: { account: '444455556666', region: REGION, logGroup: '/aws/lambda/authz' },
          },
          a2: { authorizerId: 'a2', name: 'pool', kind: 'cognito', ttlMs: 0 },
        },
        routes: {
          'GET /orders/{id}': 'a1',
          'POST /orders': 'a2',
          'GET /internal': 'iam',
          'GET /health': 'none',
        },
      },
    ]);
  });

  it('gives HTTP authorizers no cache unless set, and WebSocket authorizers never', async () => {
    const authorizers = [
      { authorizerId: 'a', name: 'a', type: 'REQUEST', authorizerUri: uriOf('f') },
      { authorizerId: 'b', name: 'b', type: 'REQUEST', authorizerUri: uriOf('f'), ttlSeconds: 60 },
      { authorizerId: 'j', name: 'j', type: 'JWT' },
    ];
    const ttls = async (protocol: 'HTTP' | 'WEBSOCKET') => {
      const api = { apiId: 'x', name: 'x', protocol, tags: {} };
      const inventory = await discover({ apis: [{ api, stages: [stage('$default')], authorizers }] });
      return Object.values(inventory.stages[0]?.authorizers ?? {}).map(({ kind, ttlMs }) => [kind, ttlMs]);
    };
    expect(await ttls('HTTP')).toEqual([
      ['lambda_request', 0],
      ['lambda_request', 60_000],
      ['jwt', 0],
    ]);
    expect(await ttls('WEBSOCKET')).toEqual([
      ['lambda_request', 0],
      ['lambda_request', 0],
      ['jwt', 0],
    ]);
  });

  it('names the guard of all routes only when they agree and were listed whole', async () => {
    const routes = [
      { routeKey: 'GET /a', authorizationType: 'CUSTOM', authorizerId: 'a1' },
      { routeKey: 'GET /b', authorizationType: 'CUSTOM', authorizerId: 'a1' },
    ];
    const apis = [restApi('r1', 'orders', { routes })];
    expect((await discover({ apis })).stages[0]?.defaultAuthorizer).toBe('a1');
    const partial = await discover({ apis, failing: ['routes:r1'] });
    expect(partial.stages[0]).not.toHaveProperty('defaultAuthorizer');
    expect(partial.complete).toBe(false);
  });

  it('reads an authorizer where the configuration says it logs; the first rule that matches decides', async () => {
    const custom = { account: CENTRAL, region: REGION, logGroup: '/custom/authz' };
    const authorizers = [
      { authorizerId: 'a', name: 'legacy-a', type: 'TOKEN', authorizerUri: uriOf('f') },
      { authorizerId: 'b', name: 'b', type: 'TOKEN', authorizerUri: uriOf('old-f') },
      { authorizerId: 'c', name: 'c', type: 'TOKEN', authorizerUri: uriOf('f') },
    ];
    const inventory = await discover(
      { apis: [restApi('r1', 'orders', { authorizers })] },
      {
        authorizers: [
          { match: { name: 'c' } },
          { match: { name: 'legacy-*' }, logGroup: custom },
          { match: { function: 'old-*' }, logGroup: custom },
          { match: { name: '*' }, logGroup: { ...custom, logGroup: '/too/late' } },
        ],
      },
    );
    const groups = Object.values(inventory.stages[0]?.authorizers ?? {}).map(
      ({ logGroup }) => logGroup?.logGroup,
    );
    expect(groups).toEqual(['/custom/authz', '/custom/authz', '/aws/lambda/f']);
  });

  it('notes what cannot be seen without calling the listing incomplete', async () => {
    const firehose = 'arn:aws:firehose:eu-west-1:111122223333:deliverystream/amazon-apigateway-x';
    const { destinationArn: _, format: __, ...silent } = stage('silent');
    const inventory = await discover({
      apis: [
        restApi('r1', 'orders', {
          stages: [stage('prod', { destinationArn: firehose }), silent],
          authorizers: [
            { authorizerId: 'a', name: 'by-variable', type: 'TOKEN', authorizerUri: 'arn:x' },
            { authorizerId: 'n', name: 'new', type: 'PASSKEY' },
          ],
        }),
      ],
    });
    expect(inventory.complete).toBe(true);
    expect(inventory.stages[0]).not.toHaveProperty('accessLogGroup');
    const reasons = inventory.problems.map(({ what, reason }) => `${what}: ${reason}`);
    expect(reasons).toEqual([
      expect.stringContaining('by-variable names no Lambda function'),
      expect.stringContaining('new has type PASSKEY'),
      expect.stringContaining('stage prod of API orders (r1): sends its access log to firehose'),
      expect.stringContaining('stage silent of API orders (r1): has no access log'),
    ]);
  });

  it('flags two REST APIs of one name, whose metrics cannot be told apart', async () => {
    const inventory = await discover({
      apis: [restApi('r2', 'orders'), restApi('r1', 'orders'), restApi('r3', 'pay')],
    });
    expect(inventory.stages).toHaveLength(3);
    expect(inventory.problems.map(({ what, reason }) => [what, reason])).toEqual([
      ['REST API name orders', expect.stringContaining('shared by r1, r2')],
    ]);
  });

  it('watches what is included and not excluded, by name, stage and tag', async () => {
    const apis = [
      restApi('r1', 'orders-eu', { stages: [stage('prod'), stage('test')] }),
      restApi('r2', 'orders-us', { stages: [stage('prod', { tags: { team: 'payments' } })] }),
      restApi('r3', 'wiki', { stages: [stage('prod')] }),
    ];
    const settings = {
      include: [{ name: 'orders-*' }],
      exclude: [{ stage: 'test' }, { tags: { team: 'pay*' } }],
    };
    const inventory = await discover({ apis }, settings);
    expect(inventory.stages.map(({ apiName, stage: name }) => `${apiName}/${name}`)).toEqual([
      'orders-eu/prod',
    ]);
  });

  it('hands each stage the earlier formats that are about it', async () => {
    const earlierFormats = [
      { api: 'orders', stage: 'prod', format: 'old' },
      { api: 'r1', stage: '*', format: 'older' },
      { api: 'wiki', stage: '*', format: 'other' },
    ];
    const inventory = await discover({ apis: [restApi('r1', 'orders')] }, { earlierFormats });
    expect(inventory.stages[0]?.earlierFormats).toEqual(['old', 'older']);
  });

  it('keeps what it read when a listing breaks off, and says what is unread', async () => {
    const apis = [restApi('r1', 'orders'), restApi('r2', 'pay')];
    const inventory = await discover({ apis, failing: ['rest'] });
    expect(inventory.stages.map(({ apiId }) => apiId)).toEqual(['r1']);
    expect(inventory.complete).toBe(false);
    expect(inventory.problems).toEqual([
      {
        account: CENTRAL,
        region: REGION,
        what: 'REST APIs',
        reason: 'throttled in every attempt',
        unread: { part: 'apis', protocols: ['REST'] },
      },
    ]);
  });

  it('reads nothing under credentials of another account', async () => {
    const inventory = await discover({ apis: [restApi('r1', 'orders')], callerAccount: '999999999999' });
    expect(inventory.stages).toEqual([]);
    expect(inventory.complete).toBe(false);
    expect(inventory.problems[0]?.reason).toContain('got those of 999999999999');
  });

  it('goes on listing when STS does not say who is calling', async () => {
    const inventory = await discover({
      apis: [restApi('r1', 'orders')],
      callerAccount: new HeldError('aws_denied', 'no STS here'),
    });
    expect(inventory).toMatchObject({ complete: true, stages: [{ apiId: 'r1' }] });
  });

  it('stops with the reason of its signal', async () => {
    const stop = new AbortController();
    stop.abort(new Error('stopping'));
    const clients = fakeClients({ apis: [], failing: ['rest'] });
    await expect(discoverInventory(clients, everything, stop.signal, 0)).rejects.toThrow('stopping');
  });
});
