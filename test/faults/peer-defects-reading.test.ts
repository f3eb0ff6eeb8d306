import { afterEach, expect, it } from 'vitest';
import { createAwsClients } from '../../src/aws/aws-clients.ts';
import { createConfigCommand } from '../../src/cli/commands/config.ts';
import { IncompleteReadError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { MetricRecord, MetricSeries } from '../../src/model/metric-record.ts';
import { MetricReads } from '../../src/pipeline/metric-reads.ts';
import { MetricUnit } from '../../src/pipeline/metric-unit.ts';
import { createMetricsSource } from '../../src/sources/metrics/metrics-source.ts';
import { type AwsStub, awsError, type StubAnswer, type StubCall, startAwsStub } from '../aws/aws-stub.ts';
import { clientsForTest } from '../aws/clients-fixture.ts';
import { EXAMPLE_CONFIG, exampleFiles } from '../config/example-config.ts';
import { ReadingRig } from '../pipeline/reading-rig.ts';
import { seriesOf } from '../sources/metrics/series-fixture.ts';
import { contextFor, filesFrom, nothingPrinted } from '../support/cli-context.ts';
import { MINUTE, outcomesIn, ReadingFleet } from './reading-fleet.ts';
import { ACCESS_UNIT, CENTRAL, REGION, restApi } from './reading-world.ts';

const GO = new AbortController().signal;
const SECOND = 1_000;

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startFleet(options: Parameters<typeof ReadingFleet.start>[0] = {}): Promise<ReadingFleet> {
  const fleet = await ReadingFleet.start(options);
  ends.push(() => fleet.dispose());
  return fleet;
}

/** Metrics of one account over an AWS that answers as the test says, into a real journal. */
interface MetricRig {
  readonly unit: MetricUnit;
  readonly stub: AwsStub;
  readonly rig: ReadingRig;
  records(): Promise<MetricRecord[]>;
}

async function startMetrics(
  series: readonly MetricSeries[],
  answer: (call: StubCall) => StubAnswer,
): Promise<MetricRig> {
  const rig = await ReadingRig.start();
  const stub = await startAwsStub(answer);
  const client = clientsForTest({ maxAttempts: 1 });
  ends.push(() => rig.dispose());
  ends.push(() => stub.close());
  ends.push(() => client.close());
  const { clock, meter, ingest, journal } = rig;
  const scope = { account: CENTRAL, region: REGION };
  const source = createMetricsSource({
    ...scope,
    series: () => series,
    client,
    clock,
    meter,
    logger: silentLogger,
  });
  const settings = {
    periodMs: MINUTE,
    settleMs: 3 * MINUTE,
    revisitMs: 15 * MINUTE,
    firstReadMs: 10 * MINUTE,
    maxSpanMs: 360 * MINUTE,
  };
  const reads = new MetricReads({ ingest, journal, clock });
  const unit = new MetricUnit({ source, ingest, reads, clock, settings });
  const records = async () =>
    (await journal.readStream('metrics', 0, 10_000)).flatMap(({ record }) =>
      record.kind === 'metric' ? [record] : [],
    );
  return { unit, stub, rig, records };
}

/** Minutes before `nowMs`, as CloudWatch writes times: seconds. */
const seconds = (nowMs: number, ...minutesAgo: number[]) =>
  minutesAgo.map((n) => (nowMs - n * MINUTE) / SECOND);

function idsOf(call: StubCall): readonly string[] {
  const queries = call.body.MetricDataQueries;
  return Array.isArray(queries) ? queries.map(({ Id }) => String(Id)) : [];
}

const NOW = Date.UTC(2026, 10, 22, 10, 0, 0);
const COMPLETE = { StatusCode: 'Complete' };

it('peer defect, YACE client.go GetMetricData: pages before one that failed are kept, and the window is read again', async () => {
  const metrics = ['Latency', 'IntegrationLatency'].map((name) => seriesOf(name, ['Average']));
  let fails = true;
  const { unit, records } = await startMetrics(metrics, (call) => {
    const [first, second] = idsOf(call);
    const result = (Id: string | undefined) => ({
      Id,
      Timestamps: seconds(NOW, 5),
      Values: [7],
      ...COMPLETE,
    });
    if (call.body.NextToken === undefined)
      return { body: { MetricDataResults: [result(first)], NextToken: 'page 2' } };
    return fails
      ? awsError('InternalServiceFault', 'no', 500)
      : { body: { MetricDataResults: [result(second)] } };
  });
  await expect(unit.poll(GO)).rejects.toBeInstanceOf(IncompleteReadError);
  expect((await records()).map(({ metricName }) => metricName)).toEqual(['Latency']);
  fails = false;
  await unit.poll(GO);
  expect((await records()).map(({ metricName }) => metricName)).toEqual(['Latency', 'IntegrationLatency']);
});

it('peer defect, YACE processor.go mapResultsToBatch: results of one id on several pages are put together', async () => {
  const { unit, records } = await startMetrics([seriesOf('Latency', ['Average'])], (call) => {
    const [Id] = idsOf(call);
    const page = (minute: number, StatusCode: string) => ({
      MetricDataResults: [{ Id, Timestamps: seconds(NOW, minute), Values: [minute], StatusCode }],
    });
    if (call.body.NextToken === undefined)
      return { body: { ...page(6, 'PartialData'), NextToken: 'page 2' } };
    return { body: page(5, 'Complete') };
  });
  await unit.poll(GO);
  expect((await records()).map(({ values }) => values.Average)).toEqual([6, 5]);
});

it('peer defect, YACE filters.go AWS/ApiGateway: every page of APIs with its stages is listed, and one name for two APIs is told', async () => {
  const fleet = await startFleet();
  fleet.world.restApis = Array.from({ length: 60 }, (_, n) => restApi(n < 2 ? 'twin' : `api${n}`, `id${n}`));
  fleet.world.v2Apis = Array.from({ length: 60 }, (_, n) => ({
    account: CENTRAL,
    region: REGION,
    api: { apiId: `v2${n}`, name: `shop${n}`, protocolType: 'HTTP' },
    stages: [{ stageName: '$default' }],
    authorizers: [],
    routes: [],
  }));
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  const { inventory } = runtime.worker.status();
  expect(new Set(inventory?.stages.map(({ apiId }) => apiId)).size).toBe(120);
  expect(new Set(inventory?.stages.map(({ stage }) => stage))).toEqual(new Set(['prod', '$default']));
  const reasons = inventory?.problems.map(({ what, reason }) => `${what} ${reason}`).join();
  expect(reasons).toContain('twin');
});

async function checked(text: string) {
  const files = exampleFiles();
  files.set('/etc/gatewatch/gatewatch.yaml', text);
  const printed = nothingPrinted();
  const context = contextFor(printed, { env: { EXTERNAL_ID: 'e', DT_TOKEN: 'd' }, ...filesFrom(files) });
  await createConfigCommand(context).parseAsync(['check'], { from: 'user' });
  return printed;
}

it('peer defect, YACE /reload: a file that no longer parses is refused, and a running worker keeps what it has', async () => {
  expect(await checked(EXAMPLE_CONFIG)).toMatchObject({ code: 0 });
  const broken = await checked(`${EXAMPLE_CONFIG}\nmetrics: [`);
  expect(broken.code).toBe(1);
  expect(broken.err).not.toBe('');

  const fleet = await startFleet();
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  fleet.settings = 'metrics: [';
  expect(() => fleet.config()).toThrow(/Expected a valid configuration/);
  fleet.world.request('r', fleet.nowMs + SECOND);
  expect(await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND)).toEqual([]);
  expect(await outcomesIn(runtime)).toEqual({ r: 'matched' });
});

it('peer defect, YACE config.Parse: an unknown key fails the check, with its line and what was meant', async () => {
  const { code, err } = await checked(EXAMPLE_CONFIG.replace('metrics:', 'metrcs:'));
  expect(code).toBe(1);
  expect(err).toMatch(/:15:1 {2}metrcs .*did you mean metrics\?/);
});

it('peer defect, cloudwatch_exporter fetchAllDataPoints: every page of a call is read', async () => {
  const fleet = await startFleet({
    config: 'metrics: { firstRead: 2h }',
    sandbox: { limits: { metricPagePoints: 7 } },
  });
  const { world, nowMs } = fleet;
  const dimensions = { ApiName: 'orders', Stage: 'prod' };
  world.series = [
    { account: CENTRAL, region: REGION, namespace: 'AWS/ApiGateway', metricName: 'Count', dimensions },
  ];
  world.pointsOf = () =>
    Array.from({ length: 110 }, (_, n) => ({ timestampMs: nowMs - 2 * 60 * MINUTE + n * MINUTE, value: n }));
  const runtime = await fleet.runtime();
  expect(await fleet.readAt(runtime, nowMs)).toEqual([]);
  expect(fleet.sandbox.counts.get('aws.GetMetricData')).toBeGreaterThan(15);
  expect(await runtime.journal.readStream('metrics', 0, 1_000)).toHaveLength(110);
});

it('peer defect, cloudwatch_exporter toMap: each value stands at its own time', async () => {
  const { unit, records } = await startMetrics([seriesOf('Latency', ['p99', 'SampleCount'])], (call) => {
    const [p99, count] = idsOf(call);
    const MetricDataResults = [
      { Id: p99, Timestamps: seconds(NOW, 6, 5), Values: [600, 500], ...COMPLETE },
      { Id: count, Timestamps: seconds(NOW, 6), Values: [6], ...COMPLETE },
    ];
    return { body: { MetricDataResults } };
  });
  await unit.poll(GO);
  expect((await records()).map(({ eventMs, values }) => [(NOW - eventMs) / MINUTE, values])).toEqual([
    [6, { p99: 600, SampleCount: 6 }],
    [5, { p99: 500 }],
  ]);
});

it('peer defect, cloudwatch_exporter collect(): one query that fails leaves the others, and is asked again', async () => {
  const metrics = ['Latency', 'Count', 'IntegrationLatency'].map((name) => seriesOf(name, ['Average']));
  let fails = true;
  const { unit, records } = await startMetrics(metrics, (call) => ({
    body: {
      MetricDataResults: idsOf(call).map((Id, index) =>
        index === 1 && fails
          ? { Id, StatusCode: 'InternalError' }
          : { Id, Timestamps: seconds(NOW, 5), Values: [1], ...COMPLETE },
      ),
    },
  }));
  await expect(unit.poll(GO)).rejects.toThrow(/Count Average/);
  expect((await records()).map(({ metricName }) => metricName)).toEqual(['Latency', 'IntegrationLatency']);
  fails = false;
  await unit.poll(GO);
  expect((await records()).map(({ metricName }) => metricName).sort()).toEqual([
    'Count',
    'IntegrationLatency',
    'Latency',
  ]);
});

it('peer defect, Telegraf updateWindow: a call that failed leaves no gap', async () => {
  let fails = true;
  const { unit, rig, records } = await startMetrics([seriesOf('Latency', ['Average'])], (call) => {
    if (fails) return awsError('InternalServiceFault', 'no', 500);
    const from = Number(call.body.StartTime);
    const Timestamps = Array.from(
      { length: (Number(call.body.EndTime) - from) / 60 },
      (_, n) => from + n * 60,
    );
    const result = { Id: idsOf(call)[0], Timestamps, Values: Timestamps, ...COMPLETE };
    return { body: { MetricDataResults: [result] } };
  });
  for (let turn = 0; turn < 3; turn += 1) {
    await expect(unit.poll(GO)).rejects.toBeInstanceOf(IncompleteReadError);
    expect(rig.ingest.checkpointOf(unit.unit)).toBeUndefined();
    rig.clock.skip(MINUTE);
  }
  fails = false;
  await unit.poll(GO);
  rig.clock.skip(5 * MINUTE);
  fails = true;
  await expect(unit.poll(GO)).rejects.toBeInstanceOf(IncompleteReadError);
  fails = false;
  rig.clock.skip(5 * MINUTE);
  await unit.poll(GO);
  // The last minutes read are looked at again, so what lies before the first window comes behind it.
  const minutes = (await records()).map(({ eventMs }) => eventMs / MINUTE).sort((a, b) => a - b);
  expect(minutes).toEqual(Array.from({ length: minutes.length }, (_, n) => (minutes[0] ?? 0) + n));
  expect(minutes.at(-1)).toBe((rig.clock.now() - 4 * MINUTE) / MINUTE);
});

it('peer defect, Telegraf getFilteredMetrics: a listing that broke off is never taken for whole, and loses nothing known', async () => {
  const fleet = await startFleet({ sandbox: { limits: { apiPage: 2 } } });
  fleet.world.restApis = Array.from({ length: 5 }, (_, n) => restApi(`api${n}`, `id${n}`));
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  fleet.sandbox.replaceFaults({ names: ['aws-outage'], rates: { 'aws-outage': 1 } });
  const left = await fleet.readAt(runtime, fleet.nowMs + MINUTE, 4_000);
  expect(left).toContain('the inventory could not be listed whole');
  const { inventory } = runtime.worker.status();
  expect(inventory?.complete).toBe(false);
  expect(inventory?.stages).toHaveLength(5);
  fleet.faults();
  expect(await fleet.readAt(runtime, fleet.nowMs + 11 * MINUTE)).toEqual([]);
  expect(runtime.worker.status().inventory?.complete).toBe(true);
}, 30_000);

it('peer defect, OTel awscloudwatch metrics scrape(): batches stand for themselves, and the one that failed is read again', async () => {
  const metrics = Array.from({ length: 600 }, (_, n) =>
    seriesOf('Latency', ['Average'], { dimensions: { ApiName: `api${n}`, Stage: 'prod' } }),
  );
  let fails = true;
  const { unit, stub, records } = await startMetrics(metrics, (call) => {
    const ids = idsOf(call);
    if (fails && ids.length === 500) return awsError('InternalServiceFault', 'no', 500);
    const results = ids.map((Id) => ({ Id, Timestamps: seconds(NOW, 5), Values: [1], ...COMPLETE }));
    return { body: { MetricDataResults: results } };
  });
  await expect(unit.poll(GO)).rejects.toBeInstanceOf(IncompleteReadError);
  expect(await records()).toHaveLength(100);
  fails = false;
  await unit.poll(GO);
  expect(await records()).toHaveLength(600);
  const spans = stub.calls.map(({ body }) => `${body.StartTime} ${body.EndTime}`);
  expect(new Set(spans).size).toBe(1);
});

it('peer defect, OTel logs poll(): the checkpoint moves after success only, and a restart repeats nothing', async () => {
  const fleet = await startFleet();
  const first = await fleet.runtime();
  expect(await fleet.readAt(first, fleet.nowMs)).toEqual([]);
  const before = await first.journal.checkpoint(ACCESS_UNIT);
  fleet.sandbox.replaceFaults({ names: ['aws-outage'], rates: { 'aws-outage': 1 } });
  for (let n = 0; n < 20; n += 1) fleet.world.request(`r${n}`, fleet.nowMs + n * 100);
  await fleet.readAt(first, fleet.nowMs + 20 * SECOND, 4_000);
  expect(await first.journal.checkpoint(ACCESS_UNIT)).toEqual(before);
  await fleet.close(first);
  fleet.faults();
  const second = await fleet.runtime();
  expect(await fleet.readAt(second, fleet.nowMs + 20 * SECOND)).toEqual([]);
  await fleet.close(second);
  const third = await fleet.runtime();
  expect(await fleet.readAt(third, fleet.nowMs + 20 * SECOND)).toEqual([]);
  expect(Object.values(await outcomesIn(third))).toEqual(Array(20).fill('matched'));
  const stored = (await third.journal.ledger(0, Number.MAX_SAFE_INTEGER)).map((entry) => entry.stored);
  expect(stored.reduce((sum, one) => sum + one, 0)).toBe(20 * 5);
}, 30_000);

it('peer defect, OTel logs pollForLogs: lines of one millisecond are all there, over pages and polls', async () => {
  const fleet = await startFleet({ sandbox: { limits: { logPageEvents: 7 } } });
  const at = fleet.nowMs - 2 * SECOND;
  for (let n = 0; n < 40; n += 1) fleet.world.request(`r${n}`, at);
  // Of the same millisecond, readable only at the next poll.
  for (let n = 40; n < 60; n += 1)
    fleet.world.request(`r${n}`, at, { accessMs: 10 * SECOND, authorizerMs: 10 * SECOND });
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  await fleet.readAt(runtime, fleet.nowMs + 20 * SECOND);
  expect(Object.values(await outcomesIn(runtime))).toEqual(Array(60).fill('matched'));
});

it('peer defect, OTel logs ensureSession: an STS that denies the question who we are stops nobody', async () => {
  const fleet = await startFleet();
  fleet.world.line('r', fleet.nowMs - 10 * SECOND);
  fleet.faults('sts-denied');
  const runtime = await fleet.runtime();
  await fleet.readAt(runtime, fleet.nowMs);
  await fleet.readAt(runtime, fleet.nowMs + 10 * MINUTE);
  expect(fleet.sandbox.counts.get('aws.GetCallerIdentity')).toBeGreaterThan(0);
  expect(await outcomesIn(runtime)).toEqual({ r: 'access_only' });
});

it('peer defect, logstash-input-cloudwatch_logs process_group: the window stays as it was while its pages are read', async () => {
  const fleet = await startFleet({ sandbox: { limits: { logPageEvents: 5 } } });
  for (let n = 0; n < 40; n += 1) fleet.world.request(`r${n}`, fleet.nowMs - 5 * MINUTE + n);
  const windows: string[] = [];
  const runtime = await fleet.runtime({
    createClients: (settings) => {
      const clients = createAwsClients(settings);
      return {
        ...clients,
        filterLogEvents: async function* (read) {
          for await (const page of clients.filterLogEvents(read)) {
            // Time passes from page to page, as it does.
            fleet.nowMs += SECOND;
            windows.push(`${read.logGroup} ${read.fromMs} ${read.toMs}`);
            yield page;
          }
        },
      };
    },
  });
  await fleet.readAt(runtime, fleet.nowMs);
  expect(windows.length).toBeGreaterThan(40);
  // The stand-in refuses a token with another window, so all of it could only be read with the window as it was.
  expect(fleet.sandbox.counts.get('aws.error.InvalidParameterException')).toBe(0);
  expect(Object.values(await outcomesIn(runtime))).toEqual(Array(40).fill('matched'));
});
