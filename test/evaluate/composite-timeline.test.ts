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
