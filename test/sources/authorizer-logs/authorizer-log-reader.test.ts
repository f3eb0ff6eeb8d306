import { describe, expect, it } from 'vitest';
import type { LogPart } from '../../../src/model/part.ts';
import { createAuthorizerLogReader } from '../../../src/sources/authorizer-logs/authorizer-log-reader.ts';
import { AUTO_FORM, type AuthorizerFormSettings } from '../../../src/sources/authorizer-logs/settings.ts';
import { logEvent, visibleRedactor } from '../log-fixtures.ts';

const GROUP = { account: '444455556666', region: 'eu-west-1', logGroup: '/aws/lambda/authz' };
const UNIT = 'logs:444455556666:eu-west-1:/aws/lambda/authz';
const ID = '6c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
const OTHER = '7c1b4f6e-0d6a-4f0c-9a53-7f1d1e1a2b3c';
const AT = '2026-11-22T10:00:00.123Z';

function read(
  messages: readonly (string | readonly [string, string])[],
  form: AuthorizerFormSettings = AUTO_FORM,
  known: ReadonlySet<string> = new Set(),
) {
  const reader = createAuthorizerLogReader({
    group: GROUP,
    unit: UNIT,
    form,
    redactor: visibleRedactor,
    customerOf: new Map([['svc-1', 'C-mapped']]),
  });
  return reader(
    messages.map((message, i) => {
      const [logStream, text] = typeof message === 'string' ? ['stream-1', message] : message;
      return logEvent(text, { logStream, eventId: `event-${i}` });
    }),
    ({ eventId }) => known.has(eventId),
  );
}

/** The part of one line without what every line has. */
function found(message: string, form?: AuthorizerFormSettings): Record<string, unknown> {
  const [part] = read([message], form);
  if (part === undefined) throw new Error('no part');
  const always = part.role === 'authorizer' ? ['role', 'unit', 'source'] : ['source'];
  return Object.fromEntries(Object.entries(part).filter(([name]) => !always.includes(name)));
}

const POWERTOOLS = {
  level: 'INFO',
  message: 'authorization decision',
  timestamp: AT,
  service: 'authz',
  cold_start: false,
  function_arn: 'arn:aws:lambda:eu-west-1:444455556666:function:authz',
  function_memory_size: '128',
  function_name: 'authz',
  function_request_id: ID,
  sampling_rate: 0,
};

describe('platform lines of an authorizer', () => {
  it.each([
    [`START RequestId: ${ID} Version: $LATEST\n`, { line: 'start' }],
    [`END RequestId: ${ID}\n`, { line: 'end' }],
    [
      `REPORT RequestId: ${ID}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\tInit Duration: 150.00 ms\t\n`,
      { line: 'report', durationMs: 12.34 },
    ],
    [
      `REPORT RequestId: ${ID}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tStatus: timeout\t\n`,
      { line: 'timeout', durationMs: 3000, decision: 'error', reason: 'timeout' },
    ],
    [
      `REPORT RequestId: ${ID}\tDuration: 1.00 ms\tStatus: error\tError Type: Error\n`,
      { line: 'report', durationMs: 1 },
    ],
    [
      `REPORT RequestId: ${ID}\tDuration: 1.00 ms\tStatus: error\tError Type: Runtime.ExitError\n`,
      { line: 'report', durationMs: 1, decision: 'error', reason: 'Runtime.ExitError' },
    ],
    [
      `${AT} ${ID} Task timed out after 3.00 seconds\n\n`,
      { line: 'timeout', decision: 'error', reason: 'timed out after 3.00 s' },
    ],
    [
      `RequestId: ${ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError`,
      { line: 'error', decision: 'error', reason: 'Error: Runtime exited with error: signal: killed' },
    ],
    [
      JSON.stringify({ time: AT, type: 'platform.start', record: { requestId: ID, version: '$LATEST' } }),
      { line: 'start' },
    ],
    [
      JSON.stringify({
        time: AT,
        type: 'platform.runtimeDone',
        record: { requestId: ID, status: 'success' },
      }),
      { line: 'end' },
    ],
    [
      JSON.stringify({
        time: AT,
        type: 'platform.report',
        record: { requestId: ID, status: 'error', metrics: { durationMs: 7.5 } },
      }),
      { line: 'report', durationMs: 7.5 },
    ],
    [
      JSON.stringify({
        time: AT,
        type: 'platform.report',
        record: { requestId: ID, status: 'timeout', metrics: { durationMs: 3000 } },
      }),
      { line: 'timeout', durationMs: 3000, decision: 'error', reason: 'timeout' },
    ],
  ])('are read under every preset: %s', (message, expected) => {
    for (const preset of ['auto', 'text', 'lambda_json', 'powertools', 'custom'] as const) {
      expect(found(message, { preset, fields: {} }), preset).toEqual({ lambdaRequestId: ID, ...expected });
    }
  });

  it.each([
    ['INIT_START Runtime Version: nodejs:24.v12\tRuntime Version ARN: arn:aws:lambda\n', 'init_start'],
    ['EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE]\n', 'extension'],
    ['TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform]\n', 'telemetry'],
    [
      JSON.stringify({ time: AT, type: 'platform.initStart', record: { phase: 'init' } }),
      'platform_init_start',
    ],
    [JSON.stringify({ time: AT, type: 'platform.extension', record: { name: 'x' } }), 'platform_extension'],
    [JSON.stringify({ time: AT, type: 'platform.a b', record: {} }), 'platform_other'],
  ])('outside any invocation are filtered under their rule: %s', (message, rule) => {
    expect(found(message)).toEqual({ role: 'filtered', rule });
  });
});

describe('application lines of an authorizer', () => {
  it('are read from text mode with key=value words', () => {
    const text =
      'authorization decision decision=Deny reason="token expired" principalId=svc-9 orgCustomerId=C-12 apigwRequestId=gw-1';
    expect(found(`${AT}\t${ID}\tINFO\t${text}\n`)).toEqual({
      lambdaRequestId: ID,
      line: 'application',
      decision: 'deny',
      reason: 'token expired',
      principal: 'psn(principal:5)',
      customer: 'psn(customer:4)',
      customerSource: 'authorizer_log',
      gatewayRequestId: 'gw-1',
      text: 'authorization decision decision=Deny reason="token expired" principalId=psn(principal:5) orgCustomerId=psn(customer:4) apigwRequestId=gw-1',
    });
  });

  it('are read from text mode with a JSON object, alone or after words', () => {
    const object = {
      isAuthorized: true,
      requestContext: { requestId: 'gw=', connectionId: 'c=' },
      context: { customerId: 'C-1' },
    };
    for (const prefix of ['', 'authorizer says ']) {
      expect(found(`${AT}\t${ID}\tINFO\t${prefix}${JSON.stringify(object)}`)).toMatchObject({
        decision: 'allow',
        gatewayRequestId: 'gw=',
        connectionId: 'c=',
        customer: 'psn(customer:3)',
      });
    }
  });

  it('are read from an object as the Node console prints it', () => {
    const printed = "result { decision: 'Allow', principalId: 'svc-1', allowed: true }";
    expect(found(`${AT}\t${ID}\tINFO\t${printed}`)).toMatchObject({
      decision: 'allow',
      principal: 'psn(principal:5)',
      customerSource: 'principal_map',
    });
  });

  it('are read from a logged policy whose statements agree, and not from one whose statements differ', () => {
    const policy = (...effects: string[]) =>
      `${AT}\t${ID}\tINFO\t${JSON.stringify({ policyDocument: { Statement: effects.map((Effect) => ({ Effect })) } })}`;
    expect(found(policy('Deny', 'Deny'))).toMatchObject({ decision: 'deny' });
    expect(found(policy('Deny', 'Allow'))).not.toHaveProperty('decision');
  });

  it('are read from Lambda JSON mode, with the message as object or text', () => {
    const line = (message: unknown) =>
      JSON.stringify({ timestamp: AT, level: 'INFO', requestId: ID, message });
    expect(found(line({ decision: 'Allow', principalId: 'svc-9', reason: 'ok' }))).toMatchObject({
      lambdaRequestId: ID,
      decision: 'allow',
      reason: 'ok',
      principal: 'psn(principal:5)',
    });
    expect(found(line('decision=Deny why=expired'))).toMatchObject({ decision: 'deny', reason: 'expired' });
    expect(found(line(JSON.stringify({ effect: 'Deny' })))).toMatchObject({ decision: 'deny' });
  });

  it('are read from Powertools, where the correlation id is the gateway request id', () => {
    const line = {
      ...POWERTOOLS,
      correlation_id: 'gw-7',
      decision: 'Deny',
      reason: 'no scope',
      principalId: 'svc-9',
    };
    for (const preset of ['auto', 'powertools'] as const) {
      expect(found(JSON.stringify(line), { preset, fields: {} })).toMatchObject({
        lambdaRequestId: ID,
        line: 'application',
        decision: 'deny',
        reason: 'no scope',
        gatewayRequestId: 'gw-7',
      });
    }
  });

  it('are read by configured places where no preset knows the form', () => {
    const form: AuthorizerFormSettings = {
      preset: 'custom',
      fields: {
        lambdaRequestId: { key: 'rid' },
        decision: { key: 'verdict' },
        reason: { key: 'why' },
        principal: { key: 'sub' },
        customer: { path: ['tenant.org', 'org'] },
        gatewayRequestId: { key: 'gw' },
      },
      allow: ['PASSED'],
      deny: ['STOPPED'],
    };
    expect(
      found(`${AT}|AUTHZ|rid=${ID}|verdict=STOPPED|sub=svc-9|org=C-12|why=too many scopes|gw=Yv=`, form),
    ).toMatchObject({
      lambdaRequestId: ID,
      decision: 'deny',
      reason: 'too many scopes',
      principal: 'psn(principal:5)',
      customer: 'psn(customer:4)',
      gatewayRequestId: 'Yv=',
    });
    expect(
      found(JSON.stringify({ rid: ID, verdict: 'passed', tenant: { org: 'C-12' } }), form),
    ).toMatchObject({
      decision: 'allow',
      customer: 'psn(customer:4)',
    });
  });

  it('take no decision from a word that means none', () => {
    expect(found(`${AT}\t${ID}\tINFO\tdecision=maybe`)).not.toHaveProperty('decision');
  });

  it('lose what the redactor takes out', () => {
    expect(found(`${AT}\t${ID}\tDEBUG\tevent {"authorizationToken":"hunter2"}`)).toMatchObject({
      text: 'event {"authorizationToken":"***"}',
    });
  });
});

describe('errors of an authorizer', () => {
  const invokeError = (errorMessage: string) =>
    `${AT}\t${ID}\tERROR\tInvoke Error \t${JSON.stringify({ errorType: 'Error', errorMessage, stack: ['Error'] })}\n`;
  const jsonError = (errorMessage: string) =>
    JSON.stringify({
      timestamp: AT,
      level: 'ERROR',
      requestId: ID,
      message: { errorType: 'TypeError', errorMessage, stackTrace: [] },
    });

  it('are a deny when the message is exactly Unauthorized', () => {
    for (const line of [invokeError('Unauthorized'), jsonError('Unauthorized')]) {
      expect(found(line)).toMatchObject({ line: 'error', decision: 'deny', reason: 'Unauthorized' });
    }
    expect(found(invokeError('Unauthorized!'))).toMatchObject({ decision: 'error' });
  });

  it('are an error when they ended the invocation', () => {
    expect(found(invokeError('boom hunter2'))).toMatchObject({
      line: 'error',
      decision: 'error',
      reason: 'Error: boom ***',
    });
    expect(found(jsonError('boom'))).toMatchObject({
      line: 'error',
      decision: 'error',
      reason: 'TypeError: boom',
    });
    expect(
      found(`${AT}\t${ID}\tERROR\tUncaught Exception \t{"errorType":"X","errorMessage":"y"}`),
    ).toMatchObject({
      decision: 'error',
    });
  });

  it('decide nothing when the function logged them and went on', () => {
    const stack = `${AT}\t${ID}\tERROR\tJsonWebTokenError: jwt malformed\n    at verify (/var/task/index.js:1:1)`;
    const lifted = JSON.stringify({
      timestamp: AT,
      level: 'ERROR',
      requestId: ID,
      message: 'caught',
      errorType: 'E',
      errorMessage: 'm',
    });
    const powertools = JSON.stringify({
      ...POWERTOOLS,
      level: 'ERROR',
      error: { name: 'E', message: 'm', stack: '' },
    });
    for (const line of [stack, lifted, powertools]) {
      expect(found(line)).toMatchObject({ line: 'error', lambdaRequestId: ID });
      expect(found(line)).not.toHaveProperty('decision');
    }
  });
});

describe('lines that name no invocation', () => {
  const roles = (parts: readonly LogPart[]) =>
    parts.map((part) => (part.role === 'authorizer' ? part.lambdaRequestId : part.role));

  it('belong to the one that is open in their stream', () => {
    const parts = read([
      `START RequestId: ${ID} Version: 1`,
      'decision=Deny',
      `END RequestId: ${ID}`,
      'decision=Allow',
    ]);
    expect(roles(parts)).toEqual([ID, ID, ID, 'unparsed']);
    expect(parts[1]).toMatchObject({ line: 'application', decision: 'deny' });
  });

  it('are not given to an invocation of another stream, nor where two are open at once', () => {
    const parts = read([
      ['a', `START RequestId: ${ID} Version: 1`],
      ['b', 'decision=Deny'],
      ['a', `START RequestId: ${OTHER} Version: 1`],
      ['a', 'decision=Deny'],
      ['a', `REPORT RequestId: ${ID}\tDuration: 1.00 ms`],
      ['a', 'decision=Deny'],
    ]);
    expect(roles(parts)).toEqual([ID, 'unparsed', OTHER, 'unparsed', ID, 'unparsed']);
  });

  it('belong to the one that a line opened which is known already', () => {
    const messages = [
      ['b', 'decision=Allow'],
      ['a', `START RequestId: ${ID} Version: 1`],
      ['a', 'decision=Deny'],
      ['b', `END RequestId: ${OTHER}`],
    ] as const;
    const parts = read(messages, AUTO_FORM, new Set(['event-0', 'event-1']));
    expect(roles(parts)).toEqual([ID, OTHER]);
    expect(parts[0]).toMatchObject({ line: 'application', decision: 'deny', source: { eventId: 'event-2' } });
  });

  it('are unparsed when they say themselves that there was no invocation', () => {
    const parts = read([`START RequestId: ${ID} Version: 1`, `${AT}\tundefined\tINFO\tcold start`]);
    expect(parts[1]).toMatchObject({
      role: 'unparsed',
      of: 'authorizer',
      problem: 'application line outside any invocation',
    });
  });
});
