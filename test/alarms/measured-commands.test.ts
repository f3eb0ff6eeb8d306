import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseFaults } from '../../src/sandbox/faults.ts';
import type { WorldSeries } from '../../src/sandbox/world.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { central, historyToMs, region, smallWorld } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { ERRORS } from './files.ts';
import { runAlarmsCommand, writeAlarmsConfig } from './sandbox-clients.ts';

const PLACE = { account: central, region };
const LATENCY =
  '{ id: p99, metric: latency, ExtendedStatistic: p99, Threshold: 5000, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3, severity: ticket }';
const CLIENT = ERRORS.replace('id: errors', 'id: client').replace('errors.server', 'errors.client');

/** Every API is called after what is the matter with it. */
const APIS = ['covered', 'missing', 'muted', 'silent', 'unheard'] as const;

const core = (alarms: readonly string[]) => `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages, exclude: [{ name: missing }] }
  defaults: { severity: ticket }
  alarms:
${alarms.map((alarm) => `    - ${alarm}\n`).join('')}`;

const ROUTING = `apiVersion: gatewatch/v1
kind: Routing
metadata: { name: r }
spec:
  receivers:
    - { name: backlog, sns: "arn:aws:sns:${region}:${central}:backlog" }
    - { name: unheard, sns: "arn:aws:sns:${region}:${central}:unheard" }
  route:
    receiver: backlog
    routes: [{ matchers: ['api="unheard"'], receiver: unheard }]
`;
const MUTE = `apiVersion: gatewatch/v1
kind: MuteRule
metadata: { name: nights }
spec: { schedule: "cron(0 2 * * *)", duration: PT4H, match: { api: muted } }
`;

function seriesOf(api: string): readonly WorldSeries[] {
  if (api === 'silent') return [];
  return ['Count', '5XXError', '4XXError', 'Latency'].map((metricName) => ({
    ...PLACE,
    namespace: 'AWS/ApiGateway',
    metricName,
    dimensions: { ApiName: api, Stage: 'prod' },
  }));
}

/** Fifty requests a minute for each API that has any. */
async function measuredSandbox(alarms: readonly string[]) {
  const world = {
    ...smallWorld(),
    restApis: APIS.map((name) => ({
      ...PLACE,
      api: { id: `id-${name}`, name, tags: {} },
      stages: [{ stageName: 'prod', tags: {} }],
      authorizers: [],
      resources: [],
    })),
    v2Apis: [],
    series: APIS.flatMap(seriesOf),
    points: (_: WorldSeries, stat: string, periodS: number, fromMs: number, toMs: number) => {
      const value = stat === 'SampleCount' ? (50 * periodS) / 60 : 0;
      const count = Math.floor((toMs - fromMs) / (periodS * 1_000));
      return Array.from({ length: count }, (_unused, index) => ({
        timestampMs: fromMs + index * periodS * 1_000,
        value,
      }));
    },
  };
  const sandbox = await startedSandbox({ world, clock: { now: () => historyToMs } });
  closing({ close: pointSdkAt(sandbox.port) });
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-measured-'));
  closing({ close: () => rmSync(folder, { recursive: true }) });
  writeAlarmsConfig(folder);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write('alarms/core.yaml', core(alarms));
  write('alarms/routing.yaml', ROUTING);
  write('alarms/mutes.yaml', MUTE);
  const run = (...args: readonly string[]) => runAlarmsCommand(folder, () => historyToMs, args);
  return { sandbox, run, write };
}

describe('gatewatch alarms coverage', () => {
  it('tells covered, missing, muted, never had data and nobody subscribed apart', async () => {
    const { run } = await measuredSandbox([ERRORS, CLIENT, LATENCY]);
    const { out, code } = await run('coverage', '--json');
    const { cells }: { cells: { api: string; expected: string; state: string }[] } = JSON.parse(out);
    const states = cells.filter(({ expected }) => expected === 'errors.server');
    expect(Object.fromEntries(states.map(({ api, state }) => [api, state]))).toEqual({
      covered: 'covered',
      missing: 'missing',
      muted: 'muted',
      silent: 'never_had_data',
      unheard: 'nobody_subscribed',
    });
    expect(code).toBe(2);
    expect((await run('coverage')).out).toMatch(
      /silent\/prod \(.*\) +0 of \d covered +errors\.server: never had data; .*\n.*unheard\/prod .*errors\.server: NOBODY SUBSCRIBED/,
    );
  });

  it('says which topic nobody could look at, and calls what it tells unheard', async () => {
    const { run, write } = await measuredSandbox([ERRORS]);
    write('alarms/routing.yaml', ROUTING.replace(':backlog"', ':backlogs"'));
    const { out } = await run('coverage', '--json');
    const { cells }: { cells: { api: string; expected: string; state: string }[] } = JSON.parse(out);
    expect(cells.find(({ api }) => api === 'covered')).toMatchObject({ state: 'nobody_subscribed' });
  });
});

it('coverage of APIs that could not be listed is an error, not nothing to cover', async () => {
  const { sandbox, run } = await measuredSandbox([ERRORS]);
  sandbox.replaceFaults(parseFaults('aws-outage'));
  expect(await run('coverage')).toMatchObject({ code: 1, out: expect.stringContaining('0 of 0 covered') });
});

it('drift, plan and cost of APIs that could not be listed speak of what could be read alone', async () => {
  const { sandbox, run } = await measuredSandbox([ERRORS]);
  sandbox.replaceFaults(parseFaults('aws-outage'));
  const drift = await run('drift');
  expect(drift.out).toMatch(/^not compared whole in \d{12}\/eu-west-1: .+\nNo drift in what could be read; /);
  expect(drift.code).toBe(1);
  expect(await run('plan')).toMatchObject({
    code: 1,
    out: expect.stringContaining('Nothing to change in what could be read.'),
  });
  expect(await run('cost')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/total \$0\.00 a month .*, without what could not be listed\n$/),
  });
});

describe('what the linter measures', () => {
  it('is asked for in one call, and shows in plan and coverage', async () => {
    const { sandbox, run } = await measuredSandbox([ERRORS, LATENCY]);
    const plan = await run('plan');
    expect(sandbox.counts.get('aws.GetMetricData')).toBe(1);
    expect(plan.err).toMatch(
      /alarms\/core\.yaml:9 +core\/p99\[covered\/prod\] and 3 more +warning: expected at least 1000 requests in a period for p99, got about 50 at the measured traffic: .*; a period of 20 minutes would do \[thin-percentile\]/,
    );
    expect(plan.err).toMatch(
      /core\/errors\[silent\/prod\] +error: .*the alarm looks at nothing; .* \[dead-metric\]/,
    );
    expect(plan.err).not.toContain('errors[covered/prod]');
    expect(plan.code).toBe(2);
    const findings = (text: string): { rule: string }[] => JSON.parse(text).findings;
    const rules = findings((await run('plan', '--json')).out).map(({ rule }) => rule);
    expect(new Set(rules)).toEqual(new Set(['dead-metric', 'thin-percentile']));
    expect(findings((await run('coverage', '--json')).out).map(({ rule }) => rule)).toEqual(rules);
  });

  it('is not asked for where no alarm looks at a percentile', async () => {
    const { sandbox, run } = await measuredSandbox([ERRORS]);
    await run('plan');
    expect(sandbox.counts.get('aws.GetMetricData')).toBe(0);
  });
});

describe('a name that is nobody’s', () => {
  it.each([
    [
      'ALARM(errors) OR ALARM("gone for good")',
      '',
      /the rule of core\/impact\[covered\/prod\] .* got gone for good \(core\.yaml:9\)/,
    ],
    [
      'ALARM(errors)',
      ', suppress: { by: deploy-in-progres }',
      /suppress\.by of core\/impact\[covered\/prod\] .* got deploy-in-progres/,
    ],
  ])('in %s %s ends the plan before anything is written', async (rule, more, words) => {
    const { run } = await measuredSandbox([ERRORS, `{ id: impact, rule: '${rule}'${more} }`]);
    const { code, err } = await run('plan');
    expect(code).toBe(1);
    expect(err).toMatch(words);
    expect(err).toContain('correct the name, or make that alarm first');
  });
});
