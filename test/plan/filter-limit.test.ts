import { describe, expect, it } from 'vitest';
import type { DesiredResource, ObservedResource } from '../../src/model/managed-resource.ts';
import { applySteps } from '../../src/plan/apply-steps.ts';
import { filterPlace, filtersBeyondLimit, withRoomFirst } from '../../src/plan/filter-limit.ts';
import { filterNamePrefix } from '../../src/plan/ownership.ts';
import { planChanges } from '../../src/plan/plan-changes.ts';
import { ACCOUNT, desired, REGION, WORKSPACE } from './world.ts';

const GROUP = '/apigw/shared';
const PLACE = filterPlace({ account: ACCOUNT, region: REGION, logGroup: GROUP });

function filter(id: string, logGroup = GROUP): DesiredResource {
  const name = `${filterNamePrefix(WORKSPACE)}${id}`;
  return {
    ...desired(id),
    key: { type: 'metric_filter', account: ACCOUNT, region: REGION, name, logGroup },
    properties: { filterPattern: id },
  };
}

function filters(count: number, from = 0): readonly DesiredResource[] {
  return Array.from({ length: count }, (_, n) =>
    filter(`denials/api${String(from + n).padStart(3, '0')}/prod`),
  );
}

function existing(wanted: readonly DesiredResource[]): readonly ObservedResource[] {
  return wanted.map(({ key, properties }) => ({ key, properties, children: [] }));
}

function beyond(
  wanted: readonly DesiredResource[],
  more: Partial<Parameters<typeof filtersBeyondLimit>[0]> = {},
) {
  const none = { observed: [], others: new Map(), withheld: new Map() };
  return filtersBeyondLimit({ desired: wanted, ...none, ...more });
}

describe('the room of a log group', () => {
  it('is a hundred metric filters; the one beyond is named with what the group holds', () => {
    expect(beyond(filters(100))).toEqual([]);
    const wanted = filters(101);
    expect(beyond(wanted)).toEqual([{ desired: wanted[100], wanted: 101, others: 0, staying: 0 }]);
  });

  it('is one for each log group, account and Region', () => {
    const elsewhere = filters(100).map((one) => ({ ...one, key: { ...one.key, region: 'eu-central-1' } }));
    const beside = filters(100).map((one) => ({ ...one, key: { ...one.key, logGroup: '/apigw/other' } }));
    expect(beyond([...filters(100), ...elsewhere, ...beside])).toEqual([]);
  });

  it('is less by what others have there', () => {
    const others = new Map([[PLACE, 7]]);
    expect(beyond(filters(93), { others })).toEqual([]);
    expect(beyond(filters(95), { others })).toMatchObject([
      { desired: { id: 'denials/api093/prod' }, wanted: 95, others: 7 },
      { desired: { id: 'denials/api094/prod' }, wanted: 95, others: 7 },
    ]);
  });

  it('goes to those that exist before those that are new, wherever they stand', () => {
    const last = filters(60, 60);
    const refused = beyond(filters(120), { observed: existing(last) });
    expect(refused.map((one) => one.desired.id)).toEqual(filters(20, 40).map(({ id }) => id));
  });

  it('is free again of what is no longer asked for, but where nothing is deleted', () => {
    const old = existing(filters(10, 500));
    expect(beyond(filters(100), { observed: old })).toEqual([]);
    const withheld = new Map([[`${ACCOUNT}/${REGION}`, 'GetRestApis was denied']]);
    expect(beyond(filters(100), { observed: old, withheld })).toHaveLength(10);
    expect(beyond(filters(91), { observed: old, withheld })).toMatchObject([{ staying: 10 }]);
  });

  it('does not count alarms', () => {
    expect(beyond([...filters(100), desired('errors')])).toEqual([]);
  });
});

describe('metric filters of a full log group', () => {
  /** As it is applied: each step with how many filters the log group has after it. */
  function counts(wanted: readonly DesiredResource[], there: readonly ObservedResource[], others = 0) {
    const changes = planChanges({
      workspace: WORKSPACE,
      desired: wanted,
      observed: there,
      partial: new Map(),
    });
    const census = { observed: there, others: new Map([[PLACE, others]]) };
    const steps = applySteps(withRoomFirst(changes, census));
    let count = there.filter(({ key }) => key.logGroup === GROUP).length + others;
    return steps.map((step) => {
      if (step.kind === 'put' && step.change.desired.key.logGroup === GROUP) {
        if (step.change.verb !== 'update') count += 1;
      }
      if (step.kind === 'delete' && step.resources[0]?.key.logGroup === GROUP) count -= 1;
      return { kind: step.kind, count };
    });
  }

  it('go first, as many as must, when others come: never more than a hundred stand there', () => {
    const kept = filters(90);
    const steps = counts([...kept, ...filters(10, 200)], existing([...kept, ...filters(10, 100)]));
    expect(steps.map(({ kind }) => kind)).toEqual([...Array(10).fill('delete'), ...Array(10).fill('put')]);
    expect(Math.max(...steps.map(({ count }) => count))).toBe(100);
    expect(steps.at(-1)?.count).toBe(100);
  });

  it('go last where there is room for both, and only the missing room is made where there is some', () => {
    const kept = filters(80);
    const wanted = [...kept, ...filters(10, 200)];
    const there = existing([...kept, ...filters(10, 100)]);
    const kinds = (others: number) => counts(wanted, there, others).map(({ kind }) => kind);
    expect(kinds(0)).toEqual([...Array(10).fill('put'), ...Array(10).fill('delete')]);
    expect(kinds(4)).toEqual([
      ...Array(4).fill('delete'),
      ...Array(10).fill('put'),
      ...Array(6).fill('delete'),
    ]);
  });

  it('that move to another log group make room like those that go', () => {
    const kept = filters(99);
    const moved = filter('throttles/api000/prod', '/apigw/other');
    const there = existing([...kept, { ...moved, key: { ...moved.key, logGroup: GROUP } }]);
    const steps = counts([...kept, moved, filter('denials/new/prod')], there);
    expect(steps).toEqual([
      { kind: 'delete', count: 99 },
      { kind: 'put', count: 99 },
      { kind: 'put', count: 100 },
    ]);
  });
});
