import { describe, expect, it } from 'vitest';
import { createAwsClients } from '../../src/aws/aws-clients.ts';
import { HeldError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentMeter } from '../../src/core/meter.ts';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import { knownInventoryText, readKnownInventory } from '../../src/inventory/known-inventory.ts';
import { withListedClasses, withLogGroupClasses } from '../../src/inventory/log-group-classes.ts';
import { LogGroupListing } from '../../src/inventory/log-group-listing.ts';
import { mergeInventory } from '../../src/inventory/merge-inventory.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { createSkippingClock } from '../aws/clients-fixture.ts';
import { smallWorld } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { RecordingLogger } from '../support/recorders.ts';
import { CENTRAL, everything, fakeClients, REGION, restApi, stage } from './listing-fake.ts';

const GO = new AbortController().signal;
const here = { account: CENTRAL, region: REGION };
const GROUPS = ['/apigw/prod', '/apigw/test'];

/** Two stages that log to a group of their own. */
const listed = () =>
  discoverInventory(
    fakeClients({ apis: [restApi('r1', 'orders', { stages: [stage('prod'), stage('test')] })] }),
    everything,
    GO,
    7,
  );

async function started(classes: Readonly<Record<string, string>>) {
  const logGroups = GROUPS.map((name) => {
    const logGroupClass = classes[name];
    return { ...here, name, events: [], ...(logGroupClass === undefined ? {} : { logGroupClass }) };
  });
  const sandbox = await startedSandbox({ world: { ...smallWorld(), logGroups } });
  closing({ close: pointSdkAt(sandbox.port) });
  const client = closing(
    createAwsClients({
      accounts: [{ name: 'central', accountId: CENTRAL, regions: [REGION] }],
      clock: createSkippingClock(),
      logger: silentLogger,
      meter: silentMeter,
    }),
  );
  return { sandbox, client };
}

describe('the class of an access-log group', () => {
  it('is asked once for each account and Region, and told of each stage', async () => {
    const { client, sandbox } = await started({ '/apigw/test': 'INFREQUENT_ACCESS' });
    const { stages, complete, problems } = await withListedClasses(await listed(), client, GO);
    expect(stages.map((one) => [one.stage, one.accessLogClass])).toEqual([
      ['prod', 'STANDARD'],
      ['test', 'INFREQUENT_ACCESS'],
    ]);
    expect({ complete, problems }).toEqual({ complete: true, problems: [] });
    expect(sandbox.counts.get('aws.DescribeLogGroups')).toBe(1);
  });

  it('is not known where nobody may ask; that is a remark, and the listing is whole all the same', async () => {
    const client = {
      describeLogGroups: async () => {
        throw new HeldError('aws_denied', 'allow it logs:DescribeLogGroups');
      },
    };
    const { stages, complete, problems } = await withListedClasses(await listed(), client, GO);
    expect(stages.map(({ accessLogClass }) => accessLogClass)).toEqual([undefined, undefined]);
    expect(complete).toBe(true);
    expect(problems).toEqual([
      {
        ...here,
        what: 'classes of log groups, all taken for STANDARD',
        reason: 'allow it logs:DescribeLogGroups',
      },
    ]);
  });

  it('survives a restart and a listing that could not ask, but not another log group', async () => {
    const known = withLogGroupClasses(await listed(), () => ({ logGroupClass: 'DELIVERY' }));
    const restarted = readKnownInventory(knownInventoryText(known), everything, [here]);
    expect(restarted?.stages.map(({ accessLogClass }) => accessLogClass)).toEqual(['DELIVERY', 'DELIVERY']);
    const next = await listed();
    const moved = next.stages.map((one) =>
      one.stage === 'test' ? { ...one, accessLogGroup: { ...here, logGroup: '/apigw/new' } } : one,
    );
    const merged = mergeInventory(known, { ...next, stages: moved }, 1_000);
    expect(merged.stages.map(({ accessLogClass }) => accessLogClass)).toEqual(['DELIVERY', undefined]);
  });

  it('is not in a file of an earlier release, which is read all the same', async () => {
    const inventory = await listed();
    const text = knownInventoryText(inventory);
    expect(text).not.toContain('accessLogClass');
    expect(readKnownInventory(text, everything, [here])?.stages).toEqual(inventory.stages);
  });
});

describe('reading groups of another class', () => {
  it('says once of each that CloudWatch may refuse it, and knows that DELIVERY keeps one day', async () => {
    const { client } = await started({ '/apigw/test': 'DELIVERY' });
    const logger = new RecordingLogger();
    const listing = new LogGroupListing({ client, logger });
    const groups = GROUPS.map((logGroup) => ({ ...here, logGroup }));
    for (let time = 0; time < 2; time += 1) await listing.refresh(groups, GO);
    expect(logger.at('warn').map(({ fields }) => fields)).toEqual([
      { ...here, logGroup: '/apigw/test', logGroupClass: 'DELIVERY' },
    ]);
    expect(listing.factsOf({ ...here, logGroup: '/apigw/test' })).toMatchObject({
      retentionMs: 86_400_000,
      logGroupClass: 'DELIVERY',
    });
    expect(listing.factsOf({ ...here, logGroup: '/apigw/prod' })).not.toHaveProperty('retentionMs');
  });

  it('makes every group INFREQUENT_ACCESS with the fault of that name', async () => {
    const { client, sandbox } = await started({});
    sandbox.replaceFaults(parseFaults('infrequent-access'));
    const facts = await client.describeLogGroups({ ...here, logGroups: GROUPS, signal: GO });
    expect([...facts.values()].map(({ logGroupClass }) => logGroupClass)).toEqual(
      Array(2).fill('INFREQUENT_ACCESS'),
    );
  });
});
