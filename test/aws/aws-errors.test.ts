import { describe, expect, it } from 'vitest';
import { classifyAwsError, translateAwsError } from '../../src/aws/aws-errors.ts';
import { limiterRate, quotaPerSecond } from '../../src/aws/quotas.ts';
import { HeldError, IncompleteReadError } from '../../src/core/errors.ts';

const context = {
  account: '111122223333',
  region: 'eu-west-1',
  operation: 'X',
  permission: 'x:X',
  resource: 'thing',
};

function named(name: string): Error {
  return Object.assign(new Error('text'), { name });
}

describe('translateAwsError', () => {
  it.each([
    ['Throttling', 'throttled', IncompleteReadError],
    ['TooManyRequestsException', 'throttled', IncompleteReadError],
    ['AccessDenied', 'denied', HeldError],
    ['UnauthorizedException', 'denied', HeldError],
    ['ExpiredToken', 'credentials', HeldError],
    ['CredentialsProviderError', 'credentials', HeldError],
    ['InvalidClientTokenId', 'credentials', HeldError],
    ['NotFoundException', 'not_found', HeldError],
    ['BadRequestException', 'invalid', HeldError],
    ['LimitExceededException', 'invalid', HeldError],
    ['InvalidOperationException', 'invalid', HeldError],
    ['InternalFailure', 'transient', IncompleteReadError],
    ['TimeoutError', 'transient', IncompleteReadError],
    ['NeverHeardOf', 'transient', IncompleteReadError],
  ])('makes of %s a %s error', (name, kind, type) => {
    expect(classifyAwsError(named(name))).toBe(kind);
    expect(translateAwsError(named(name), context)).toBeInstanceOf(type);
  });

  it('knows a query-compatible error by its short code and a bare 429 by its status', () => {
    expect(classifyAwsError(Object.assign(named('Odd'), { Code: 'Throttling' }))).toBe('throttled');
    expect(classifyAwsError(Object.assign(named('Odd'), { $metadata: { httpStatusCode: 429 } }))).toBe(
      'throttled',
    );
    // API Gateway's, where it is a rate; of CloudWatch Logs it is a quota of resources, with status 400.
    const limit = Object.assign(named('LimitExceededException'), { $metadata: { httpStatusCode: 429 } });
    expect(classifyAwsError(limit)).toBe('throttled');
    expect(classifyAwsError('not even an object')).toBe('transient');
  });

  it.each(['Throttling', 'TimeoutError'])('promises no later reading to whoever runs once, at %s', (name) => {
    const { message } = translateAwsError(named(name), context);
    expect(message).toContain('in every attempt; a running worker reads it again by itself (');
  });

  it('says which role lacks which permission where', () => {
    const denied = translateAwsError(named('AccessDenied'), { ...context, roleArn: 'arn:role' });
    expect(denied.message).toContain(
      'X on thing in account 111122223333, eu-west-1 was denied to role arn:role',
    );
    expect(denied.message).toContain('allow it x:X');
  });
});

describe('quotas', () => {
  it.each([
    ['us-east-1', 25],
    ['eu-central-1', 5],
    ['il-central-1', 5],
    ['eu-west-1', 10],
  ])('allows FilterLogEvents in %s %d calls a second', (region, perSecond) => {
    expect(quotaPerSecond('FilterLogEvents', region)).toBe(perSecond);
  });

  it('lets a raised quota replace the published one', () => {
    expect(quotaPerSecond('GetMetricData', 'eu-west-1', { GetMetricData: 50 })).toBe(50);
  });

  it('keeps a full bucket and its first second below the quota', () => {
    const { ratePerSecond, burst } = limiterRate('FilterLogEvents', 'us-east-1', 0.6);
    expect(ratePerSecond).toBe(15);
    expect(ratePerSecond + burst).toBeLessThan(25);
  });

  it('uses its share of a burst that AWS publishes, unless the quota is set by hand', () => {
    expect(limiterRate('ApiGatewayControlPlane', 'eu-west-1', 0.6)).toEqual({ ratePerSecond: 6, burst: 24 });
    const own = limiterRate('ApiGatewayControlPlane', 'eu-west-1', 0.6, { ApiGatewayControlPlane: 20 });
    expect(own).toEqual({ ratePerSecond: 12, burst: 6 });
  });
});
