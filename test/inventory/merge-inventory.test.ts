import { describe, expect, it } from 'vitest';
import { discoverInventory } from '../../src/inventory/discover-inventory.ts';
import { mergeInventory, withoutGone } from '../../src/inventory/merge-inventory.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { everything, type FakeFleet, fakeClients, restApi, stage } from './listing-fake.ts';

const signal = new AbortController().signal;

function listing(fleet: FakeFleet, nowMs = 0, settings = everything): Promise<Inventory> {
  return discoverInventory(fakeClients(fleet), settings, signal, nowMs);
}

/** How long what is gone stays. */
const KEEP_MS = 1_000;
const merge = (previous: Inventory, next: Inventory) => mergeInventory(previous, next, KEEP_MS);

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
  it('keeps a stage that whole listings no longer have for as long as its last lines may come', async () => {
    const without = { apis: [restApi('r1', 'orders')] };
    const merged = merge(await listing(full), await listing(without, 5_000));
    expect(names(merged)).toEqual(['h1/$default', 'r1/prod', 'r1/test', 'r2/prod']);
    expect(names(withoutGone(merged))).toEqual(['r1/prod']);
    const later = merge(merged, await listing(without, 5_999));
    expect(names(later)).toEqual(names(merged));
    expect(names(merge(later, await listing(without, 6_000)))).toEqual(['r1/prod']);
  });

  it('takes a stage that is listed again for one that never was away', async () => {
    const away = merge(await listing(full), await listing({ apis: [] }, 5_000));
    const back = merge(away, await listing(full, 5_500));
    expect(names(withoutGone(back))).toEqual(names(await listing(full)));
  });

  it('lets go at once of a stage that is listed and left out by the settings', async () => {
    const exclude = { ...everything, exclude: [{ stage: 'test' }] };
    const merged = merge(await listing(full), await listing(full, 0, exclude));
    expect(names(merged)).toEqual(['h1/$default', 'r1/prod', 'r2/prod']);
  });

  it('keeps the APIs behind a page that failed, but not those of a listing that was whole', async () => {
    const next = await listing({ apis: full.apis.slice(0, 2), failing: ['rest'] });
    expect(names(next)).toEqual(['r1/prod', 'r1/test']);
    const merged = merge(await listing(full), next);
    expect(names(withoutGone(merged))).toEqual(['r1/prod', 'r1/test', 'r2/prod']);
    expect(merged.complete).toBe(false);
  });

  it('keeps the stages of one API whose stages were not listed, and only those', async () => {
    const next = await listing({
      apis: full.apis.filter(({ api }) => api.apiId === 'r1'),
      failing: ['stages:r1'],
    });
    expect(names(withoutGone(merge(await listing(full), next)))).toEqual(['r1/prod', 'r1/test']);
  });

  it('keeps the routes and authorizers it knew where those were not listed', async () => {
    const apis = [restApi('r1', 'orders', { ...guarded, authorizers: [] })];
    const next = await listing({ apis, failing: ['routes:r1', 'authorizers:r1'] });
    const [merged] = merge(await listing(full), next).stages;
    expect(merged?.routes).toEqual({ 'GET /a': 'j', 'GET /b': 'j' });
    expect(merged?.defaultAuthorizer).toBe('j');
    expect(Object.keys(merged?.authorizers ?? {})).toEqual(['j']);
  });

  it('keeps an authorizer that whole listings no longer have while its last lines may come', async () => {
    const next = (nowMs: number) => listing({ apis: [restApi('r1', 'orders')] }, nowMs);
    const merged = merge(await listing(full), await next(5_000));
    expect(merged.stages[0]?.authorizers).toMatchObject({ j: { goneSinceMs: 5_000 } });
    expect(merge(merged, await next(6_000)).stages[0]?.authorizers).toEqual({});
  });

  it('remembers a format that changed, for the lines that still carry it', async () => {
    const withFormat = (format: string) =>
      listing({ apis: [restApi('r1', 'orders', { stages: [stage('prod', { format })] })] });
    const second = merge(await withFormat('one'), await withFormat('two'));
    expect(second.stages[0]).toMatchObject({ accessLogFormat: 'two', earlierFormats: ['one'] });
    const back = merge(second, await withFormat('one'));
    expect(back.stages[0]).toMatchObject({ accessLogFormat: 'one', earlierFormats: ['two'] });
  });
});
