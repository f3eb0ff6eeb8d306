import { describe, expect, it } from 'vitest';
import { parseRule } from '../../src/evaluate/composite-rule.ts';
import { bottomUp, compositeTimeline } from '../../src/evaluate/composite-timeline.ts';

const impact = { name: 'impact', rule: parseRule('ALARM(errors) OR ALARM(auth)') };
const initial = new Map([
  ['errors', 'OK'],
  ['auth', 'OK'],
  ['deploy', 'OK'],
] as const);

describe('compositeTimeline', () => {
  it('changes with its children and acts on each change', () => {
    const run = compositeTimeline({
      composites: [impact],
      changes: [
        { atMs: 5, alarm: 'errors', to: 'ALARM' },
        { atMs: 6, alarm: 'auth', to: 'ALARM' },
        { atMs: 8, alarm: 'errors', to: 'OK' },
        { atMs: 9, alarm: 'auth', to: 'OK' },
      ],
      initial,
      toMs: 20,
    });
    expect(run.changes).toEqual([
      { atMs: 5, alarm: 'impact', to: 'ALARM' },
      { atMs: 9, alarm: 'impact', to: 'OK' },
    ]);
    expect(run.actions.map(({ atMs, state }) => [atMs, state])).toEqual([
      [5, 'ALARM'],
      [9, 'OK'],
    ]);
  });

  it('evaluates a composite of composites after its children, at the same moment', () => {
    const parent = { name: 'parent', rule: parseRule('ALARM(impact) AND NOT ALARM(deploy)') };
    const run = compositeTimeline({
      composites: [parent, impact],
      changes: [{ atMs: 5, alarm: 'errors', to: 'ALARM' }],
      initial,
      toMs: 20,
    });
    expect(run.changes.map(({ alarm, atMs }) => [alarm, atMs])).toEqual([
      ['impact', 5],
      ['parent', 5],
    ]);
  });

  it('takes all changes of the same moment before it looks: no firing for an instant', () => {
    const guarded = { name: 'guarded', rule: parseRule('ALARM(errors) AND NOT ALARM(deploy)') };
    const run = compositeTimeline({
      composites: [guarded],
      changes: [
        { atMs: 5, alarm: 'errors', to: 'ALARM' },
        { atMs: 5, alarm: 'deploy', to: 'ALARM' },
        { atMs: 7, alarm: 'deploy', to: 'OK' },
      ],
      initial,
      toMs: 20,
    });
    expect(run.changes).toEqual([{ atMs: 7, alarm: 'guarded', to: 'ALARM' }]);
  });

  it('starts in the state its rule gives, not where it was not told to, and acts on changes only', () => {
    const idle = { name: 'idle', rule: parseRule('OK(errors) AND OK(auth)') };
    const blind = { name: 'blind', rule: parseRule('INSUFFICIENT_DATA(unheard) OR ALARM(idle)') };
    const run = compositeTimeline({
      composites: [blind, idle],
      changes: [{ atMs: 5, alarm: 'errors', to: 'INSUFFICIENT_DATA' }],
      initial,
      toMs: 20,
    });
    expect([run.initial.get('idle'), run.initial.get('blind')]).toEqual(['ALARM', 'ALARM']);
    expect(run.actions).toEqual([{ atMs: 5, alarm: 'idle', state: 'OK' }]);
  });

  it('knows the state of a suppressor that is a composite itself from the start', () => {
    const deploying = { name: 'deploying', rule: parseRule('OK(deploy)') };
    const suppressed = { ...impact, suppressor: { alarm: 'deploying', waitMs: 2, extensionMs: 3 } };
    const run = compositeTimeline({
      composites: [suppressed, deploying],
      changes: [{ atMs: 5, alarm: 'errors', to: 'ALARM' }],
      initial,
      toMs: 20,
    });
    expect(run.actions).toEqual([]);
  });

  it('delays every action by the wait, and drops it while the suppressor is in alarm', () => {
    const suppressed = { ...impact, suppressor: { alarm: 'deploy', waitMs: 2, extensionMs: 3 } };
    const run = compositeTimeline({
      composites: [suppressed],
      changes: [
        { atMs: 1, alarm: 'errors', to: 'ALARM' },
        { atMs: 10, alarm: 'errors', to: 'OK' },
        { atMs: 11, alarm: 'deploy', to: 'ALARM' },
        { atMs: 15, alarm: 'deploy', to: 'OK' },
      ],
      initial,
      toMs: 20,
    });
    expect(run.actions.map(({ atMs, state }) => [atMs, state])).toEqual([
      [3, 'ALARM'],
      [18, 'OK'],
    ]);
  });

  it('refuses composites that name each other, with the way round', () => {
    const one = { name: 'one', rule: parseRule('ALARM(two)') };
    const two = { name: 'two', rule: parseRule('ALARM(one)') };
    expect(() => bottomUp([one, two])).toThrow(/one -> two -> one/);
  });
});
