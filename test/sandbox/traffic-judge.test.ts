import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/sandbox/random.ts';
import type { Invocation } from '../../src/sandbox/traffic-lambda.ts';
import { createEventIds, createLogGroupWriter } from '../../src/sandbox/traffic-logs.ts';
import {
  type Authorization,
  type CachedDecision,
  judge,
  judgeInvocation,
  type LineEvidence,
  type Verdict,
} from '../../src/sandbox/traffic-truth.ts';

const random = createRandom(1, 'test');
const group = createLogGroupWriter(
  { account: '111122223333', region: 'eu-west-1', name: '/aws/lambda/authz' },
  createEventIds(random),
  random,
);

const invocation: Invocation = {
  lambdaRequestId: 'lambda-1',
  startMs: 1_000,
  endMs: 1_040,
  group,
  events: [],
  ending: 'allow',
  loggedPrincipal: 'user-1',
  loggedCustomer: 'cust-1',
  namesGatewayId: false,
};

const cached: CachedDecision = {
  lambdaRequestId: 'lambda-1',
  decidedMs: 1_040,
  policy: 'allow',
  principal: 'user-1',
  customer: 'cust-1',
  loggedPrincipal: 'user-1',
  loggedCustomer: 'cust-1',
  validFromMs: 1_060,
  expiresMs: 301_040,
};

const silent: LineEvidence = { echo: false, authorizerRequestId: false, requestId: false, twin: false };
const echo = { ...silent, echo: true, authorizerRequestId: true, requestId: true };
const lambdaId = { ...silent, authorizerRequestId: true, requestId: true };
const gatewayId = { ...silent, requestId: true };

function called(verdict: Verdict, namesGatewayId = false): Authorization {
  return { kind: 'called', verdict, invocation: { ...invocation, namesGatewayId } };
}

function hit(verdict: Verdict): Authorization {
  return { kind: 'cached', verdict, decision: cached };
}

describe('the judge of the truth', () => {
  it.each([
    ['a miss with echo', called('allow', true), echo, 'allow', 'matched', 'authz_request_id'],
    [
      'a miss with the Lambda id',
      called('allow', true),
      lambdaId,
      'allow',
      'matched',
      'authorizer_request_id',
    ],
    [
      'a miss with nothing but the gateway id',
      called('allow', true),
      gatewayId,
      'allow',
      'matched',
      'gateway_request_id',
    ],
    [
      'a miss whose function does not log the gateway id',
      called('allow'),
      gatewayId,
      'allow',
      'access_only',
      'none',
    ],
    ['a hit that names its decision', hit('allow'), echo, 'allow', 'cached_decision', 'authz_request_id'],
    ['a hit that names nothing', hit('allow'), gatewayId, 'allow', 'access_only', 'none'],
    ['an explicit deny', called('explicit_deny'), lambdaId, 'deny', 'matched', 'authorizer_request_id'],
    [
      'an implicit deny from the cache',
      hit('implicit_deny'),
      echo,
      'deny',
      'cached_decision',
      'authz_request_id',
    ],
    ['a deny from the cache that names nothing', hit('explicit_deny'), silent, 'deny', 'access_only', 'none'],
    ['a thrown Unauthorized', called('unauthorized'), lambdaId, 'deny', 'matched', 'authorizer_request_id'],
    ['a crash', called('failure'), lambdaId, 'error', 'authorizer_error', 'authorizer_request_id'],
    ['a crash that nothing names', called('failure'), gatewayId, 'error', 'authorizer_error', 'none'],
    [
      'a function that cannot be called',
      { kind: 'unreachable' },
      silent,
      'error',
      'authorizer_error',
      'none',
    ],
    ['a refusal before', { kind: 'refused_before' }, silent, 'refused_before', 'no_authorizer_call', 'none'],
    ['a JWT accepted', { kind: 'gateway', allowed: true }, silent, 'allow', 'gateway_decision', 'none'],
    ['a JWT refused', { kind: 'gateway', allowed: false }, silent, 'deny', 'gateway_decision', 'none'],
    ['a route without authorizer', { kind: 'none' }, silent, 'unknown', 'no_authorizer', 'none'],
  ] as const)('knows %s', (_title, authorization, line, decision, outcome, joinKey) => {
    expect(judge('lambda', authorization, line)).toMatchObject({ decision, outcome, joinKey });
  });

  it('gives an invocation to its request only on a miss that is named', () => {
    expect(judge('lambda', called('allow', true), gatewayId).ownsInvocation).toBe(true);
    expect(judge('lambda', called('allow'), gatewayId).ownsInvocation).toBe(false);
    expect(judge('lambda', hit('allow'), echo).ownsInvocation).toBe(false);
  });

  it('calls twins ambiguous unless a trustworthy id is there', () => {
    const twin = { ...gatewayId, twin: true };
    expect(judge('lambda', called('allow', true), twin)).toMatchObject({
      decision: 'allow',
      outcome: 'ambiguous',
      joinKey: 'none',
      customer: 'unknown',
      ownsInvocation: false,
    });
    expect(judge('lambda', called('allow', true), { ...echo, twin: true }).outcome).toBe('matched');
  });

  it('takes the customer from the context, else from the log of the decision, else from the map', () => {
    const context = { ...echo, customer: 'cust-9', principal: 'user-9' };
    expect(judge('lambda', called('allow'), context)).toMatchObject({
      customer: 'cust-9',
      principal: 'user-9',
    });
    expect(judge('lambda', hit('allow'), lambdaId)).toMatchObject({
      customer: 'cust-1',
      principal: 'user-1',
    });
    expect(
      judge('jwt', { kind: 'gateway', allowed: true }, { ...silent, principal: 'svc-mailer' }).customer,
    ).toBe('cust-0155');
    expect(judge('lambda', hit('allow'), silent).customer).toBe('unknown');
  });

  it('tells a refusal on a route without authorizer from one before an authorizer', () => {
    expect(judge('none', { kind: 'refused_before' }, silent).outcome).toBe('no_authorizer');
  });

  it('hands the decision of the connection on to its messages', () => {
    const opened = judge('lambda', called('allow'), lambdaId);
    expect(judge('none', { kind: 'connection', opened }, silent)).toMatchObject({
      decision: 'allow',
      outcome: 'connection_decision',
      joinKey: 'connection_id',
      customer: 'cust-1',
      decisionRequestId: 'lambda-1',
      ownsInvocation: false,
    });
  });

  it('lets an invocation without a request speak for itself', () => {
    const hung = { ...invocation, ending: 'timeout' } as const;
    expect(judgeInvocation(hung, 'authorizer_only')).toMatchObject({
      decision: 'error',
      outcome: 'authorizer_only',
    });
    expect(judgeInvocation(invocation, 'ambiguous')).toMatchObject({ decision: 'allow', customer: 'cust-1' });
  });
});
