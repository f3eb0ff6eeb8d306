import { expect, it } from 'vitest';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import { integrationTimeoutMs, withIntegrationTimeouts } from '../../src/inventory/integration-timeouts.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { noFaults, parseFaults } from '../../src/sandbox/faults.ts';
import { sandboxAlarmClients } from '../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { clientsForTest } from '../aws/clients-fixture.ts';
import { smallWorld } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';

const SETTINGS = { include: [], exclude: [], earlierFormats: [], authorizers: [] };

/** Of three HTTP APIs, the first has a slow route, a quick one and one that names an integration which is gone. */
function worldWithIntegrations() {
  const world = smallWorld();
  const routes = ['a', 'b', 'gone'].map((id) => ({
    routeId: id,
    routeKey: `GET /${id}`,
    authorizationType: 'NONE',
    target: `integrations/${id}`,
  }));
  const integrations = [{ integrationId: 'a', timeoutInMillis: 4_000 }, { integrationId: 'b' }];
  const [first, ...rest] = world.v2Apis;
  const [rest0] = world.restApis;
  if (first === undefined || rest0 === undefined) throw new Error('the small world has APIs of both kinds');
  const resources = [
    {
      id: 'r',
      path: '/slow',
      resourceMethods: { GET: { httpMethod: 'GET', methodIntegration: { timeoutInMillis: 60_000 } } },
    },
    { id: 's', path: '/usual', resourceMethods: { GET: { httpMethod: 'GET', methodIntegration: {} } } },
  ];
  return {
    ...world,
    restApis: [{ ...rest0, resources }],
    v2Apis: [{ ...first, routes, integrations }, ...rest],
  };
}

async function discovered(): Promise<{
  inventory: Inventory;
  fill: () => Promise<Inventory>;
  sandbox: Awaited<ReturnType<typeof startedSandbox>>;
}> {
  const sandbox = await startedSandbox({ world: worldWithIntegrations() });
  closing({ close: pointSdkAt(sandbox.port) });
  const { signal } = new AbortController();
  const inventory = await discoverInventory(closing(clientsForTest()), SETTINGS, signal, 0);
  const clients = closing(sandboxAlarmClients({ maxAttempts: 1 }));
  return {
    inventory,
    sandbox,
    fill: () => withIntegrationTimeouts(inventory, (call) => clients.listIntegrations(call), signal),
  };
}

const stageOf = (inventory: Inventory, name: string) => {
  const found = inventory.stages.find(({ apiName }) => apiName === name);
  if (found === undefined) throw new Error(`no stage of ${name}`);
  return found;
};

it('reads the time of REST integrations with their routes, and asks once for each HTTP API', async () => {
  const { inventory, fill, sandbox } = await discovered();
  expect(integrationTimeoutMs(stageOf(inventory, 'orders-0'), undefined)).toBe(60_000);
  expect(integrationTimeoutMs(stageOf(inventory, 'orders-0'), 'GET /usual')).toBe(29_000);
  expect(integrationTimeoutMs(stageOf(inventory, 'pay-0'), undefined)).toBeUndefined();
  const filled = await fill();
  expect(sandbox.counts.get('aws.GetIntegrations')).toBe(3);
  const pay = stageOf(filled, 'pay-0');
  expect(integrationTimeoutMs(pay, 'GET /a')).toBe(4_000);
  expect(integrationTimeoutMs(pay, 'GET /b')).toBe(30_000);
  expect(integrationTimeoutMs(pay, 'GET /gone')).toBeUndefined();
  expect(integrationTimeoutMs(pay, undefined)).toBe(30_000);
  expect(filled.complete).toBe(true);
});

it('takes a listing that fails for unknown: the inventory is not whole, and says what was not read', async () => {
  const { fill, sandbox } = await discovered();
  sandbox.replaceFaults(parseFaults('aws-outage'));
  const filled = await fill();
  sandbox.replaceFaults(noFaults);
  expect(filled.complete).toBe(false);
  expect(filled.problems).toContainEqual(
    expect.objectContaining({
      what: 'integrations of API pay-0 (http0)',
      unread: { part: 'routes', apiId: 'http0' },
    }),
  );
  expect(filled.stages).toHaveLength(4);
});
