import { describe, expect, it } from 'vitest';
import type { AlarmState } from '../../src/evaluate/alarm-state.ts';
import { Suppression } from '../../src/evaluate/suppressor.ts';
import { vectors } from './vectors.ts';

const { wait, extension, cases } = vectors.suppressor;

describe('Suppression', () => {
  it.each(cases)('follows published timeline $id', ({ events, acts }) => {
    const suppression = new Suppression(
      { waitMs: wait, extensionMs: extension },
      { composite: 'OK', suppressor: 'OK' },
    );
    const acted: [number, AlarmState][] = [];
    for (let tick = 0; tick <= 30; tick += 1) {
      const action = suppression.advance(tick);
      if (action !== undefined) acted.push([action.atMs, action.state]);
      for (const [, who, state] of events.filter(([time]) => time === tick)) {
        if (who === 'composite') suppression.compositeChanged(state, tick);
        else suppression.suppressorChanged(state, tick);
      }
    }
    expect(acted).toEqual(acts);
  });

  it('names what holds an action back', () => {
    const suppression = new Suppression(
      { waitMs: wait, extensionMs: extension },
      { composite: 'OK', suppressor: 'OK' },
    );
    expect(suppression.suppressedBy).toBeUndefined();
    suppression.compositeChanged('ALARM', 2);
    expect(suppression.suppressedBy).toBe('WaitPeriod');
    expect(suppression.nextMs).toBe(4);
    suppression.suppressorChanged('ALARM', 3);
    expect(suppression.suppressedBy).toBe('Alarm');
    suppression.suppressorChanged('OK', 6);
    expect(suppression.suppressedBy).toBe('ExtensionPeriod');
    suppression.advance(9);
    expect(suppression.suppressedBy).toBeUndefined();
  });

  it('does not act when the suppressor comes and goes with nothing to tell', () => {
    const suppression = new Suppression(
      { waitMs: wait, extensionMs: extension },
      { composite: 'OK', suppressor: 'OK' },
    );
    suppression.suppressorChanged('ALARM', 1);
    suppression.suppressorChanged('OK', 2);
    expect(suppression.advance(100)).toBeUndefined();
  });
});
