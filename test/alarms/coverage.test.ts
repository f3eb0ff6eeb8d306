import { describe, expect, it } from 'vitest';
import { coverageOf } from '../../src/alarms/coverage.ts';
import { exampleFiles, expand, filesOf, stage } from './files.ts';

describe('coverageOf', () => {
  const stages = [stage('orders'), stage('bare', { accessLogFormat: 'not json' })];
  const mute = {
    schedule: 'cron(0 2 * * SUN)',
    duration: 'PT4H',
    match: { api: 'orders', alarm: '5xx-ratio' },
  };
  const cellsWith = (heard: readonly string[], hadData: boolean, mutes: readonly (typeof mute)[] = []) => {
    const { instances } = expand(exampleFiles(), ...stages, stage('orders-api'));
    const cells = coverageOf(stages, instances, mutes, { heard: new Set(heard), hadData: () => hadData });
    return Object.fromEntries(cells.map(({ api, expected, state }) => [`${api} ${expected}`, state]));
  };
  const topics = ['oncall', 'backlog'].map((name) => `arn:aws:sns:eu-west-1:111122223333:${name}`);

  it('tells covered, missing, muted, silent and unheard apart', () => {
    const covered = cellsWith(topics, true);
    expect(covered['orders errors.server']).toBe('covered');
    expect(covered['bare auth.failures']).toBe('missing');
    expect(cellsWith(topics, false)['orders latency']).toBe('never_had_data');
    expect(cellsWith(['arn:aws:sns:eu-west-1:111122223333:backlog'], true)['orders errors.server']).toBe(
      'nobody_subscribed',
    );
    expect(cellsWith(topics, true, [mute])['orders errors.server']).toBe('muted');
    expect(cellsWith(topics, true, [mute])['bare errors.server']).toBe('covered');
  });

  it('reads mute rules from files', () => {
    const files = filesOf({
      'm.yaml':
        'apiVersion: gatewatch/v1\nkind: MuteRule\nmetadata: { name: m }\nspec: { schedule: "cron(0 2 * * SUN)", duration: PT4H, match: { severity: ticket } }\n',
    });
    expect(files.mutes[0]?.value.spec.match).toEqual({ severity: 'ticket' });
  });
});
