import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AwsClients, AwsClientsSettings } from '../../../src/aws/aws-clients.ts';
import { readLogPages } from '../../../src/aws/filter-log-events.ts';
import { limiterRate } from '../../../src/aws/quotas.ts';
import { RequestPacer } from '../../../src/aws/request-pacer.ts';
import { createRuntime } from '../../../src/cli/worker/runtime.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { silentMeter } from '../../../src/core/meter.ts';
import type { Sink } from '../../../src/model/sink.ts';
import { JSON_WITH_ECHO } from '../../../src/sandbox/fleet-formats.ts';
import { createCron } from '../../../src/scheduler/start-cron.ts';
import { ProcessClock, settled, VirtualTime } from '../../simulation/virtual-time.ts';
import { ACCOUNT, type BenchApi, ROUTES } from '../bench-fleet.ts';
import { ROUND_MS } from '../bench-traffic.ts';
import { Arrivals, type SinkAcceptance } from './acceptance.ts';
import { Expected } from './expected.ts';
import { LivePages } from './live-pages.ts';
import { writeConfig } from './live-product.ts';
import { LIVE_APIS, LIVE_QUOTA, LIVE_REGION, ratesOf } from './live-traffic.ts';
import type { Phase } from './messages.ts';

const START_MS = Date.UTC(2026, 10, 22, 10, 0, 0);
const QUOTA_SHARE = 0.6;
const BATCH_EVENTS = 5_000;
const STEP_MS = 10_000;

export interface ModelOptions {
  /** As the model is: a share of the real rate. */
  readonly phases: readonly Phase[];
  /** How many times smaller than in truth rate, pages and commits are. */
  readonly scale: number;
  /** What one FilterLogEvents call takes, milliseconds. */
  readonly callMs: number;
  /** After the last round. */
  readonly tailMs: number;
}

export interface ModelResult extends Omit<SinkAcceptance, 'sink'> {
  readonly expected: Expected;
  /** While traffic came. */
  readonly callsPerSecond: number;
}

/**
 * The worker over virtual time: reading, joining, committing and delivering take none, only calls do, by their quota. What
 * is left of the time to a destination is what the schedule costs, on any machine.
 */
export async function runModel(options: ModelOptions): Promise<ModelResult> {
  const folder = mkdtempSync(join(tmpdir(), 'gatewatch-model-'));
  try {
    return await runIn(folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, { phases, scale, callMs, tailMs }: ModelOptions): Promise<ModelResult> {
  const time = new VirtualTime(START_MS);
  const clock = new ProcessClock(time);
  const pages = new LivePages(phases, 1 / scale);
  pages.startMs = START_MS + 2 * ROUND_MS;
  const expected = new Expected(phases, pages.startMs);
  const arrivals = new Arrivals(expected);
  let calls = 0;
  const runtime = await createRuntime(configIn(folder), {
    clock,
    logger: silentLogger,
    meter: silentMeter,
    random: () => 0.5,
    readFile: (path) => readFileSync(path, 'utf8'),
    owner: 'model',
    hasDisk: false,
    batchEvents: Math.ceil(BATCH_EVENTS / scale),
    startCron: createCron(clock),
    createClients: (settings) => clientsOver(pages, settings, { callMs, onCall: () => (calls += 1) }),
    createSinks: () => [sinkInto(arrivals, clock)],
  });
  const stop = new AbortController();
  const ended = runtime.worker.run(stop.signal);
  const trafficMs = ratesOf(phases).length * ROUND_MS;
  while (runtime.worker.status().inventory === undefined) await settled();
  await advance(time, pages.startMs - START_MS);
  const before = calls;
  await advance(time, trafficMs);
  const callsPerSecond = ((calls - before) * 1_000) / trafficMs;
  await advance(time, tailMs);
  stop.abort(new Error('the model ends'));
  await time.advance(STEP_MS);
  await ended;
  await runtime.close();
  return { ...arrivals.result(), expected, callsPerSecond };
}

/** In steps: everybody comes to rest in between. */
async function advance(time: VirtualTime, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
    await settled();
    await time.advance(Math.min(STEP_MS, ms - passedMs));
  }
}

function configIn(folder: string) {
  const path = writeConfig('http://127.0.0.1:1', folder);
  const readFile = (file: string) => readFileSync(file, 'utf8');
  const loaded = loadConfig({ path, text: readFile(path), env: {}, readFile });
  if (!loaded.ok) throw new Error(`Expected a valid configuration, got ${JSON.stringify(loaded.problems)}`);
  return loaded.config;
}

function clientsOver(
  pages: LivePages,
  { accounts, clock }: AwsClientsSettings,
  calls: { readonly callMs: number; readonly onCall: () => void },
): AwsClients {
  const quotas = { FilterLogEvents: LIVE_QUOTA };
  const { ratePerSecond, burst } = limiterRate('FilterLogEvents', LIVE_REGION, QUOTA_SHARE, quotas);
  const pacer = new RequestPacer({ clock, ratePerSecond, burst });
  const apiOf = (apiId: string) => LIVE_APIS.filter(({ id }) => id === apiId);
  return {
    accounts,
    filterLogEvents: (read) =>
      readLogPages(read, async (nextToken) => {
        await pacer.take(read.urgency ?? 'live', read.signal);
        calls.onCall();
        if (calls.callMs > 0) await clock.sleep(calls.callMs, read.signal);
        const asked = { logGroupName: read.logGroup, startTime: read.fromMs, endTime: read.toMs };
        const request = { ...asked, ...(nextToken !== undefined && { nextToken }) };
        return JSON.parse(pages.answer(request, clock.now()).toString());
      }),
    describeLogGroups: async () => new Map(),
    getMetricData: async () => ({ results: [], messages: [], notFinite: 0 }),
    listMetrics: () => listed([]),
    listApis: ({ family }) => listed(family === 'rest' ? LIVE_APIS.map(listedApi) : []),
    listStages: ({ apiId }) => listed(apiOf(apiId).map(listedStage)),
    listAuthorizers: ({ apiId }) => listed(apiOf(apiId).map(listedAuthorizer)),
    listRoutes: ({ apiId }) => listed(apiOf(apiId).flatMap(listedRoutes)),
    callerAccount: async () => ACCOUNT,
    clockAheadMs: () => 0,
    close: () => undefined,
  };
}

async function* listed<T>(items: readonly T[]): AsyncIterable<readonly T[]> {
  yield items;
}

function listedApi({ id, name }: BenchApi) {
  return { apiId: id, name, protocol: 'REST', tags: {} } as const;
}

function listedStage({ accessGroup }: BenchApi) {
  return {
    stage: 'prod',
    destinationArn: `arn:aws:logs:${LIVE_REGION}:${ACCOUNT}:log-group:${accessGroup}`,
    format: JSON_WITH_ECHO,
    tags: {},
    detailedMetrics: false,
    cacheEnabled: false,
  };
}

function listedAuthorizer({ id, authorizer }: BenchApi) {
  const fn = `arn:aws:lambda:${LIVE_REGION}:${ACCOUNT}:function:${authorizer.name}`;
  return {
    authorizerId: `az${id}`,
    name: authorizer.name,
    type: 'REQUEST',
    authorizerUri: `arn:aws:apigateway:${LIVE_REGION}:lambda:path/2015-03-31/functions/${fn}/invocations`,
    ttlSeconds: 300,
  };
}

function listedRoutes({ id }: BenchApi) {
  return ROUTES.map(({ method, path }) => ({
    routeKey: `${method} ${path}`,
    authorizationType: 'CUSTOM',
    authorizerId: `az${id}`,
  }));
}

/** Takes everything at once. */
function sinkInto(arrivals: Arrivals, clock: ProcessClock): Sink {
  return {
    name: 'model',
    streams: ['records'],
    maxBatchEntries: 1_000,
    send: async (batch) => {
      for (const { record } of batch) {
        if (record.kind !== 'request' || record.extendedRequestId === undefined) continue;
        const { extendedRequestId, eventId, outcome } = record;
        arrivals.add({ extendedRequestId, eventId, outcome, acceptedMs: clock.now() });
      }
      return { accepted: batch.map(({ seq }) => seq), rejected: [], expired: [], filtered: [], retry: [] };
    },
    refreshSecrets: () => undefined,
    close: async () => undefined,
  };
}
