import { expect, it } from 'vitest';
import { HeldError } from '../../src/core/errors.ts';
import { LogGroupListing } from '../../src/inventory/log-group-listing.ts';
import { RecordingLogger } from '../support/recorders.ts';

const GROUP = { account: '111122223333', region: 'eu-west-1', logGroup: '/apigw/orders' };
const OTHER = { ...GROUP, account: '444455556666', logGroup: '/aws/lambda/authz' };
const GO = new AbortController().signal;

it('asks each account and Region once for its groups, and knows nothing of those that do not exist', async () => {
  const asked: unknown[] = [];
  const client = {
    describeLogGroups: async ({
      signal: _signal,
      ...read
    }: {
      signal: AbortSignal;
      logGroups: readonly string[];
    }) => {
      asked.push(read);
      return new Map(read.logGroups.includes('/apigw/orders') ? [['/apigw/orders', { retentionMs: 1 }]] : []);
    },
  };
  const listing = new LogGroupListing({ client, logger: new RecordingLogger() });
  await listing.refresh([GROUP, { ...GROUP, logGroup: '/apigw/pay' }, OTHER], GO);
  expect(asked).toEqual([
    { account: GROUP.account, region: 'eu-west-1', logGroups: ['/apigw/orders', '/apigw/pay'] },
    { account: OTHER.account, region: 'eu-west-1', logGroups: ['/aws/lambda/authz'] },
  ]);
  expect(listing.factsOf(GROUP)).toEqual({ retentionMs: 1 });
  expect(listing.factsOf(OTHER)).toEqual({});
});

it('says once that it may not ask, keeps the last answer, and says it again after it could', async () => {
  const logger = new RecordingLogger();
  let denied = false;
  const client = {
    describeLogGroups: async () => {
      if (denied) throw new HeldError('aws_denied', 'allow it logs:DescribeLogGroups');
      return new Map([['/apigw/orders', { createdMs: 5 }]]);
    },
  };
  const listing = new LogGroupListing({ client, logger });
  for (const isDenied of [false, true, true, false, true]) {
    denied = isDenied;
    await listing.refresh([GROUP], GO);
    expect(listing.factsOf(GROUP)).toEqual({ createdMs: 5 });
  }
  expect(logger.at('warn').map(({ fields }) => fields.reason)).toEqual([
    'allow it logs:DescribeLogGroups',
    'allow it logs:DescribeLogGroups',
  ]);
});
