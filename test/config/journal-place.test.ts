import { expect, test } from 'vitest';
import { checkJournalPlace } from '../../src/config/journal-place.ts';
import { isLoopbackHost, isMetadataHost } from '../../src/config/sink-address.ts';

test.each([
  ['an ordinary disk', {}, 0xef53, 'good'],
  ['NFS', {}, 0x6969, 'refused'],
  ['CIFS', {}, 0xff534d42, 'refused'],
  ['tmpfs', {}, 0x01021994, 'doubtful'],
  ['a Lambda function', { AWS_LAMBDA_FUNCTION_NAME: 'f' }, 0xef53, 'refused'],
  ['a Fargate task', { AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE' }, 0xef53, 'refused'],
  ['an ECS task on EC2', { AWS_EXECUTION_ENV: 'AWS_ECS_EC2' }, 0xef53, 'good'],
])('a journal on %s is %4$s', (_, env, fileSystemType, fit) => {
  expect(checkJournalPlace({ env, fileSystemType }).fit).toBe(fit);
});

test('a disk that cannot be asked is taken as good', () => {
  expect(checkJournalPlace({ env: {} }).fit).toBe('good');
});

test.each(['localhost', 'hec.localhost', '127.0.0.1', '127.9.9.9', '[::1]'])('%s is this machine', (host) => {
  expect(isLoopbackHost(host)).toBe(true);
});
test.each(['localhost.example.com', 'notlocalhost', '128.0.0.1', '[::2]'])(
  '%s is another machine',
  (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  },
);
test.each(['169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '[::ffff:169.254.169.254]'])(
  '%s is link-local',
  (host) => {
    expect(isMetadataHost(new URL(`http://${host}`).hostname)).toBe(true);
  },
);
