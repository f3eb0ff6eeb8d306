import { describe, expect, it } from 'vitest';
import { type InvocationFacts, initLine, invocationLines } from '../../src/sandbox/authorizer-logs.ts';
import type { FleetFunction, LogForm } from '../../src/sandbox/fleet-model.ts';
import { clfTime, compileFormat, escapeClientText } from '../../src/sandbox/formats.ts';

const ID = '0c1b3f1e-6d0a-4b5f-9a64-2f6a0a8f4c11';
const START_MS = Date.parse('2026-11-22T10:00:00.250Z');

function fnOf(form: LogForm, logsGatewayId: FleetFunction['logsGatewayId'] = 'with_decision'): FleetFunction {
  return {
    name: 'authz',
    account: '111122223333',
    region: 'eu-west-1',
    logGroup: '/aws/lambda/authz',
    form,
    logsGatewayId,
    memoryMb: 256,
    timeoutS: 3,
    medianMs: 30,
  };
}

const facts: InvocationFacts = {
  lambdaRequestId: ID,
  startMs: START_MS,
  durationMs: 31.5,
  ending: 'allow',
  reason: 'token_valid',
  principal: 'user-1',
  customer: 'cust-1',
  gatewayRequestId: 'gw-1',
  traceId: '1-abc-def',
};

function textsOf(fn: FleetFunction, changes: Partial<InvocationFacts> = {}): readonly string[] {
  return invocationLines(fn, { ...facts, ...changes }).map((line) => line.text);
}

describe('authorizer log lines', () => {
  it('stand between START, END and REPORT in text mode', () => {
    expect(textsOf(fnOf('text'))).toEqual([
      `START RequestId: ${ID} Version: $LATEST\n`,
      `2026-11-22T10:00:00.281Z\t${ID}\tINFO\tauthorization decision decision=Allow reason=token_valid principalId=user-1 orgCustomerId=cust-1 apigwRequestId=gw-1\n`,
      `END RequestId: ${ID}\n`,
      `REPORT RequestId: ${ID}\tDuration: 31.50 ms\tBilled Duration: 32 ms\tMemory Size: 256 MB\tMax Memory Used: 92 MB\t\n`,
    ]);
  });

  it('are JSON throughout in Lambda JSON mode', () => {
    const lines = textsOf(fnOf('lambda_json')).map((text): unknown => JSON.parse(text));
    expect(lines).toMatchObject([
      { type: 'platform.start', record: { requestId: ID } },
      { level: 'INFO', requestId: ID, message: { decision: 'Allow', apigwRequestId: 'gw-1' } },
      {
        type: 'platform.report',
        record: { requestId: ID, status: 'success', metrics: { durationMs: 31.5 } },
      },
    ]);
  });

  it('carry both ids under their Powertools names', () => {
    const line: unknown = JSON.parse(textsOf(fnOf('powertools'))[1] ?? '');
    expect(line).toMatchObject({ function_request_id: ID, correlation_id: 'gw-1', decision: 'Allow' });
  });

  it('follow a form of their own where no preset knows it', () => {
    expect(textsOf(fnOf('pipe'))[1]).toBe(
      `2026-11-22T10:00:00.281Z|AUTHZ|rid=${ID}|verdict=ALLOWED|sub=user-1|org=cust-1|why=token_valid|gw=gw-1`,
    );
  });

  it('say nothing of the caller when the function crashes or hangs', () => {
    for (const form of ['text', 'lambda_json', 'powertools', 'pipe'] as const) {
      for (const ending of ['crash', 'timeout'] as const) {
        expect(textsOf(fnOf(form), { ending }).join('')).not.toContain('user-1');
      }
    }
    expect(textsOf(fnOf('text'), { ending: 'timeout', durationMs: 3_000 })[1]).toBe(
      `2026-11-22T10:00:03.250Z ${ID} Task timed out after 3.00 seconds\n\n`,
    );
  });

  it('name the gateway request before deciding where the function does so', () => {
    expect(textsOf(fnOf('text', 'before_deciding'), { ending: 'crash' })[1]).toContain('apigwRequestId=gw-1');
  });

  it('name no invocation when an environment starts', () => {
    for (const form of ['text', 'lambda_json'] as const)
      expect(initLine(fnOf(form), START_MS)).not.toContain(ID);
  });
});

describe('an access-log format of the sandbox', () => {
  it('refuses a variable that no access log knows', () => {
    expect(() => compileFormat('$context.request.header.X')).toThrow(/request\.header\.X/);
  });

  it('knows which variables it prints', () => {
    const format = compileFormat('$context.requestId $context.authorizer.claims.sub');
    expect(format.logs('requestId')).toBe(true);
    expect(format.logs('authorizer.claims.sub')).toBe(true);
    expect(format.logs('authorizer.claims')).toBe(false);
  });

  it('escapes quotes, backslashes and control characters of clients, and nothing else', () => {
    expect(escapeClientText('a"b\\c\r\n\u001b')).toBe(String.raw`a\"b\\c\r\n\u001b`);
    expect(escapeClientText('Ünïcödé <x> & y')).toBe('Ünïcödé <x> & y');
  });

  it('cuts the time of the Common Log Format to the second', () => {
    expect(clfTime(START_MS)).toBe('22/Nov/2026:10:00:00 +0000');
    expect(clfTime(START_MS + 750)).toBe('22/Nov/2026:10:00:01 +0000');
  });
});
