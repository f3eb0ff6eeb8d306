import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StageInventory } from '../../src/model/inventory.ts';
import type { WorldSeries } from '../../src/sandbox/world.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { central, historyFromMs, historyToMs, region, smallWorld } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { ERRORS, expand, stage } from './files.ts';
import { runAlarmsCommand, sandboxAlarmClients, writeAlarmsConfig } from './sandbox-clients.ts';

const MINUTE = 60_000;
const PLACE = { account: central, region };

const set = (forEach: string, alarms = ERRORS) => `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: ${forEach}
  alarms:
    - ${alarms}
`;

const rest = (id: string, name: string, metricsEnabled: boolean) => ({
  ...PLACE,
  api: { id, name, tags: {} },
  stages: [{ stageName: 'prod', methodSettings: { '*/*': { metricsEnabled } }, tags: {} }],
  authorizers: [],
  resources: [
    {
      id: 'r1',
      path: '/orders/{id}',
      resourceMethods: {
        GET: { httpMethod: 'GET', authorizationType: 'NONE' },
        PUT: { httpMethod: 'PUT', authorizationType: 'NONE' },
      },
    },
  ],
});

const v2 = (apiId: string, name: string, protocolType: string, routes: readonly string[]) => ({
  ...PLACE,
  api: { apiId, name, protocolType, tags: {} },
  stages: [{ stageName: 'prod', defaultRouteSettings: { detailedMetricsEnabled: true }, tags: {} }],
  authorizers: [],
  routes: routes.map((routeKey, index) => ({ routeId: `r${index}`, routeKey, authorizationType: 'NONE' })),
});

const series = (metricName: string, dimensions: Readonly<Record<string, string>>): WorldSeries => ({
  ...PLACE,
  namespace: 'AWS/ApiGateway',
  metricName,
  dimensions: { ...dimensions, Stage: 'prod' },
});

/** The one route of each protocol that fails; its siblings answer well. */
const FAILING = [
  series('5XXError', { ApiName: 'orders', Method: 'GET', Resource: '/orders/{id}' }),
  series('5xx', { ApiId: 'pay1', Method: 'POST', Resource: '/payments' }),
  series('ExecutionError', { ApiId: 'chat1', Route: '$default' }),
];
const FINE = [
  series('5XXError', { ApiName: 'orders', Method: 'PUT', Resource: '/orders/{id}' }),
  series('5xx', { ApiId: 'pay1', Method: 'GET', Resource: '/payments' }),
  series('ExecutionError', { ApiId: 'chat1', Route: 'sendMessage' }),
];

/** A sandbox whose stages publish metrics of their routes, but for the stage of `quiet`. */
async function routedSandbox(forEach: string) {
  const clock = { nowMs: historyFromMs + 30 * MINUTE };
  const world = {
    ...smallWorld(),
    restApis: [rest('ord1', 'orders', true), rest('qui1', 'quiet', false)],
    v2Apis: [
      v2('pay1', 'pay', 'HTTP', ['POST /payments', 'GET /payments']),
      v2('chat1', 'chat', 'WEBSOCKET', ['$default', 'sendMessage']),
    ],
    series: [...FAILING, ...FINE],
    points: (of: WorldSeries, _stat: string, periodS: number, fromMs: number, toMs: number) => {
      const value = FAILING.some(
        (failing) => JSON.stringify(failing.dimensions) === JSON.stringify(of.dimensions),
      )
        ? 1
        : 0;
      const from = Math.max(fromMs, historyFromMs);
      const count = Math.max(0, Math.floor((Math.min(toMs, historyToMs) - from) / (periodS * 1_000)));
      return Array.from({ length: count }, (_, index) => ({
        timestampMs: from + index * periodS * 1_000,
        value,
      }));
    },
  };
  const sandbox = await startedSandbox({ world, clock: { now: () => clock.nowMs } });
  closing({ close: pointSdkAt(sandbox.port) });
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-routes-'));
  closing({ close: () => rmSync(folder, { recursive: true }) });
  writeAlarmsConfig(folder);
  mkdirSync(join(folder, 'alarms'));
  writeFileSync(join(folder, 'alarms', 'core.yaml'), set(forEach));
  const clients = closing(sandboxAlarmClients());
  return {
    alarms: (...args: readonly string[]) => runAlarmsCommand(folder, () => clock.nowMs, args),
    step: (minutes: number) => {
      clock.nowMs += minutes * MINUTE;
    },
    states: async () => {
      const states: Record<string, string> = {};
      for await (const page of clients.describeAlarms({ ...PLACE, signal: new AbortController().signal })) {
        for (const alarm of page) states[alarm.name] = alarm.state;
      }
      return states;
    },
  };
}

describe('alarms of routes, against the sandbox', () => {
  it('fire for the route that fails, in each protocol, and for no other', async () => {
    const { alarms, step, states } = await routedSandbox('{ source: routes }');
    const plan = await alarms('plan');
    expect(plan.out).toContain('6 to add');
    // Two routes lack it for one reason: that is one line.
    expect(plan.out.match(/x refused/g)).toHaveLength(1);
    expect(plan.out).toMatch(
      /core\/errors\[quiet\/prod\] +x refused +stage quiet\/prod publishes metrics of the whole stage only: turn detailed metrics on \(metricsEnabled/,
    );
    expect(await alarms('apply', '--yes')).toMatchObject({ code: 0 });
    step(1);
    await states();
    step(1);
    expect(await states()).toEqual({
      'core/orders/prod GET /orders/{id}/errors': 'ALARM',
      'core/orders/prod PUT /orders/{id}/errors': 'OK',
      'core/pay/prod POST /payments/errors': 'ALARM',
      'core/pay/prod GET /payments/errors': 'OK',
      'core/chat/prod $default/errors': 'ALARM',
      'core/chat/prod sendMessage/errors': 'OK',
    });
    expect((await alarms('plan')).out).toContain('Nothing to change.');
  });

  it('are made for the places of a list alone, and a place that does not exist is told', async () => {
    const { alarms, states } = await routedSandbox(
      '{ source: list, values: [pay/prod POST /payments, { api: ord1, stage: prod, route: "GET /orders/{id}" }] }',
    );
    expect(await alarms('apply', '--yes')).toMatchObject({ code: 0 });
    expect(Object.keys(await states()).sort()).toEqual([
      'core/orders/prod GET /orders/{id}/errors',
      'core/pay/prod POST /payments/errors',
    ]);
    const typo = await routedSandbox('{ source: list, values: [pay/prod, ordrs/prod] }');
    const { err, code } = await typo.alarms('plan');
    expect(code).toBe(1);
    expect(err).toMatch(
      /alarms\/core\.yaml:5:\d+ +spec\.for_each\.values\[1\] +expected a stage .* that exists, got ordrs\/prod, which is none; did you mean orders\/prod\?/,
    );
  });
});

describe('for_each', () => {
  const ids = (forEach: string, stages: readonly StageInventory[], alarms = ERRORS) =>
    expand({ 'core.yaml': set(forEach, alarms) }, ...stages).instances.map(({ id }) => id);
  const routes = { 'GET /orders': 'none', 'PUT /orders': 'none' };

  it('gives an item of a list variables of its own', () => {
    const { instances } = expand(
      {
        'core.yaml': set(
          '{ source: list, values: [{ api: orders, stage: prod, vars: { limit: 0.5 } }, { api: pay, stage: prod, vars: { limit: 0.1 } }] }',
          ERRORS.replace('0.05', '"${vars.limit}"'),
        ),
      },
      stage('orders'),
      stage('pay'),
    );
    expect(instances.map(({ resource }) => resource.properties.Threshold)).toEqual([0.5, 0.1]);
  });

  it('takes a name that stands in two Regions for both, unless the item says which', () => {
    const stages = [stage('orders'), stage('orders', { region: 'eu-central-1' })];
    const regions = (values: string) =>
      expand({ 'core.yaml': set(`{ source: list, values: [${values}] }`) }, ...stages).instances.map(
        ({ resource }) => resource.key.region,
      );
    expect(regions('orders/prod')).toEqual(['eu-west-1', 'eu-central-1']);
    expect(regions('{ api: orders, stage: prod, region: eu-central-1 }')).toEqual(['eu-central-1']);
  });

  it('leaves a route out that is excluded with its stage, and APIs that opted out', () => {
    const stages = [stage('orders', { routes }), stage('b', { routes, tags: { 'gatewatch/ignore': 'yes' } })];
    expect(ids('{ source: routes }', stages)).toEqual([
      'core/errors[orders/prod GET /orders]',
      'core/errors[orders/prod PUT /orders]',
    ]);
    expect(ids('{ source: routes, exclude: [{ name: orders }], on_empty: ok }', stages)).toEqual([]);
  });

  it('refuses a signal of the access log for a route: it is counted for the whole stage', () => {
    const throttles = ERRORS.replace('errors.server', 'throttles').replace('Average', 'Sum');
    const { refusals } = expand(
      { 'core.yaml': set('{ source: routes }', throttles) },
      stage('orders', { routes }),
    );
    expect(refusals).toMatchObject([
      {
        id: 'core/errors[orders/prod]',
        reason: expect.stringContaining('move it to a set with for_each.source: stages'),
      },
    ]);
  });

  it.each([
    ['{ source: list }', /spec\.for_each\.values .*got nothing; add values/],
    ['{ source: list, values: [] }', /spec\.for_each\.values .*at least 1 entry/],
    ['{ source: list, values: [{ api: orders }] }', /spec\.for_each\.values\[0\]/],
    [
      '{ source: list, values: [{ api: orders, stage: prod, rout: x }] }',
      /unknown option rout; did you mean route\?/,
    ],
    ['{ source: list, values: [a/b], match: { name: x } }', /unknown option match/],
    ['{ source: stages, values: [a/b] }', /unknown option values/],
    ['{ source: stage }', /did you mean stages\?/],
  ])('refuses %s', (forEach, message) => {
    expect(() => ids(forEach, [stage('orders')])).toThrow(message);
  });
});
