import type { World, WorldRestApi, WorldSeries, WorldV2Api } from '../../src/sandbox/world.ts';

/** A fleet for measuring plans: half REST APIs of one stage, half stages of HTTP APIs with four each. */
export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';

const STAGES_PER_HTTP_API = 4;
const FORMAT =
  '{"apiId":"$context.apiId","stage":"$context.stage","status":"$context.status","responseType":"$context.error.responseType"}';
const REST_METRICS = ['Count', '4XXError', '5XXError', 'Latency', 'IntegrationLatency'];
const HTTP_METRICS = ['Count', '4xx', '5xx', 'Latency', 'IntegrationLatency'];

export interface AlarmFleetSettings {
  readonly stages: number;
  /** With one, a stage has alarms on log signals too, and metric filters for them. */
  readonly accessLogs: boolean;
  readonly nowMs: number;
}

/** What the control plane and CloudWatch tell of that fleet; every metric is the same at every minute. */
export function alarmWorld({ stages, accessLogs, nowMs }: AlarmFleetSettings): World {
  const rest = Array.from({ length: Math.ceil(stages / 2) }, (_, index) => restApi(index, accessLogs));
  const left = stages - rest.length;
  const http = Array.from({ length: Math.ceil(left / STAGES_PER_HTTP_API) }, (_, index) =>
    httpApi(index, Math.min(STAGES_PER_HTTP_API, left - index * STAGES_PER_HTTP_API), accessLogs),
  );
  return {
    accounts: [{ accountId: ACCOUNT, regions: [REGION] }],
    restApis: rest,
    v2Apis: http,
    logGroups: accessLogs ? groupNames(rest, http).map((name) => ({ ...PLACE, name, events: [] })) : [],
    series: [...rest.flatMap(restSeries), ...http.flatMap(httpSeries)],
    longestLagMs: 0,
    historyFromMs: nowMs - 3_600_000,
    historyToMs: nowMs,
    plantedSecrets: [],
    advanceTo: () => undefined,
    points: (_series, stat, periodS, fromMs, toMs) => {
      const value = stat === 'SampleCount' ? 2_000 : 0.01;
      const step = Math.max(60, periodS) * 1_000;
      const count = Math.max(0, Math.ceil((Math.min(toMs, nowMs) - fromMs) / step));
      return Array.from({ length: count }, (_, index) => ({ timestampMs: fromMs + index * step, value }));
    },
    truth: () => [],
  };
}

const PLACE = { account: ACCOUNT, region: REGION };

function logSettings(api: string, on: boolean): Readonly<Record<string, unknown>> {
  if (!on) return {};
  const destinationArn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/apigw/${api}`;
  return { accessLogSettings: { destinationArn, format: FORMAT } };
}

function restApi(index: number, logs: boolean): WorldRestApi {
  const name = `rest-${String(index).padStart(3, '0')}`;
  return {
    ...PLACE,
    api: { id: `r${String(index).padStart(9, '0')}`, name, tags: {} },
    stages: [{ stageName: 'prod', ...logSettings(name, logs), tags: {} }],
    authorizers: [],
    resources: [
      {
        id: 'root',
        path: '/items',
        resourceMethods: { GET: { httpMethod: 'GET', authorizationType: 'NONE' } },
      },
    ],
  };
}

function httpApi(index: number, stages: number, logs: boolean): WorldV2Api {
  const name = `http-${String(index).padStart(3, '0')}`;
  return {
    ...PLACE,
    api: { apiId: `h${String(index).padStart(9, '0')}`, name, protocolType: 'HTTP', tags: {} },
    stages: Array.from({ length: stages }, (_, stage) => ({
      stageName: stage === 0 ? '$default' : `s${stage}`,
      ...logSettings(name, logs),
      tags: {},
    })),
    authorizers: [],
    routes: [{ routeId: 'x', routeKey: 'GET /items', authorizationType: 'NONE' }],
  };
}

function groupNames(rest: readonly WorldRestApi[], http: readonly WorldV2Api[]): readonly string[] {
  return [...rest, ...http].map(({ api }) => `/apigw/${api.name}`);
}

function restSeries({ api, stages }: WorldRestApi): readonly WorldSeries[] {
  return seriesOf(REST_METRICS, { ApiName: api.name }, stages);
}

function httpSeries({ api, stages }: WorldV2Api): readonly WorldSeries[] {
  return seriesOf(HTTP_METRICS, { ApiId: api.apiId }, stages);
}

function seriesOf(
  metrics: readonly string[],
  base: Readonly<Record<string, string>>,
  stages: readonly Readonly<Record<string, unknown>>[],
): readonly WorldSeries[] {
  return stages.flatMap(({ stageName }) =>
    metrics.map((metricName) => ({
      ...PLACE,
      namespace: 'AWS/ApiGateway',
      metricName,
      dimensions: { ...base, Stage: String(stageName) },
    })),
  );
}
