import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/core/hash.ts';
import type { StageInventory } from '../../../src/model/inventory.ts';
import type { AccessPart } from '../../../src/model/part.ts';
import { createAccessLogReader } from '../../../src/sources/access-logs/access-log-reader.ts';
import { compileAccessLogFormat } from '../../../src/sources/access-logs/compile-format.ts';
import { DEFAULT_CONTEXT_ALIASES } from '../../../src/sources/access-logs/to-access-part.ts';
import { GROUP, logEvent, stageOf, visibleRedactor } from '../log-fixtures.ts';

function read(format: string, values: Readonly<Record<string, string>>, stage: StageInventory = stageOf()) {
  const message = format.replaceAll(
    /\$context\.([A-Za-z0-9_.]*[A-Za-z0-9_])/g,
    (_, name: string) => values[name] ?? '-',
  );
  const [part] = readerOf(format, stage)([logEvent(message)]);
  return part;
}

function readAccess(
  format: string,
  values: Readonly<Record<string, string>>,
  stage?: StageInventory,
): AccessPart {
  const part = read(format, values, stage);
  if (part?.role !== 'access') throw new Error(`got ${JSON.stringify(part)}`);
  return part;
}

function readerOf(format: string, stage: StageInventory, redactor = visibleRedactor) {
  return createAccessLogReader({
    group: GROUP,
    candidates: [{ stage, format: compileAccessLogFormat(format) }],
    redactor,
    customerOf: new Map([['svc-1', 'C-mapped']]),
    aliasesOf: () => DEFAULT_CONTEXT_ALIASES,
  });
}

/** Every value quoted, under the variable's own name. */
function json(...names: readonly string[]): string {
  return `{${names.map((name) => `"${name}":"$context.${name}"`).join(',')}}`;
}

describe('an access line as a part', () => {
  it('carries ids, fields in their units, and the authorizer of its route', () => {
    const values = {
      requestId: '5c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
      extendedRequestId: 'YvEEXF3JrPEFiEw=',
      requestTimeEpoch: '1795341600123',
      httpMethod: 'GET',
      resourcePath: '/orders/{id}',
      path: '/prod/orders/7',
      status: '200',
      responseLatency: '45',
      responseLength: '512',
      'integration.status': '200',
      'integration.integrationStatus': '200',
      'authorizer.requestId': '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
      'authorizer.latency': '12',
      'authorizer.authzRequestId': '7c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
      'authorizer.authzApigwRequestId': 'gw-1',
      'authorizer.authzAtMs': '1795341600100',
      'authorizer.principalId': 'svc-9',
      'authorizer.orgCustomerId': 'C-12',
      'waf.latency': '3',
      'identity.apiKey': 'hunter2',
    };
    expect(readAccess(json(...Object.keys(values)), values)).toEqual({
      role: 'access',
      source: {
        ...GROUP,
        logStream: 'stream-1',
        eventId: 'event-1',
        timestampMs: 1_795_341_600_500,
        ingestionMs: 1_795_341_601_000,
      },
      stage: {
        account: '111122223333',
        region: 'eu-west-1',
        apiId: 'ord001',
        apiName: 'orders',
        stage: 'prod',
        protocol: 'REST',
      },
      authorizerKind: 'lambda_request',
      authorizerId: 'auth1',
      authorizerUnit: 'logs:444455556666:eu-west-1:/aws/lambda/orders-authorizer',
      authorizerTtlMs: 300_000,
      startMs: 1_795_341_600_123,
      startResolutionMs: 1,
      fields: {
        requestId: '5c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
        extendedRequestId: 'YvEEXF3JrPEFiEw=',
        method: 'GET',
        route: '/orders/{id}',
        path: '/prod/orders/7',
        status: 200,
        responseLatencyMs: 45,
        responseLengthBytes: 512,
        integrationStatus: '200',
        authorizerLatencyMs: 12,
        other: {
          'integration.integrationStatus': '200',
          'authorizer.authzAtMs': '1795341600100',
          'waf.latency': '3',
        },
      },
      authzRequestId: '7c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
      authzApigwRequestId: 'gw-1',
      authorizerRequestId: '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c',
      authorizerCallVisible: true,
      responseTypeVisible: false,
      principal: 'psn(principal:5)',
      customer: 'psn(customer:4)',
      customerSource: 'authorizer_context',
    });
  });

  it('redacts what a client wrote', () => {
    const format = json('path', 'identity.userAgent', 'error.message', 'authorizer.error');
    const { fields } = readAccess(format, {
      path: '/a?token=hunter2',
      'identity.userAgent': 'curl hunter2',
      'error.message': 'no hunter2',
      'authorizer.error': 'hunter2!',
    });
    expect(fields).toEqual({
      path: '/a?token=***',
      userAgent: 'curl ***',
      errorMessage: 'no ***',
      authorizerError: '***!',
    });
  });

  it('asks the principal map in clear where the context names no customer', () => {
    const part = readAccess(json('requestId', 'authorizer.principalId', 'authorizer.orgCustomerId'), {
      'authorizer.principalId': 'svc-1',
    });
    expect(part).toMatchObject({
      principal: 'psn(principal:5)',
      customer: 'psn(customer:8)',
      customerSource: 'principal_map',
    });
  });

  it('takes the customer of a JWT or Cognito claim', () => {
    const part = readAccess(json('requestId', 'authorizer.claims.sub', 'authorizer.claims.org_customer_id'), {
      'authorizer.claims.sub': 'user',
      'authorizer.claims.org_customer_id': 'C-9',
    });
    expect(part).toMatchObject({
      principal: 'psn(principal:4)',
      customer: 'psn(customer:3)',
      customerSource: 'authorizer_context',
    });
  });

  it('treats the replaced request id as no id and remembers that it was replaced', () => {
    const { fields } = readAccess(json('requestId', 'status'), {
      requestId: 'UUID_REPLACED_INVALID_REQUEST_ID',
      status: '200',
    });
    expect(fields).toEqual({ status: 200, other: { requestId: 'UUID_REPLACED_INVALID_REQUEST_ID' } });
  });

  it.each([
    ['requestTimeEpoch', '1795341600123', 1_795_341_600_123, 1],
    ['requestTimeEpoch', '1795341600', 1_795_341_600_000, 1_000],
    ['requestTime', '22/Nov/2026:11:00:00 +0100', 1_795_341_600_000, 1_000],
    ['requestTime', '22/Nov/2026:05:30:00 -0430', 1_795_341_600_000, 1_000],
    ['status', '200', 1_795_341_600_500, 60_000],
    ['requestTimeEpoch', '0', 1_795_341_600_500, 60_000],
  ])('knows from %s %s when the request was received', (name, value, startMs, startResolutionMs) => {
    expect(readAccess(json('requestId', name), { [name]: value })).toMatchObject({
      startMs,
      startResolutionMs,
    });
  });

  it.each([
    ['GET', '/orders/{id}', 'lambda_request'],
    ['POST', '/orders', 'iam'],
    ['PUT', '/health', 'none'],
    ['PUT', '/orders', 'unknown'],
  ])('finds what stands before %s %s: %s', (httpMethod, resourcePath, authorizerKind) => {
    const part = readAccess(json('httpMethod', 'resourcePath'), { httpMethod, resourcePath });
    expect(part.authorizerKind).toBe(authorizerKind);
  });

  it('falls back to the authorizer that all routes share', () => {
    const part = readAccess(json('requestId'), {}, stageOf({ defaultAuthorizer: 'auth1' }));
    expect(part).toMatchObject({ authorizerKind: 'lambda_request', authorizerId: 'auth1' });
  });

  it('gives every line of a WebSocket connection the authorizer of $connect', () => {
    const stage = stageOf({ protocol: 'WEBSOCKET', routes: { $connect: 'auth1' } });
    const part = readAccess(
      json('connectionId', 'routeKey', 'eventType'),
      { connectionId: 'c1=', routeKey: 'send', eventType: 'MESSAGE' },
      stage,
    );
    expect(part).toMatchObject({
      authorizerKind: 'lambda_request',
      fields: { connectionId: 'c1=', route: 'send', eventType: 'MESSAGE' },
    });
  });

  it('does not take a missing authorizer id of an HTTP API for a call that was not made', () => {
    const stage = stageOf({ protocol: 'HTTP', routes: { 'GET /a': 'auth1' } });
    const part = readAccess(json('routeKey', 'authorizer.requestId'), { routeKey: 'GET /a' }, stage);
    expect(part).toMatchObject({ authorizerKind: 'lambda_request', authorizerCallVisible: false });
  });

  it('gives the route of a format for two protocols to the variable that is set', () => {
    expect(readAccess(json('resourcePath', 'routeKey'), { routeKey: 'GET /a' }).fields).toEqual({
      route: 'GET /a',
    });
    expect(readAccess(json('routeKey', 'resourcePath'), { resourcePath: '/a' }).fields).toEqual({
      route: '/a',
    });
  });

  it('keeps a line that no format reads: redacted, with hash and length of the original', () => {
    const message = 'password hunter2 ✓';
    const [part] = readerOf(json('requestId', 'status'), stageOf())([logEvent(message)]);
    expect(part).toMatchObject({
      role: 'unparsed',
      of: 'access',
      raw: 'password *** ✓',
      rawSha256: sha256Hex(message),
      rawLength: 18,
      problem: expect.stringContaining('does not follow the format'),
    });
  });
});
