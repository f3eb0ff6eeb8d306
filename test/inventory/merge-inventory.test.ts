import { describe, expect, it } from 'vitest';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import { mergeInventory } from '../../src/inventory/merge-inventory.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { everything, type FakeFleet, fakeClients, restApi, stage } from './listing-fake.ts';

const signal = new AbortController().signal;

function listing(fleet: FakeFleet): Promise<Inventory> {
  return discoverInventory(fakeClients(fleet), everything, signal, 0);
}

const names = (inventory: Inventory) =>
  inventory.stages.map(({ apiId, stage: name }) => `${apiId}/${name}`).sort();

const http = {
  api: { apiId: 'h1', name: 'shop', protocol: 'HTTP' as const, tags: {} },
  stages: [stage('$default')],
};
const guarded = {
  authorizers: [{ authorizerId: 'j', name: 'pool', type: 'COGNITO_USER_POOLS' }],
  routes: [
    { routeKey: 'GET /a', authorizationType: 'COGNITO_USER_POOLS', authorizerId: 'j' },
    { routeKey: 'GET /b', authorizationType: 'COGNITO_USER_POOLS', authorizerId: 'j' },
  ],
};
const full: FakeFleet = {
  apis: [
    restApi('r1', 'orders', { stages: [stage('prod'), stage('test')], ...guarded }),
    restApi('r2', 'pay'),
    http,
  ],
};

describe('mergeInventory', () => {
  it('forgets a stage that a whole listing no longer has', async () => {
    const merged = mergeInventory(await listing(full), await listing({ apis: [restApi('r1', 'orders')] }));
    expect(names(merged)).toEqual(['r1/prod']);
  });

  it('keeps the APIs behind a page that failed, but not those of a listing that was whole', async () => {
    const next = await listing({ apis: full.apis.slice(0, 2), failing: ['rest'] });
    expect(names(next)).toEqual(['r1/prod', 'r1/test']);
    const merged = mergeInventory(await listing(full), next);
    expect(names(merged)).toEqual(['r1/prod', 'r1/test', 'r2/prod']);
    expect(merged.complete).toBe(false);
  });

  it('keeps the stages of one API whose stages were not listed, and only those', async () => {
    const next = await listing({
      apis: full.apis.filter(({ api }) => api.apiId === 'r1'),
      failing: ['stages:r1'],
    });
    expect(names(mergeInventory(await listing(full), next))).toEqual(['r1/prod', 'r1/test']);
  });

  it('keeps the routes and authorizers it knew where those were not listed', async () => {
    const apis = [restApi('r1', 'orders', { ...guarded, authorizers: [] })];
    const next = await listing({ apis, failing: ['routes:r1', 'authorizers:r1'] });
    const [merged] = mergeInventory(await listing(full), next).stages;
    expect(merged?.routes).toEqual({ 'GET /a': 'j', 'GET /b': 'j' });
    expect(merged?.defaultAuthorizer).toBe('j');
    expect(Object.keys(merged?.authorizers ?? {})).toEqual(['j']);
  });

  it('drops an authorizer that a whole listing no longer has', async () => {
    const next = await listing({ apis: [restApi('r1', 'orders')] });
    expect(mergeInventory(await listing(full), next).stages[0]?.authorizers).toEqual({});
  });

  it('remembers a format that changed, for the lines that still carry it', async () => {
    const withFormat = (format: string) =>
      listing({ apis: [restApi('r1', 'orders', { stages: [stage('prod', { format })] })] });
    const second = mergeInventory(await withFormat('one'), await withFormat('two'));
    expect(second.stages[0]).toMatchObject({ accessLogFormat: 'two', earlierFormats: ['one'] });
    const back = mergeInventory(second, await withFormat('one'));
    expect(back.stages[0]).toMatchObject({ accessLogFormat: 'one', earlierFormats: ['two'] });
  });
});
