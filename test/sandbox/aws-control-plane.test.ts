import {
  APIGatewayClient,
  GetAuthorizersCommand,
  GetResourcesCommand,
  GetRestApiCommand,
  GetStagesCommand,
  paginateGetRestApis,
} from '@aws-sdk/client-api-gateway';
import {
  ApiGatewayV2Client,
  GetApisCommand,
  GetRoutesCommand,
  GetAuthorizersCommand as GetV2AuthorizersCommand,
  GetStagesCommand as GetV2StagesCommand,
} from '@aws-sdk/client-apigatewayv2';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, it } from 'vitest';
import { authorizerGroup, central, historyFromMs, identity } from './small-world.ts';
import { closing, sdkSettings, startedSandbox } from './started-sandbox.ts';

describe('API Gateway of REST APIs', () => {
  it('pages through the APIs by position', async () => {
    const sandbox = await startedSandbox({ limits: { apiPage: 2 } });
    const client = new APIGatewayClient(sdkSettings(sandbox));
    closing({ close: () => client.destroy() });
    const pages: (string | undefined)[][] = [];
    for await (const page of paginateGetRestApis({ client }, {}))
      pages.push((page.items ?? []).map((api) => api.id));
    expect(pages).toEqual([['rest0', 'rest1'], ['rest2']]);
  });

  it('shows stages, authorizers, and methods only when they are asked for', async () => {
    const client = new APIGatewayClient(sdkSettings(await startedSandbox()));
    closing({ close: () => client.destroy() });
    const restApiId = 'rest0';
    const api = await client.send(new GetRestApiCommand({ restApiId }));
    expect(api.createdDate).toEqual(new Date(historyFromMs));
    const stages = await client.send(new GetStagesCommand({ restApiId }));
    expect(stages.item?.[0]?.accessLogSettings?.format).toBe('$context.requestId');
    const authorizers = await client.send(new GetAuthorizersCommand({ restApiId }));
    expect(authorizers.items?.[0]).toMatchObject({ type: 'TOKEN', authorizerResultTtlInSeconds: 300 });
    const bare = await client.send(new GetResourcesCommand({ restApiId }));
    expect(bare.items?.[0]?.resourceMethods?.GET).toEqual({});
    const embedded = await client.send(new GetResourcesCommand({ restApiId, embed: ['methods'] }));
    expect(embedded.items?.[0]?.resourceMethods?.GET?.authorizationType).toBe('CUSTOM');
  });

  it('answers NotFoundException for an API of nobody or of another account', async () => {
    const sandbox = await startedSandbox();
    const client = new APIGatewayClient(sdkSettings(sandbox, `ASIA${identity}GW`));
    closing({ close: () => client.destroy() });
    await expect(client.send(new GetStagesCommand({ restApiId: 'rest0' }))).rejects.toMatchObject({
      name: 'NotFoundException',
    });
  });
});

describe('API Gateway of HTTP and WebSocket APIs', () => {
  it('pages by token and lists stages, authorizers and routes', async () => {
    const client = new ApiGatewayV2Client(sdkSettings(await startedSandbox()));
    closing({ close: () => client.destroy() });
    const first = await client.send(new GetApisCommand({ MaxResults: '2' }));
    expect(first.Items?.map((api) => api.ApiId)).toEqual(['http0', 'http1']);
    const { NextToken } = first;
    const rest = await client.send(new GetApisCommand({ MaxResults: '2', NextToken }));
    expect(rest.Items?.map((api) => [api.ApiId, api.CreatedDate])).toEqual([
      ['http2', new Date('2026-11-01')],
    ]);
    expect(rest.NextToken).toBeUndefined();
    const ApiId = 'http0';
    expect((await client.send(new GetV2StagesCommand({ ApiId }))).Items?.[0]?.StageName).toBe('$default');
    expect((await client.send(new GetV2AuthorizersCommand({ ApiId }))).Items?.[0]?.AuthorizerType).toBe(
      'JWT',
    );
    expect((await client.send(new GetRoutesCommand({ ApiId }))).Items?.[0]?.RouteKey).toBe('GET /pay');
  });
});

describe('STS', () => {
  it('hands out a key of the role account, which then reads that account', async () => {
    const sandbox = await startedSandbox({ externalIds: { [identity]: 'ext-1' } });
    const sts = new STSClient(sdkSettings(sandbox));
    closing({ close: () => sts.destroy() });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe(central);
    const role = { RoleArn: `arn:aws:iam::${identity}:role/gatewatch`, RoleSessionName: 'test' };
    const { Credentials } = await sts.send(new AssumeRoleCommand({ ...role, ExternalId: 'ext-1' }));
    expect(Credentials?.Expiration?.getTime()).toBeGreaterThan(0);
    const logs = new CloudWatchLogsClient(sdkSettings(sandbox, Credentials?.AccessKeyId));
    closing({ close: () => logs.destroy() });
    const { logGroups } = await logs.send(new DescribeLogGroupsCommand({}));
    expect(logGroups?.map((group) => group.logGroupName)).toEqual([authorizerGroup]);
  });

  it('refuses a wrong external id and an unknown account alike', async () => {
    const sts = new STSClient(sdkSettings(await startedSandbox({ externalIds: { [identity]: 'ext-1' } })));
    closing({ close: () => sts.destroy() });
    const assume = (account: string, ExternalId: string) =>
      sts.send(
        new AssumeRoleCommand({
          RoleArn: `arn:aws:iam::${account}:role/gatewatch`,
          RoleSessionName: 'test',
          ExternalId,
        }),
      );
    await expect(assume(identity, 'wrong')).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(assume('999999999999', 'ext-1')).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('refuses a key that no account owns', async () => {
    const sts = new STSClient(sdkSettings(await startedSandbox(), 'ASIA999999999999GW'));
    closing({ close: () => sts.destroy() });
    await expect(sts.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
  });
});
