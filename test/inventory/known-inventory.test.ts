import { describe, expect, it } from 'vitest';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import { knownInventoryText, readKnownInventory } from '../../src/inventory/known-inventory.ts';
import { CENTRAL, everything, fakeClients, REGION, restApi, stage } from './listing-fake.ts';

const here = [{ account: CENTRAL, region: REGION }];
const guarded = {
  authorizers: [{ authorizerId: 'j', name: 'pool', type: 'COGNITO_USER_POOLS' }],
  routes: [{ routeKey: 'GET /a', authorizationType: 'COGNITO_USER_POOLS', authorizerId: 'j' }],
};
const apis = [restApi('r1', 'orders', { stages: [stage('prod'), stage('test')], ...guarded })];

async function listed() {
  return discoverInventory(fakeClients({ apis }), everything, new AbortController().signal, 7);
}

describe('what the last listing told', () => {
  it('is read back as it was', async () => {
    const inventory = await listed();
    const read = readKnownInventory(knownInventoryText(inventory), everything, here);
    expect(read?.stages).toEqual(inventory.stages);
    expect(read?.complete).toBe(false);
  });

  it('counts only as far as the settings of today watch it', async () => {
    const text = knownInventoryText(await listed());
    const exclude = { include: [], exclude: [{ stage: 'test' }] };
    expect(readKnownInventory(text, exclude, here)?.stages.map((one) => one.stage)).toEqual(['prod']);
    const elsewhere = [{ account: CENTRAL, region: 'us-east-1' }];
    expect(readKnownInventory(text, everything, elsewhere)?.stages).toEqual([]);
  });

  it.each(['', '{', '[]', '{"version":2,"stages":[]}', '{"version":1,"stages":[{"apiId":"r1"}]}'])(
    'counts as nothing when it is %j',
    (text) => {
      expect(readKnownInventory(text, everything, here)).toBeUndefined();
    },
  );
});
