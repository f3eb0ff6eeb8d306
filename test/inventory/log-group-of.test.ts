import { describe, expect, it } from 'vitest';
import { accessLogDestination, lambdaFunctionOf } from '../../src/inventory/log-group-of.ts';

describe('accessLogDestination', () => {
  const logGroup = { account: '111122223333', region: 'eu-west-1', logGroup: '/apigw/orders' };

  it.each([
    'arn:aws:logs:eu-west-1:111122223333:log-group:/apigw/orders',
    'arn:aws:logs:eu-west-1:111122223333:log-group:/apigw/orders:*',
    'arn:aws-cn:logs:eu-west-1:111122223333:log-group:/apigw/orders',
  ])('finds the group in %s', (arn) => {
    expect(accessLogDestination(arn)).toEqual({ kind: 'log_group', logGroup });
  });

  it.each([
    ['arn:aws:firehose:eu-west-1:111122223333:deliverystream/amazon-apigateway-orders', 'firehose'],
    ['nonsense', 'nonsense'],
  ])('says that %s leads elsewhere', (arn, service) => {
    expect(accessLogDestination(arn)).toEqual({ kind: 'elsewhere', service });
  });
});

describe('lambdaFunctionOf', () => {
  const uri = (fn: string) =>
    `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:444455556666:function:${fn}/invocations`;

  it.each(['authz', 'authz:live', 'authz:3'])('finds the function behind %s, alias left out', (fn) => {
    expect(lambdaFunctionOf(uri(fn))).toEqual({
      account: '444455556666',
      region: 'eu-west-1',
      functionName: 'authz',
    });
  });

  it('finds none where a stage variable names it', () => {
    expect(lambdaFunctionOf(uri('$' + '{stageVariables.authorizer}'))).toBeUndefined();
  });
});
