import { describe, expect, it } from 'vitest';
import { expandAlarms } from '../../src/alarms/expand-alarms.ts';
import { muteResources } from '../../src/alarms/mute-rules.ts';
import { observeAlarms } from '../../src/alarms/observe-alarms.ts';
import { planAlarms } from '../../src/alarms/plan-alarms.ts';
import { sampleStages } from '../../src/alarms/sample-stages.ts';
import { parseFaults } from '../../src/sandbox/faults.ts';
import { alarmAccount, composite, metricAlarm, scope, WORKSPACE } from './alarm-account.ts';
import { ERRORS, expand, filesOf, problemsOf, setWith, stage } from './files.ts';

function mute(spec: string, name = 'night') {
  return {
    [`${name}.yaml`]: `apiVersion: gatewatch/v1
kind: MuteRule
metadata: { name: ${name} }
spec: { ${spec} }
`,
  };
}

const NIGHTLY = 'schedule: "cron(0 2 * * *)", duration: PT1H';

function mutesIn(spec: string, stages: number) {
  const files = { ...setWith(ERRORS), ...mute(spec) };
  const expansion = expand(
    files,
    ...Array.from({ length: stages }, (_, n) => stage(`api-${String(n).padStart(3, '0')}`)),
  );
  return { expansion, rules: expansion.resources.filter(({ key }) => key.type === 'mute_rule') };
}

describe('mute rules in files', () => {
  it('take the alarms whose labels agree, a hundred to a rule', () => {
    const { rules } = mutesIn(`${NIGHTLY}, match: { team: payments }`, 101);
    expect(rules.map(({ key, children }) => [key.name, children.length])).toEqual([
      ['gatewatch_default_night', 100],
      ['gatewatch_default_night_2', 1],
    ]);
    expect(rules[0]?.origins.MuteTargets).toEqual({ file: 'night.yaml', line: 4 });
  });

  it('are an error when they take nothing, and a warning while APIs could not all be listed', () => {
    const problems = (match: string) => mutesIn(`${NIGHTLY}, match: { ${match} }`, 1).expansion.problems;
    expect(problems('severity: tickets')).toMatchObject([{ severity: 'error', path: 'spec.match' }]);
    expect(problems('severity: tickets, api: api-000')).toMatchObject([{ severity: 'error' }]);
    // An API that is not there yet, or no more, stops no plan.
    expect(problems('api: api-00')).toMatchObject([{ severity: 'warning', path: 'spec.match' }]);
    const files = filesOf(mute(NIGHTLY));
    const partly = muteResources({ mutes: files.mutes, instances: [], workspace: 'w', complete: false });
    expect(partly).toMatchObject({ resources: [], problems: [{ severity: 'warning' }] });
  });

  it.each([
    ['schedule: "cron(*/5 * * * *)", duration: PT1H', 'spec.schedule', 'joined by - and ,'],
    ['schedule: "cron(0 2 * * *)", duration: PT30S', 'spec.duration', 'PT1M to P15D'],
    [`${NIGHTLY}, timezone: Europe/Londn`, 'spec.timezone', 'time zone'],
    [`${NIGHTLY}, expire: "2026-11-05T10:00:30Z"`, 'spec.expire', 'got "2026-11-05T10:00:30Z"'],
    [
      'schedule: "at(2026-11-05T14:00)", duration: PT1H, expire: "2026-11-05T10:00Z"',
      'spec.schedule',
      'beside at',
    ],
  ])('say at their field what CloudWatch would refuse: %s', (spec, path, words) => {
    const [problem, ...more] = problemsOf(mute(spec));
    expect(more).toEqual([]);
    expect(problem).toContain(path);
    expect(problem).toContain(words);
  });
});

describe('mute rules in AWS', () => {
  const alarms = [metricAlarm('p99'), metricAlarm('p95'), composite('impact', ['p99'])];

  function rule(names: readonly string[], Duration = 'PT1H') {
    return {
      ...metricAlarm('night'),
      key: { type: 'mute_rule', ...scope, name: `gatewatch_${WORKSPACE}_night` },
      properties: {
        Rule: { Schedule: { Expression: 'cron(0 2 * * *)', Duration } },
        MuteTargets: { AlarmNames: names },
        ExpireDate: '2027-01-01T00:00Z',
      },
      tags: {},
      children: names,
    } as const;
  }

  it('are made after what they mute, and a second apply writes nothing, however lengths are spelt', async () => {
    const account = await alarmAccount();
    const wanted = [rule(['impact', 'p95']), ...alarms];
    expect(await account.apply(wanted)).toMatchObject({ done: 4, failures: [] });
    expect(await account.plan(wanted)).toEqual([]);
    expect(await account.plan([rule(['p95', 'impact'], 'PT60M'), ...alarms])).toEqual([]);
    const before = account.writes();
    await account.apply(wanted);
    expect(account.writes()).toBe(before);
  });

  it('follow a change by hand or in the files, and go before what they mute', async () => {
    const account = await alarmAccount();
    await account.apply([rule(['impact']), ...alarms]);
    const [change] = await account.plan([rule(['impact', 'p95']), ...alarms]);
    expect(change).toMatchObject({ verb: 'update', fields: [{ property: 'MuteTargets' }] });
    await account.apply([rule(['impact', 'p95']), ...alarms]);
    const gone = await account.plan([]);
    expect(gone.map((one) => 'observed' in one && one.observed.key.type)).toContain('mute_rule');
    expect(await account.apply([])).toMatchObject({ failures: [] });
    expect(await account.plan([rule(['p95']), metricAlarm('p95')])).toMatchObject([
      { verb: 'create' },
      { verb: 'create' },
    ]);
  });

  it('of somebody else, or of another workspace, are not seen at all', async () => {
    const account = await alarmAccount();
    await account.apply(alarms);
    const { properties } = rule(['p95']);
    const call = { ...scope, signal: account.signal, properties };
    await account.clients.putMute({ ...call, name: 'theirs' });
    await account.clients.putMute({ ...call, name: 'gatewatch_prod-two_night' });
    expect(await account.plan(alarms)).toEqual([]);
  });

  it('let go of no alarm while APIs could not all be listed', async () => {
    const account = await alarmAccount();
    await account.apply([rule(['impact', 'p95']), ...alarms]);
    const discovery = new Map([[`${scope.account}/${scope.region}`, 'GetRestApis was denied']]);
    const partly = await account.plan([rule(['impact']), ...alarms], { discovery });
    expect(partly).toMatchObject([{ verb: 'withheld', why: expect.stringContaining('GetRestApis') }]);
  });

  it('are left alone, and refused by name, where they are switched off', async () => {
    const { clients, signal, sandbox } = await alarmAccount();
    const plan = await planAlarms({
      files: filesOf({ ...setWith(ERRORS), ...mute(NIGHTLY) }),
      inventory: { stages: [stage('orders', scope)], complete: true, problems: [], readMs: 0 },
      clients,
      scopes: [scope],
      muteRules: false,
      signal,
    });
    expect(plan.changes.map((change) => 'desired' in change && change.desired.key.type)).toEqual([
      'metric_alarm',
    ]);
    expect(plan.expansion.refusals).toMatchObject([
      {
        id: 'night',
        reason: expect.stringContaining('alarms.muteRules is false'),
        file: 'night.yaml',
        line: 4,
      },
    ]);
    expect(sandbox.counts.get('aws.ListAlarmMuteRules')).toBe(0);
  });

  it('that cannot be listed leave the Region unknown, not empty', async () => {
    const account = await alarmAccount();
    await account.apply([rule(['impact']), ...alarms]);
    // As in a Region that has no such operation: the other calls are answered.
    const clients = {
      ...account.clients,
      listMutes: (call: Parameters<typeof account.clients.listMutes>[0]) => {
        account.sandbox.replaceFaults(parseFaults('aws-outage'));
        return account.clients.listMutes(call);
      },
    };
    const { signal } = account;
    const { observed, partial } = await observeAlarms({
      clients,
      workspace: WORKSPACE,
      scopes: [scope],
      desired: alarms,
      signal,
    });
    expect(observed).toEqual([]);
    expect([...partial.values()]).toEqual([expect.stringContaining('set alarms.muteRules: false')]);
  });
});

describe('mute rules without AWS', () => {
  const validated = (match: string) => {
    const files = filesOf({
      ...setWith(ERRORS),
      ...mute(`${NIGHTLY}, match: { ${match} }`),
    });
    return expandAlarms(files, { stages: sampleStages(files), complete: true }).problems;
  };

  it('may name an API and a stage that only AWS knows', () => {
    expect(validated('api: orders-api, stage: test')).toEqual([]);
    expect(validated('api: orders-api, severity: tickets')).toMatchObject([{ path: 'spec.match' }]);
  });
});
