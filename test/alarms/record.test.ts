import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { at, backtestRig, DEFAULTS, ERRORS, IMPACT, type Minute, setOf, within } from './backtest-rig.ts';

const GUARDED = ERRORS.replace(' }', ', min_samples: 20 }');
const SLOW =
  '{ id: slow, metric: latency, ExtendedStatistic: p99, Period: 300, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 2, EvaluateLowSampleCountPercentile: ignore }';
const RULE = IMPACT.replace('ALARM(errors)', 'ALARM(errors) OR ALARM(slow)');
const FILES = { '_defaults.yaml': DEFAULTS, 'core.yaml': setOf(GUARDED, SLOW, RULE) };

/** Errors from 10:00 to 10:20, slow from 09:52 to 10:25, and a minute without a request. */
function outage(minuteMs: number): Minute | undefined {
  if (minuteMs === at(10, 30)) return undefined;
  const failed = within(minuteMs, at(10), 20) ? 150 : 0;
  return { requests: 600, failed, latencyMs: within(minuteMs, at(9, 52), 33) ? 8_000 : 120 };
}

const TEST = `apiVersion: gatewatch/v1
kind: AlarmTest
metadata: { name: outage }
spec:
  files: [core.yaml]
  tests:
    - name: the outage of the sixteenth
      recording: fixtures/outage.json
      alarm_test:
        - { alarm: errors, strict: true, exp_transitions: [{ at: 33m, to: ALARM }, { at: 51m, to: OK }] }
        - { alarm: slow, strict: true, exp_transitions: [{ at: 28m, to: ALARM }, { at: 60m, to: OK }] }
        - { alarm: impact, must_fire_within: 10m, max_fires: 1 }
`;

it('records a real incident that is then a test, which fails when alarms no longer see it', async () => {
  const rig = await backtestRig(outage, FILES);
  const recorded = await rig.run(
    ...['record', 'core/impact[orders/prod]', '--from', '2026-11-16T09:30Z', '--to', '2026-11-16T11:00Z'],
    ...['--incident', '2026-11-16T09:50Z', '-o', 'alarms/fixtures/outage.json'],
  );
  expect(recorded).toMatchObject({ code: 0, out: 'Recorded 90 minutes into alarms/fixtures/outage.json.\n' });
  const recording = JSON.parse(readFileSync(join(rig.folder, 'alarms/fixtures/outage.json'), 'utf8'));
  const named = recording.series.map(
    (one: { series: string; statistic: string }) => `${one.series} ${one.statistic}`,
  );
  expect(named.sort()).toEqual([
    'errors.server Average',
    'errors.server SampleCount',
    'latency SampleCount',
    'latency p99',
    'requests SampleCount',
  ]);
  rig.write('alarms/core.test.yaml', TEST);
  expect(await rig.run('test')).toMatchObject({ code: 0, out: expect.stringContaining('0 failed') });
  // The same as a backtest over the same time says, which takes a minute more to have the data.
  const { out } = await rig.run('backtest', '--since', '3h', '--json');
  const fired = new Map(
    JSON.parse(out).alarms.map((one: { id: string; outcome: { noise: { firedAtMs: number[] } } }) => [
      one.id,
      one.outcome.noise.firedAtMs,
    ]),
  );
  expect(fired.get('core/errors[orders/prod]')).toEqual([at(10, 4)]);
  expect(fired.get('core/slow[orders/prod]')).toEqual([at(9, 59)]);
  rig.write('alarms/core.yaml', FILES['core.yaml'].replace('0.05', '0.5').replace('5000', '9000'));
  expect(await rig.run('test')).toMatchObject({
    code: 1,
    out: expect.stringContaining('expected to fire within 10m of the incident, got never'),
  });
});

it('tells as JSON what it wrote: the file, its minutes, and every alarm whose metrics are in it', async () => {
  const rig = await backtestRig(outage, FILES);
  const recorded = await rig.run(
    ...['record', 'core/impact[orders/prod]', '--from', '2h', '--to', '100m'],
    ...['-o', 'alarms/fixtures/outage.json', '--json'],
  );
  expect(recorded.code).toBe(0);
  expect(JSON.parse(recorded.out)).toEqual({
    file: 'alarms/fixtures/outage.json',
    minutes: 20,
    alarms: ['core/impact[orders/prod]', 'core/errors[orders/prod]', 'core/slow[orders/prod]'],
  });
  const recording = JSON.parse(readFileSync(join(rig.folder, 'alarms/fixtures/outage.json'), 'utf8'));
  expect(recording).toMatchObject({ each: { stage: 'prod' } });
});

it('refuses a span that CloudWatch does not have yet, or no longer', async () => {
  const rig = await backtestRig(outage, FILES);
  const refused = async (from: string, to: string) =>
    (await rig.run('record', 'core/errors[orders/prod]', '--from', from, '--to', to, '-o', 'x.json')).err;
  expect(await refused('2026-11-16T10:00Z', '2026-11-16T09:00Z')).toContain('Expected --from before --to');
  expect(await refused('2026-11-16T10:00Z', '2026-11-16T12:19Z')).toContain(
    'at least a quarter of an hour ago',
  );
  expect(await refused('2026-10-16T10:00Z', '2026-11-16T10:00Z')).toContain('within the last 15 days');
  expect(await refused('yesterday', '2026-11-16T10:00Z')).toContain('Expected --from to be a time');
});

it('says inconclusive, not passed, of a test that rests on what AWS leaves open', async () => {
  const rig = await backtestRig(outage, {
    ...FILES,
    'core.yaml': setOf(ERRORS.replace(' }', ', DatapointsToAlarm: 2, TreatMissingData: missing }'), IMPACT),
    'core.test.yaml': `apiVersion: gatewatch/v1
kind: AlarmTest
metadata: { name: gaps }
spec:
  files: [core.yaml]
  tests:
    - name: one bad minute among gaps
      input_series:
        - { series: errors.server, stat: Average, values: "0x4 _x3 1 _x4" }
        - { series: errors.server, stat: SampleCount, values: "9x4 _x3 9 _x4" }
      alarm_test: [{ alarm: impact, max_fires: 1 }]
`,
  });
  const { out, code } = await rig.run('test');
  expect(out).toMatch(/inconclusive[\s\S]*one bad minute among gaps[\s\S]*AWS does not say what/);
  expect(code).toBe(1);
});

it('says inconclusive of a page whose suppressor is nobody of the files', async () => {
  const rig = await backtestRig(outage, {
    ...FILES,
    'core.yaml': setOf(
      ERRORS,
      IMPACT.replace('severity: page', 'severity: page, suppress: { by: their-deploy }'),
    ),
    'core.test.yaml': `apiVersion: gatewatch/v1
kind: AlarmTest
metadata: { name: suppressed }
spec:
  files: [core.yaml]
  tests:
    - name: errors page
      input_series:
        - { series: errors.server, stat: Average, values: "0x4 1x9" }
        - { series: errors.server, stat: SampleCount, values: "99x13" }
      alarm_test: [{ alarm: impact, max_fires: 1 }, { alarm: errors, max_fires: 1 }]
`,
  });
  const { out, code } = await rig.run('test');
  expect(out).toMatch(/inconclusive +errors page[\s\S]*state of its suppressor their-deploy is not known/);
  expect(code).toBe(1);
  expect((await rig.run('backtest', '--since', '4h')).out).toMatch(
    /core\/impact.*inconclusive: AWS leaves|core\/impact.*inconclusive/,
  );
});
