import { describe, expect, it } from 'vitest';
import { runAlarmTests } from '../../src/alarms/testing/alarm-tests.ts';
import { generatedTests } from '../../src/alarms/testing/generated-tests.ts';
import { readRecording, writeRecording } from '../../src/alarms/testing/recording.ts';
import { parseSeries } from '../../src/alarms/testing/series-notation.ts';
import { ERRORS, exampleFiles, expand, filesOf, setWith, stage } from './files.ts';

const _ = undefined;

function testFile(body: string): Readonly<Record<string, string>> {
  return {
    ...setWith(ERRORS.replace('EvaluationPeriods: 3', 'EvaluationPeriods: 3, DatapointsToAlarm: 2')),
    'core.test.yaml': `apiVersion: gatewatch/v1
kind: AlarmTest
metadata: { name: t }
spec:
  files: [core.yaml]
  tests:
    - name: the test
      each: { api: { name: orders }, stage: prod }
${body}`,
  };
}

function outcomeOf(body: string, recording = '') {
  const [result] = runAlarmTests(filesOf(testFile(body)), () => recording);
  return result?.outcome;
}

const series = (values: string) =>
  `      input_series: [{ series: errors.server, stat: Average, values: "${values}" }]\n`;

describe('parseSeries', () => {
  it.each<[string, readonly (number | undefined)[]]>([
    ['1 2.5 _ -3', [1, 2.5, _, -3]],
    ['0x3', [0, 0, 0, 0]],
    ['1+2x3', [1, 3, 5, 7]],
    ['10-5x2', [10, 5, 0]],
    ['_x3 1', [_, _, _, 1]],
  ])('reads %s as promtool does', (text, expected) => {
    expect(parseSeries(text)).toEqual(expected);
  });

  it.each(['1,2', 'x4', '1+x2', 'NaN', '1x-1'])('refuses %s', (text) => {
    expect(() => parseSeries(text)).toThrow(/Expected samples such as/);
  });
});

describe('runAlarmTests', () => {
  it('passes the tests of the example set', () => {
    const results = runAlarmTests(filesOf(exampleFiles()), () => '');
    expect(results.map(({ name, outcome }) => [name, outcome.kind])).toEqual(
      results.map(({ name }) => [name, 'passed']),
    );
    expect(results.length).toBeGreaterThanOrEqual(4);
  });

  it('says what it expected and what it got', () => {
    expect(
      outcomeOf(
        `${series('0x4 1x9')}      alarm_test: [{ alarm: errors, exp_transitions: [{ at: 9m, to: ALARM }] }]\n`,
      ),
    ).toEqual({
      kind: 'failed',
      reasons: ['errors: expected ALARM at 9m, got ALARM at 7m'],
    });
    expect(
      outcomeOf(`${series('0x4 1x9')}      alarm_test: [{ alarm: errors, max_fires: 0 }]\n`),
    ).toMatchObject({
      reasons: ['errors: expected at most 0 firings, got 1 (7m)'],
    });
    expect(
      outcomeOf(`${series('0x9')}      alarm_test: [{ alarm: errors, must_fire_within: 5m }]\n`),
    ).toMatchObject({
      reasons: ['errors: expected to fire within 5m of the incident, got never'],
    });
  });

  it('ignores other transitions unless it is strict', () => {
    const expected = 'exp_transitions: [{ at: 7m, to: ALARM }]';
    const values = series('0x4 1x5 0x9');
    expect(outcomeOf(`${values}      alarm_test: [{ alarm: errors, ${expected} }]\n`)).toEqual({
      kind: 'passed',
    });
    expect(
      outcomeOf(`${values}      alarm_test: [{ alarm: errors, ${expected}, strict: true }]\n`),
    ).toMatchObject({
      kind: 'failed',
    });
  });

  it('fails a test of an alarm that no series feeds, instead of passing it on silence', () => {
    const body = `      input_series: [{ series: latency, stat: p99, values: "0x9" }]\n      alarm_test: [{ alarm: errors, max_fires: 0 }]\n`;
    expect(outcomeOf(body)).toMatchObject({
      kind: 'failed',
      reasons: [expect.stringContaining('Expected a series for errors.server Average, got latency p99')],
    });
  });

  it('fails a test of an alarm that does not exist, naming those that do', () => {
    expect(outcomeOf(`${series('0x9')}      alarm_test: [{ alarm: erors, max_fires: 0 }]\n`)).toMatchObject({
      reasons: [expect.stringContaining('core/errors')],
    });
  });

  it('calls a test inconclusive that rests on what AWS leaves open', () => {
    const files = testFile(`${series('0x9 1 _x9')}      alarm_test: [{ alarm: errors, max_fires: 5 }]\n`);
    const missing = {
      ...files,
      'core.yaml': (files['core.yaml'] ?? '').replace(
        'DatapointsToAlarm: 2',
        'DatapointsToAlarm: 2, TreatMissingData: missing',
      ),
    };
    const [result] = runAlarmTests(filesOf(missing), () => '');
    expect(result?.outcome).toMatchObject({
      kind: 'inconclusive',
      reasons: [expect.stringContaining('AWS does not say')],
    });
  });

  it('runs a recording, counting from the incident in it', () => {
    const recording = writeRecording({
      each: { api: { name: 'orders', id: 'x', protocol: 'REST' }, stage: 'prod' },
      startMs: Date.parse('2026-11-03T10:00:00Z'),
      incidentMs: 5 * 60_000,
      series: [{ series: 'errors.server', statistic: 'Average', samples: parseSeries('0x4 1x20') }],
    });
    expect(readRecording(recording).series[0]?.samples).toHaveLength(26);
    const body = (within: string) =>
      `      recording: outage.json\n      alarm_test: [{ alarm: errors, must_fire_within: ${within}, max_fires: 1 }]\n`;
    expect(outcomeOf(body('2m'), recording)).toEqual({ kind: 'passed' });
    expect(outcomeOf(body('1m'), recording)).toMatchObject({
      reasons: ['errors: expected to fire within 1m of the incident, got after 2m'],
    });
    expect(outcomeOf(body('2m'), '{"version":2}')).toMatchObject({
      reasons: [expect.stringContaining('alarms record')],
    });
  });
});

describe('generatedTests', () => {
  const failures = (alarm: string) =>
    expand(setWith(alarm), stage('orders'))
      .instances.flatMap(generatedTests)
      .filter(({ failure }) => failure !== undefined);

  it('holds for every alarm of the example set', () => {
    const { instances } = expand(
      exampleFiles(),
      stage('orders-api'),
      stage('chat', { protocol: 'WEBSOCKET' }),
    );
    const results = instances.flatMap(generatedTests);
    expect(results.length).toBeGreaterThan(40);
    expect(results.filter(({ failure }) => failure !== undefined)).toEqual([]);
  });

  it('finds a page that one bad minute makes', () => {
    const jumpy = ERRORS.replace(
      'EvaluationPeriods: 3',
      'EvaluationPeriods: 3, DatapointsToAlarm: 1, severity: page',
    );
    expect(failures(jumpy)).toMatchObject([
      { check: 'one_bad_point', failure: expect.stringContaining('one bad period of 1m fires') },
    ]);
  });

  it('finds an alarm that can never fire', () => {
    const never = ERRORS.replace('EvaluationPeriods: 3', 'EvaluationPeriods: 3, DatapointsToAlarm: 4');
    expect(failures(never)).toMatchObject([
      { check: 'sustained_breach', failure: 'a breach that lasts never fires' },
    ]);
  });
});
