import { expect, test } from 'vitest';
import type { AwsClients } from '../../../src/aws/aws-clients.ts';
import { createCostCommand, runsPerDay } from '../../../src/cli/commands/cost.ts';
import { EXAMPLE_CONFIG, exampleFiles } from '../../config/example-config.ts';
import { type FakeFleet, fakeClients, restApi } from '../../inventory/listing-fake.ts';
import { contextFor, filesFrom, nothingPrinted } from '../../support/cli-context.ts';

/** Clients that only list: `cost` must read no metric and no log. */
function listingOnly(fleet: FakeFleet, closed: () => void): AwsClients {
  const fake = fakeClients(fleet);
  const refuse = () => {
    throw new Error('cost must not read');
  };
  return {
    ...fake,
    accounts: [...fake.accounts, { name: 'identity', accountId: '444455556666', regions: [] }],
    filterLogEvents: refuse,
    getMetricData: refuse,
    listMetrics: refuse,
    describeLogGroups: refuse,
    clockAheadMs: () => 0,
    close: closed,
  };
}

function runCost(fleet: FakeFleet, ...args: string[]) {
  return runCostWith(EXAMPLE_CONFIG, fleet, ...args);
}

async function runCostWith(config: string, fleet: FakeFleet, ...args: string[]) {
  const files = exampleFiles();
  files.set('/etc/gatewatch/gatewatch.yaml', config);
  const printed = { ...nothingPrinted(), closed: 0 };
  const context = contextFor(printed, {
    env: { EXTERNAL_ID: 'e', DT_TOKEN: 'd' },
    now: () => 1_700_000_000_000,
    ...filesFrom(files),
  });
  const command = createCostCommand(context, {
    connect: () => listingOnly(fleet, () => (printed.closed += 1)),
    signal: new AbortController().signal,
  });
  await command.exitOverride().parseAsync(args, { from: 'user' });
  return printed;
}

const orders = { apis: [restApi('r1', 'orders-api')] };

test('cost prints calls, quota and dollars from a listing alone, the price marked unverified', async () => {
  const { out, closed } = await runCost(orders);
  expect(out).toMatch(/111122223333 {2}eu-west-1 {2}GetMetricData {11}288 +500/);
  expect(out).toContain('5 metric series, 1 log groups');
  expect(out).toContain('metrics billed     1440 a day (5 at each read)');
  expect(out).toContain('GetMetricData      $0.01 a day, $0.43 in 30 days');
  expect(out).toContain('UNVERIFIED');
  expect(closed).toBe(1);
});

test('cost --json takes another price and the expected events', async () => {
  const args = ['--json', '--price-per-thousand-metrics', '1', '--events-per-second', '1000'];
  const { out } = await runCost(orders, ...args);
  const forecast = JSON.parse(out);
  expect(forecast).toMatchObject({
    billedMetricsPerDay: 1_440,
    dollarsPerDay: 1.44,
    complete: true,
    pricesVerified: false,
  });
  const filter = forecast.operations.find(
    ({ operation }: { operation: string }) => operation === 'FilterLogEvents',
  );
  expect(filter.callsPerDay).toBeGreaterThan(69_120);
});

test('cost says that it is a lower bound when a listing failed, and why', async () => {
  const { out, err, code } = await runCost({ ...orders, failing: ['v2'] });
  expect(code).toBe(3);
  expect(out).toContain('lower bound');
  expect(err).toContain('111122223333, eu-west-1: HTTP and WebSocket APIs: throttled in every attempt');
});

test('cost names what published signals cost, where there are any', async () => {
  expect((await runCost(orders)).out).not.toContain('published signals');
  const publishing = `${EXAMPLE_CONFIG}\nalarms: { publish: [throttles, auth.latency, auth.failures] }\n`;
  const { out } = await runCostWith(publishing, orders);
  // The format of the one stage has a status and no latency of its authorizer.
  expect(out).toContain('published signals  1 custom metrics, $0.30 a month (list price, UNVERIFIED)');
  expect(JSON.parse((await runCostWith(publishing, orders, '--json')).out).publishedSignals).toEqual({
    metrics: 1,
    dollarsPerMonth: 0.3,
  });
});

test('cost refuses a price that is no number', async () => {
  await expect(runCost(orders, '--price-per-thousand-metrics', 'cheap')).rejects.toThrow('got `cheap`');
});

test.each([
  ['*/5 * * * *', 288],
  ['*/20 * * * * *', 4_320],
  ['0 3 * * *', 1],
])('%s runs %d times a day', (expression, times) => {
  expect(runsPerDay(expression)).toBeCloseTo(times, 6);
});
