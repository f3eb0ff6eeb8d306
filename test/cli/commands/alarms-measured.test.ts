import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runAlarmsCommand, writeAlarmsConfig } from '../../alarms/sandbox-clients.ts';
import { pointSdkAt } from '../../aws/aws-stub.ts';
import { central, historyToMs, region, smallWorld } from '../../sandbox/small-world.ts';
import { closing, startedSandbox } from '../../sandbox/started-sandbox.ts';

const MINUTE = 60_000;
const FILE = `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages, match: { name: "*-0" } }
  alarms:
    - { id: near, use: apigw/near-timeout }
    - { id: drop, use: apigw/traffic-drop }
`;

/** `orders-0` has a hundred requests a minute and an integration of 20 s, `pay-0` one of 4 s and no traffic. */
function measuredWorld() {
  const world = smallWorld();
  const series = {
    account: central,
    region,
    namespace: 'AWS/ApiGateway',
    metricName: 'Count',
    dimensions: { ApiName: 'orders-0', Stage: 'prod' },
  };
  const methodIntegration = { timeoutInMillis: 20_000 };
  const resources = [
    { id: 'r', path: '/', resourceMethods: { GET: { httpMethod: 'GET', methodIntegration } } },
  ];
  const routes = [
    { routeId: 'x', routeKey: 'GET /pay', authorizationType: 'NONE', target: 'integrations/i' },
  ];
  const integrations = [{ integrationId: 'i', timeoutInMillis: 4_000 }];
  return {
    ...world,
    series: [...world.series, series],
    restApis: world.restApis.map((api) => ({ ...api, resources })),
    v2Apis: world.v2Apis.map((api) => ({ ...api, routes, integrations })),
    points: (...[asked, stat, periodS, fromMs, toMs]: Parameters<typeof world.points>) =>
      asked.metricName === 'Count' && stat === 'SampleCount'
        ? Array.from({ length: (toMs - fromMs) / (periodS * 1_000) }, (_, n) => ({
            timestampMs: fromMs + n * periodS * 1_000,
            value: 100,
          }))
        : [],
  };
}

it('measures thresholds by the time integrations may take and by the traffic there was, or says why it cannot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-measured-'));
  closing({ close: () => rmSync(folder, { recursive: true, force: true }) });
  writeAlarmsConfig(folder);
  mkdirSync(join(folder, 'alarms'));
  writeFileSync(join(folder, 'alarms', 'core.yaml'), FILE);
  const sandbox = await startedSandbox({ world: measuredWorld() });
  closing({ close: pointSdkAt(sandbox.port) });
  const alarms = (...args: readonly string[]) =>
    runAlarmsCommand(folder, () => historyToMs + 3 * MINUTE, args);
  const plan = await alarms('plan');
  expect(plan.out).toMatch(/core\/near\[orders-0\/prod\] +\+ create/);
  expect(plan.out).toMatch(/core\/drop\[orders-0\/prod\] +x refused +there is no baseline/);
  const explained = await alarms('explain', 'core/near[pay-0/$default]');
  expect(explained.out).toMatch(/Threshold +3600 /);
  expect((await alarms('explain', 'core/near[orders-0/prod]')).out).toMatch(/Threshold +18000 /);
  const { out, code } = await alarms('baseline', '--since', '1h');
  expect(code).toBe(0);
  expect(out).toContain('- { match: { id: "rest0", stage: "prod" }, vars: { traffic_baseline: 50 } }');
  expect(out).toContain('# pay-0/$default: no history');
  writeFileSync(join(folder, 'alarms', 'core.yaml'), `${FILE}  ${out.replaceAll('\n', '\n  ').trimEnd()}\n`);
  expect((await alarms('explain', 'core/drop[orders-0/prod]')).out).toMatch(/Threshold +50 /);
  expect(await alarms('baseline', '--since', '15d')).toMatchObject({
    code: 1,
    err: expect.stringContaining('14d'),
  });
});
