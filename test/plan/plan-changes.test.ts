import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredResource } from '../../src/model/managed-resource.ts';
import { guardDeletes } from '../../src/plan/blast-radius.ts';
import { fingerprintOf, specHash } from '../../src/plan/compare.ts';
import { ACCOUNT, desired, foreign, REGION, World } from './world.ts';

describe('planChanges', () => {
  it('creates what is not there, and has nothing to say afterwards', () => {
    const world = new World();
    expect(world.apply([desired('a'), desired('b')]).map(({ verb }) => verb)).toEqual(['create', 'create']);
    expect(world.plan([desired('a'), desired('b')])).toEqual([]);
  });

  it('updates in place and names each property with its value before and after', () => {
    const world = new World();
    world.apply([desired('a')]);
    const stricter = {
      MetricName: '5XXError',
      EvaluationPeriods: 5,
      Threshold: 0.02,
      TreatMissingData: 'notBreaching',
    };
    const [change] = world.plan([desired('a', { properties: stricter })]);
    expect(change).toMatchObject({
      verb: 'update',
      fields: [
        { property: 'Threshold', before: 0.05, after: 0.02 },
        { property: 'TreatMissingData', before: 'missing', after: 'notBreaching' },
      ],
    });
  });

  it('sees no difference in what AWS leaves out, reorders or returns empty', () => {
    const world = new World();
    const dimensions = [
      { Name: 'Stage', Value: 'prod' },
      { Name: 'ApiName', Value: 'orders' },
    ];
    const asked = desired('a', {
      properties: {
        EvaluationPeriods: 5,
        DatapointsToAlarm: 5,
        TreatMissingData: 'missing',
        ActionsEnabled: true,
        ExtendedStatistic: 'p99',
        EvaluateLowSampleCountPercentile: 'evaluate',
        Dimensions: dimensions,
        AlarmActions: ['arn:b', 'arn:a'],
      },
    });
    world.apply([asked]);
    const [there] = world.resources;
    const returned = new World([
      {
        ...foreign('a'),
        tags: there?.tags ?? {},
        properties: {
          EvaluationPeriods: 5,
          ActionsEnabled: true,
          ExtendedStatistic: 'p99',
          Dimensions: [...dimensions].reverse(),
          AlarmActions: ['arn:a', 'arn:b'],
          OKActions: [],
          InsufficientDataActions: [],
        },
      },
    ]);
    expect(returned.plan([asked])).toEqual([]);
  });

  it('never touches an alarm of the same name that is not ours, and says whose it is', () => {
    const world = new World([foreign('a', {}, { 'aws:cloudformation:stack-name': 'legacy' })]);
    expect(world.apply([desired('a')])).toMatchObject([
      { verb: 'conflict', why: 'tags: aws:cloudformation:stack-name=legacy' },
    ]);
    expect(world.calls).toEqual([]);
  });

  it('takes over what it is told to, and by itself only what is identical', () => {
    const identical = { ...desired('a').properties };
    const adopt = (when: DesiredResource['lifecycle']['adopt']) =>
      desired('a', { lifecycle: { preventDestroy: false, ignoreChanges: [], adopt: when } });
    const verbs = (world: World, wanted: DesiredResource, adopted: ReadonlySet<string> = new Set()) =>
      world.plan([wanted], { adopted }).map(({ verb }) => verb);
    const same = new World([foreign('a', identical)]);
    const other = new World([foreign('a', { ...identical, Threshold: 9 })]);
    expect(verbs(same, adopt('if-identical'))).toEqual(['adopt']);
    expect(verbs(other, adopt('if-identical'))).toEqual(['conflict']);
    expect(verbs(other, adopt('always'))).toEqual(['adopt']);
    expect(verbs(other, adopt('never'), new Set(['a']))).toEqual(['adopt']);
  });

  it('follows a rename by its id: the new alarm is made before the old one goes', () => {
    const world = new World();
    world.apply([desired('a', { name: 'old' })]);
    expect(world.apply([desired('a', { name: 'new' })])).toMatchObject([{ verb: 'replace', why: 'renamed' }]);
    expect(world.calls).toEqual(['put old', 'put new', 'delete old']);
    expect(world.plan([desired('a', { name: 'new' })])).toEqual([]);
  });

  it('deletes first when an alarm turns into a composite, since both kinds share one name', () => {
    const world = new World();
    world.apply([desired('a')]);
    const composite = desired('a', { type: 'composite_alarm', properties: { AlarmRule: 'FALSE' } });
    expect(world.apply([composite])).toMatchObject([{ verb: 'replace', why: 'type' }]);
    expect(world.calls).toEqual(['put a', 'delete a', 'put a']);
  });

  it('withholds deletes where discovery was partial or the alarm is protected', () => {
    const world = new World();
    world.apply([desired('a'), desired('b')]);
    const partial = new Map([[`${ACCOUNT}/${REGION}`, 'GetStages was denied']]);
    expect(world.apply([desired('a')], { partial })).toMatchObject([
      { verb: 'withheld', id: 'b', why: expect.stringContaining('GetStages was denied') },
    ]);
    expect(world.apply([desired('a')])).toMatchObject([{ verb: 'delete', id: 'b' }]);
  });

  it('remembers prevent_destroy when the file is gone, and keeps what a protected composite reads', () => {
    const world = new World();
    const lifecycle = { preventDestroy: true, ignoreChanges: [], adopt: 'never' } as const;
    world.apply([
      desired('a'),
      desired('top', { type: 'composite_alarm', children: ['a'], lifecycle }),
      desired('c'),
    ]);
    expect(world.apply([])).toMatchObject([
      { verb: 'withheld', id: 'a', why: 'top reads it and stays' },
      { verb: 'delete', id: 'c' },
      { verb: 'withheld', id: 'top', why: expect.stringContaining('prevent_destroy') },
    ]);
  });

  it('frees an alarm from our own readers while it changes its type, and gives them their rule back', () => {
    const world = new World();
    const top = desired('top', { type: 'composite_alarm', children: ['a'] });
    world.apply([desired('a'), top]);
    world.calls.length = 0;
    const turned = desired('a', { type: 'composite_alarm' });
    expect(world.apply([turned, top]).map(({ verb }) => verb)).toEqual(['replace']);
    expect(world.calls).toEqual(['neutralise top', 'delete a', 'put a', 'restore top']);
    expect(world.plan([turned, top])).toEqual([]);
  });

  it('does not change the type of an alarm that a composite of somebody else reads', () => {
    const world = new World();
    world.apply([desired('a')]);
    const theirs = { ...foreign('theirs'), children: ['a'] };
    const shared = new World([...world.resources, theirs]);
    expect(shared.plan([desired('a', { type: 'composite_alarm' })])).toMatchObject([
      { verb: 'conflict', why: expect.stringContaining('theirs, which is not ours, reads it') },
    ]);
  });

  it('sends back a property that somebody else sets', () => {
    const world = new World();
    const wanted = desired('a', {
      lifecycle: { preventDestroy: false, ignoreChanges: ['Threshold'], adopt: 'never' },
    });
    world.apply([wanted]);
    const [there] = world.resources;
    if (there === undefined) throw new Error('expected the alarm that was just applied');
    const tuned = new World([
      { ...there, properties: { ...there.properties, Threshold: 7, EvaluationPeriods: 3 } },
    ]);
    const [change] = tuned.plan([wanted]);
    expect(change).toMatchObject({ verb: 'update', properties: { Threshold: 7, EvaluationPeriods: 5 } });
  });

  it('knows a metric filter by its name, since it can carry no tags', () => {
    const filter = (name: string): DesiredResource => ({
      ...desired('denials'),
      key: { type: 'metric_filter', account: ACCOUNT, region: REGION, name, logGroup: '/apigw/orders' },
      properties: { filterPattern: '{ $.status = 403 }' },
    });
    const world = new World();
    world.apply([filter('gatewatch/prod/denials')]);
    expect(world.plan([filter('gatewatch/prod/denials')])).toEqual([]);
    expect(world.plan([])).toMatchObject([{ verb: 'delete', id: 'denials' }]);
    expect(new World(world.resources).plan([], { workspace: 'other' })).toEqual([]);
  });
});

describe('order', () => {
  const composite = (id: string, children: readonly string[]) =>
    desired(id, { type: 'composite_alarm', properties: { AlarmRule: children.join(' ') }, children });

  it('builds bottom-up, takes down top-down, one composite per call', () => {
    const world = new World();
    const all = [
      composite('top', ['middle']),
      composite('middle', ['leaf']),
      desired('leaf'),
      desired('other'),
    ];
    world.apply(all);
    expect(world.calls).toEqual(['put leaf', 'put other', 'put middle', 'put top']);
    world.calls.length = 0;
    world.apply([]);
    expect(world.calls).toEqual(['delete top', 'delete middle', 'delete leaf other']);
  });

  it('rewrites the parent before it deletes a child', () => {
    const world = new World();
    world.apply([composite('top', ['a', 'b']), desired('a'), desired('b')]);
    world.calls.length = 0;
    world.apply([composite('top', ['a']), desired('a')]);
    expect(world.calls).toEqual(['put top', 'delete b']);
  });

  it('takes the rules out of composites that name each other before it deletes them', () => {
    const world = new World();
    world.apply([composite('x', []), composite('y', ['x'])]);
    const cyclic = new World(
      world.resources.map((resource) =>
        resource.key.name === 'x' ? { ...resource, children: ['y'] } : resource,
      ),
    );
    cyclic.apply([]);
    expect(cyclic.calls.slice(0, 2).sort()).toEqual(['neutralise x', 'neutralise y']);
    expect(cyclic.resources).toEqual([]);
  });

  it('reaches what the files ask for from any state of the account', () => {
    const names = ['a', 'b', 'c', 'd'];
    const alarm = fc.record({
      threshold: fc.integer({ min: 1, max: 3 }),
      composite: fc.boolean(),
      name: fc.constantFrom('', '-renamed'),
    });
    const wish = fc.dictionary(fc.constantFrom(...names), alarm).map((picked) => {
      const ids = Object.keys(picked).sort();
      const nameOf = (id: string) => `${id}${picked[id]?.name ?? ''}`;
      return ids.map((id, index) => {
        const made = picked[id];
        // Only what stands before it in the alphabet, so that nothing names itself.
        const children = made?.composite === true ? ids.slice(0, index).map(nameOf) : [];
        return desired(id, {
          name: nameOf(id),
          type: made?.composite === true ? 'composite_alarm' : 'metric_alarm',
          properties: { Threshold: made?.threshold ?? 0, AlarmRule: children.join(' ') },
          children,
        });
      });
    });
    fc.assert(
      fc.property(wish, wish, (first, second) => {
        const world = new World();
        world.apply(first);
        world.apply(second);
        expect(world.plan(second)).toEqual([]);
        expect(world.resources.map(({ key }) => key.name).sort()).toEqual(
          second.map(({ key }) => key.name).sort(),
        );
      }),
      { numRuns: 300, seed: 20_261_122 },
    );
  });
});

describe('guardDeletes', () => {
  const deletes = (count: number) => {
    const world = new World();
    const all = Array.from({ length: count }, (_, index) => desired(`a${index}`));
    world.apply(all);
    return world.plan([]);
  };

  it('lets a few deletes of many through', () => {
    expect(() => guardDeletes({ changes: deletes(2), owned: 10 })).not.toThrow();
  });

  it.each([
    [11, 1_000],
    [3, 14],
  ])('stops %i of %i unless the number is said', (count, owned) => {
    const changes = deletes(count);
    expect(() => guardDeletes({ changes, owned })).toThrow(`--allow-deletes=${count}`);
    expect(() => guardDeletes({ changes, owned, allowed: count - 1 })).toThrow();
    expect(() => guardDeletes({ changes, owned, allowed: count })).not.toThrow();
  });
});

describe('fingerprintOf', () => {
  it('moves with properties and tags, not with state', () => {
    const there = foreign('a', { Threshold: 1 }, { team: 'x' });
    expect(fingerprintOf({ ...there, state: 'ALARM', updatedMs: 5 })).toBe(fingerprintOf(there));
    expect(fingerprintOf({ ...there, properties: { Threshold: 2 } })).not.toBe(fingerprintOf(there));
    expect(fingerprintOf({ ...there, tags: {} })).not.toBe(fingerprintOf(there));
    expect(fingerprintOf(undefined)).toBe('absent');
  });

  it('has one spec hash for one meaning', () => {
    expect(specHash('metric_alarm', { EvaluationPeriods: 3, DatapointsToAlarm: 3 })).toBe(
      specHash('metric_alarm', { EvaluationPeriods: 3, AlarmActions: [] }),
    );
  });
});
