import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { rehearsalConfig } from '../../src/sandbox/rehearsal-config.ts';
import { worldOf } from './traffic-world.ts';

const world = worldOf({ minutes: 1, ratePerSecond: 1 });

describe('the fleet', () => {
  it('has a second account and a second Region', () => {
    expect(world.accounts).toEqual([
      { accountId: '111122223333', regions: ['eu-west-1', 'eu-central-1'] },
      { accountId: '444455556666', regions: ['eu-west-1'] },
    ]);
  });

  it('shows REST APIs in the shapes the SDK deserialises', () => {
    const partner = world.restApis.find(({ api }) => api.name === 'partner-api');
    expect(partner?.api).toMatchObject({ id: 'c3d4e5f6a7', createdDate: expect.any(Number) });
    expect(partner?.stages).toHaveLength(2);
    const [prod, beta] = partner?.stages ?? [];
    expect(prod).toMatchObject({
      stageName: 'prod',
      accessLogSettings: { destinationArn: 'arn:aws:logs:eu-west-1:111122223333:log-group:/apigw/partner' },
    });
    expect(beta).toMatchObject({
      accessLogSettings: { destinationArn: 'arn:aws:logs:eu-west-1:111122223333:log-group:/apigw/partner' },
    });
    expect(partner?.authorizers[0]).toMatchObject({
      type: 'TOKEN',
      authorizerResultTtlInSeconds: 600,
      authorizerUri:
        'arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:444455556666:function:partner-authorizer/invocations',
    });
    const resource = partner?.resources.find(({ path }) => path === '/catalog/{sku}');
    expect(resource?.resourceMethods).toMatchObject({
      GET: { authorizationType: 'CUSTOM', authorizerId: 'par001' },
      PUT: { authorizationType: 'CUSTOM', authorizerId: 'par001' },
    });
  });

  it('shows every kind of authorizer', () => {
    const methods = world.restApis.flatMap(({ resources }) =>
      resources.flatMap(({ resourceMethods }) => Object.values(resourceMethods ?? {})),
    );
    const kinds = new Set(methods.map((method: { authorizationType: string }) => method.authorizationType));
    expect([...kinds].sort()).toEqual(['AWS_IAM', 'COGNITO_USER_POOLS', 'CUSTOM', 'NONE']);
    const types = world.restApis.flatMap(({ authorizers }) => authorizers.map(({ type }) => type));
    expect(new Set(types)).toEqual(new Set(['REQUEST', 'TOKEN', 'COGNITO_USER_POOLS']));
  });

  it('shows HTTP and WebSocket APIs with their routes and payload version', () => {
    const byName = new Map(world.v2Apis.map((api) => [api.api.name, api]));
    expect(byName.get('payments-http')?.authorizers[0]).toMatchObject({
      authorizerType: 'REQUEST',
      authorizerPayloadFormatVersion: '2.0',
    });
    expect(byName.get('mobile-http')?.routes).toContainEqual(
      expect.objectContaining({ routeKey: 'GET /feed', authorizationType: 'JWT', authorizerId: 'jwt001' }),
    );
    expect(byName.get('chat-ws')?.api.protocolType).toBe('WEBSOCKET');
    expect(byName.get('chat-ws')?.routes).toContainEqual(
      expect.objectContaining({ routeKey: '$connect', authorizationType: 'CUSTOM', authorizerId: 'cha001' }),
    );
  });

  it('logs the type of the error in every format, so that the truth can be read from the lines', () => {
    const stages = [...world.restApis, ...world.v2Apis].flatMap((api) => api.stages);
    for (const { accessLogSettings } of stages) {
      expect(accessLogSettings).toMatchObject({
        format: expect.stringContaining('$context.error.responseType'),
      });
      expect(accessLogSettings).toMatchObject({ format: expect.stringMatching(/^[\x20-\x7e]{1,3072}$/) });
    }
  });

  it('comes with the configuration that a user would write for it', () => {
    const text = rehearsalConfig(world, {
      url: 'http://127.0.0.1:8088',
      journalPath: 'gatewatch.db',
      pseudonymKeyFile: 'pseudonym.key',
      hecTokenFile: 'hec.token',
      dynatraceTokenFile: 'dynatrace.token',
    });
    const config: unknown = parse(text);
    expect(config).toMatchObject({
      version: 1,
      accounts: {
        central: { accountId: '111122223333' },
        identity: { roleArn: 'arn:aws:iam::444455556666:role/gatewatch', externalId: 'gatewatch-rehearsal' },
      },
      accessLogs: { earlierFormats: [{ api: 'orders-api', stage: 'prod' }] },
      customers: { fromPrincipal: { 'svc-shipping': 'cust-0019' } },
      sinks: {
        splunk: { type: 'splunk_hec', url: 'http://127.0.0.1:8088' },
        dynatrace: { type: 'dynatrace_otlp', url: 'http://127.0.0.1:8088/api/v2/otlp' },
      },
    });
    expect(text).toContain('/custom/authz/legacy');
    expect(text).toContain('key: verdict');
  });
});
