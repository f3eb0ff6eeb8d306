import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AlarmsHost } from '../../src/cli/alarms/alarm-session.ts';
import type { World, WorldPoint } from '../../src/sandbox/world.ts';
import { pointSdkAt } from '../aws/aws-stub.ts';
import { central, region, smallWorld } from '../sandbox/small-world.ts';
import { closing, startedSandbox } from '../sandbox/started-sandbox.ts';
import { runAlarmsCommand, writeAlarmsConfig } from './sandbox-clients.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** A Monday. */
export const NOW_MS = Date.UTC(2026, 10, 16, 12, 20);

/** One minute of an API: its requests, how many of them failed, and how slow the slowest was. */
export interface Minute {
  readonly requests: number;
  readonly failed?: number;
  readonly latencyMs?: number;
}

/** What the API did in the minute that begins then; `undefined`: nobody called it. */
export type Story = (minuteMs: number) => Minute | undefined;

export const FORMAT =
  '{"requestId":"$context.requestId","apiId":"$context.apiId","stage":"$context.stage","status":"$context.status",' +
  '"type":"$context.error.responseType","authorizerMs":"$context.authorizer.latency","time":"$context.requestTimeEpoch"}';
export const LOG_GROUP = '/apigw/orders';
const AUTHORIZER = `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${region}:${central}:function:authz/invocations`;
const DIMENSIONS = { ApiName: 'orders', Stage: 'prod' };

/** A series that was read, page by page. */
export interface Asked {
  readonly metricName: string;
  readonly stat: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** One REST API with a Lambda authorizer and a JSON access log; its metrics tell the story. */
export function storyWorld(story: Story, asked: Asked[] = []): World {
  const names = ['Count', '5XXError', '4XXError', 'Latency', 'IntegrationLatency'];
  const base = { account: central, region, namespace: 'AWS/ApiGateway', dimensions: DIMENSIONS };
  return {
    ...smallWorld(),
    restApis: [
      {
        account: central,
        region,
        api: { id: 'a1', name: 'orders', createdDate: 1, tags: {} },
        stages: [
          {
            stageName: 'prod',
            accessLogSettings: {
              format: FORMAT,
              destinationArn: `arn:aws:logs:${region}:${central}:log-group:${LOG_GROUP}`,
            },
          },
        ],
        authorizers: [{ id: 'auth1', name: 'token', type: 'TOKEN', authorizerUri: AUTHORIZER }],
        resources: [],
      },
    ],
    v2Apis: [],
    logGroups: [{ account: central, region, name: LOG_GROUP, events: [] }],
    series: names.map((metricName) => ({ ...base, metricName })),
    points: ({ metricName }, stat, periodS, fromMs, toMs, nowMs) => {
      asked.push({ metricName, stat, fromMs, toMs });
      return pointsOf(story, { metricName, stat, periodMs: periodS * 1_000 }, fromMs, Math.min(toMs, nowMs));
    },
    *truth() {},
  };
}

function pointsOf(
  story: Story,
  asked: { readonly metricName: string; readonly stat: string; readonly periodMs: number },
  fromMs: number,
  toMs: number,
): readonly WorldPoint[] {
  const points: WorldPoint[] = [];
  for (let atMs = Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS; atMs < toMs; atMs += asked.periodMs) {
    const minutes: Minute[] = [];
    for (let minute = atMs; minute < atMs + asked.periodMs; minute += MINUTE_MS) {
      const told = story(minute);
      if (told !== undefined && told.requests > 0) minutes.push(told);
    }
    if (minutes.length > 0) points.push({ timestampMs: atMs, value: statisticOf(minutes, asked) });
  }
  return points;
}

function statisticOf(
  minutes: readonly Minute[],
  { metricName, stat }: { readonly metricName: string; readonly stat: string },
): number {
  const sum = (of: (minute: Minute) => number) => minutes.reduce((total, minute) => total + of(minute), 0);
  const requests = sum((minute) => minute.requests);
  if (stat === 'SampleCount') return requests;
  if (metricName.endsWith('Latency')) return Math.max(...minutes.map(({ latencyMs = 100 }) => latencyMs));
  const failed = metricName === '5XXError' ? sum((minute) => minute.failed ?? 0) : 0;
  const total = metricName === 'Count' ? requests : failed;
  return stat === 'Average' ? total / requests : total;
}

/** A folder with a configuration and alarm files, and the commands over a sandbox that tells a story. */
export async function backtestRig(
  story: Story,
  files: Readonly<Record<string, string>>,
  host: Partial<AlarmsHost> = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-backtest-'));
  closing({ close: () => rmSync(folder, { recursive: true, force: true }) });
  writeAlarmsConfig(folder);
  const clock = { nowMs: NOW_MS };
  const asked: Asked[] = [];
  const sandbox = await startedSandbox({
    world: storyWorld(story, asked),
    clock: { now: () => clock.nowMs },
  });
  closing({ close: pointSdkAt(sandbox.port) });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [name, text] of Object.entries(files)) write(`alarms/${name}`, text);
  return {
    folder,
    sandbox,
    write,
    clock,
    asked,
    run: (...args: readonly string[]) => runAlarmsCommand(folder, () => clock.nowMs, args, host),
    metricReads: () => sandbox.counts.get('aws.GetMetricData'),
  };
}

export const DEFAULTS = `apiVersion: gatewatch/v1
kind: Defaults
metadata: { name: everywhere }
spec:
  workspace: test
  owner: payments
`;

/** One set over the stage. */
export function setOf(...alarms: readonly string[]): string {
  return `apiVersion: gatewatch/v1
kind: AlarmSet
metadata: { name: core }
spec:
  for_each: { source: stages }
  alarms:
${alarms.map((alarm) => `    - ${alarm}`).join('\n')}
`;
}

export const ERRORS =
  '{ id: errors, metric: errors.server, Statistic: Average, Threshold: 0.05, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 3 }';
export const IMPACT =
  '{ id: impact, rule: "ALARM(errors)", severity: page, annotations: { runbook_url: "https://r.example" } }';

/** Minutes since a time of day: `at(9, 30)` is today, `at(9, 30, 2)` the day before yesterday. */
export function at(hour: number, minute = 0, daysAgo = 0): number {
  return Date.UTC(2026, 10, 16 - daysAgo, hour, minute);
}

/** True in the minutes from a time on. */
export function within(minuteMs: number, fromMs: number, minutes: number): boolean {
  return minuteMs >= fromMs && minuteMs < fromMs + minutes * MINUTE_MS;
}
