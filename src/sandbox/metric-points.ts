import { GatewatchError } from '../core/errors.ts';
import type { FleetApi, FleetProtocol, FleetRoute, FleetStage } from './fleet-model.ts';
import { hash32 } from './random.ts';
import type { TruthMetric, WorldPoint, WorldSeries } from './world.ts';

/** Samples that one request contributes. Times in milliseconds, sizes in bytes. */
export interface MetricSamples {
  readonly api: FleetApi;
  readonly stage: FleetStage;
  readonly route: FleetRoute;
  readonly routeFound: boolean;
  readonly endMs: number;
  readonly latencyMs: number;
  readonly integrationMs?: number;
  /** Status the backend gave, or 504 when it gave none. */
  readonly integrationStatus?: number;
  readonly status: number;
  readonly bytes: number;
  readonly eventType?: 'CONNECT' | 'MESSAGE' | 'DISCONNECT';
}

/** Metrics of the whole fleet, kept as raw samples so that every statistic is exact. */
export interface MetricBook {
  readonly series: readonly WorldSeries[];
  record(samples: MetricSamples): void;
  points(
    series: WorldSeries,
    stat: string,
    periodS: number,
    fromMs: number,
    toMs: number,
    nowMs: number,
  ): readonly WorldPoint[];
  /** Points that will not change any more at `nowMs`, with the statistics that people ask for. */
  finalPoints(nowMs: number): Iterable<TruthMetric>;
}

const MINUTE_MS = 60_000;
const NAMESPACE = 'AWS/ApiGateway';

/** Samples by minute, in the order they came: the order in which CloudWatch gets to know them. */
interface SampledSeries {
  readonly series: WorldSeries;
  readonly kind: 'latency' | 'count' | 'ratio' | 'bytes';
  readonly salt: number;
  readonly minutes: Map<number, MinuteSamples>;
}

interface MinuteSamples {
  readonly values: number[];
  /** Sorted copy, made when first asked for and thrown away when a sample is added. */
  sorted: readonly number[] | undefined;
}

const METRICS: Readonly<Record<FleetProtocol, Readonly<Record<string, SampledSeries['kind']>>>> = {
  REST: {
    Count: 'count',
    '4XXError': 'ratio',
    '5XXError': 'ratio',
    Latency: 'latency',
    IntegrationLatency: 'latency',
  },
  HTTP: {
    Count: 'count',
    '4xx': 'ratio',
    '5xx': 'ratio',
    Latency: 'latency',
    IntegrationLatency: 'latency',
    DataProcessed: 'bytes',
  },
  WEBSOCKET: {
    ConnectCount: 'count',
    MessageCount: 'count',
    ClientError: 'ratio',
    IntegrationError: 'ratio',
    ExecutionError: 'ratio',
    IntegrationLatency: 'latency',
  },
};

/** Statistics of a truth row by the kind of metric. */
const TRUTH_STATISTICS: Readonly<Record<SampledSeries['kind'], readonly string[]>> = {
  latency: ['p50', 'p90', 'p95', 'p99', 'Average', 'SampleCount', 'Minimum', 'Maximum'],
  count: ['SampleCount', 'Sum'],
  ratio: ['Sum', 'Average', 'SampleCount'],
  bytes: ['Sum', 'Average', 'SampleCount', 'p50', 'p95', 'p99', 'Minimum', 'Maximum'],
};

export function createMetricBook(fleet: readonly FleetApi[]): MetricBook {
  const byDimensions = new Map<string, ReadonlyMap<string, SampledSeries>>();
  const bySeries = new Map<WorldSeries, SampledSeries>();
  const byText = new Map<string, SampledSeries>();
  for (const { key, api, dimensions } of dimensionSets(fleet)) {
    const sampled = new Map<string, SampledSeries>();
    for (const [metricName, kind] of Object.entries(METRICS[api.protocol])) {
      const series = {
        account: api.account,
        region: api.region,
        namespace: NAMESPACE,
        metricName,
        dimensions,
      };
      const entry = { series, kind, salt: hash32(seriesText(series)), minutes: new Map() };
      sampled.set(metricName, entry);
      bySeries.set(series, entry);
      byText.set(seriesText(series), entry);
    }
    byDimensions.set(key, sampled);
  }
  return {
    series: [...bySeries.keys()],
    record: (samples) => {
      for (const key of dimensionKeys(samples)) {
        const sampled = byDimensions.get(key);
        if (sampled !== undefined) recordInto(sampled, samples);
      }
    },
    points: (series, stat, periodS, fromMs, toMs, nowMs) => {
      const entry = bySeries.get(series) ?? byText.get(seriesText(series));
      return entry === undefined ? [] : pointsOf(entry, statisticOf(stat), periodS, fromMs, toMs, nowMs);
    },
    finalPoints: (nowMs) => finalPointsOf(bySeries.values(), nowMs),
  };
}

interface DimensionSet {
  readonly key: string;
  readonly api: FleetApi;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** REST is keyed by name, HTTP and WebSocket by id; the detailed sets only where the stage has them on. */
function dimensionSets(fleet: readonly FleetApi[]): readonly DimensionSet[] {
  return fleet.flatMap((api) => {
    const base: Record<string, string> = api.protocol === 'REST' ? { ApiName: api.name } : { ApiId: api.id };
    return [
      { key: api.id, api, dimensions: base },
      ...api.stages.flatMap((stage) => [
        { key: `${api.id}/${stage.name}`, api, dimensions: { ...base, Stage: stage.name } },
        ...(stage.detailedMetrics ? detailedSets(api, stage, base) : []),
      ]),
    ];
  });
}

function detailedSets(
  api: FleetApi,
  stage: FleetStage,
  base: Readonly<Record<string, string>>,
): readonly DimensionSet[] {
  return api.routes.map((route) => ({
    key: `${api.id}/${stage.name}/${route.method} ${route.path}`,
    api,
    dimensions: { ...base, ...routeDimensions(api, route), Stage: stage.name },
  }));
}

/** A WebSocket route has no method. */
function routeDimensions({ protocol }: FleetApi, { method, path }: FleetRoute) {
  return protocol === 'WEBSOCKET' ? { Route: path } : { Method: method, Resource: path };
}

function dimensionKeys({ api, stage, route, routeFound }: MetricSamples): readonly string[] {
  const keys = [api.id, `${api.id}/${stage.name}`];
  if (stage.detailedMetrics && routeFound) keys.push(`${api.id}/${stage.name}/${route.method} ${route.path}`);
  return keys;
}

function seriesText(series: WorldSeries): string {
  const dimensions = Object.entries(series.dimensions)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  return [series.account, series.region, series.namespace, series.metricName, ...dimensions].join('\n');
}

/** Each request adds one sample; errors are samples of 0 or 1, so that their average is the error rate. */
function recordInto(sampled: ReadonlyMap<string, SampledSeries>, samples: MetricSamples): void {
  const minuteMs = Math.floor(samples.endMs / MINUTE_MS) * MINUTE_MS;
  const add = (metricName: string, value: number) => addSample(sampled.get(metricName), minuteMs, value);
  if (samples.integrationMs !== undefined && samples.eventType !== 'DISCONNECT') {
    add('IntegrationLatency', samples.integrationMs);
  }
  if (samples.api.protocol === 'WEBSOCKET') {
    recordWebSocket(samples, add);
    return;
  }
  const [clientError, serverError] =
    samples.api.protocol === 'REST' ? ['4XXError', '5XXError'] : ['4xx', '5xx'];
  add('Count', 1);
  add(clientError ?? '', samples.status >= 400 && samples.status < 500 ? 1 : 0);
  add(serverError ?? '', samples.status >= 500 ? 1 : 0);
  add('Latency', samples.latencyMs);
  add('DataProcessed', samples.bytes);
}

function recordWebSocket(samples: MetricSamples, add: (metricName: string, value: number) => void): void {
  if (samples.eventType === 'DISCONNECT') return;
  const reached = samples.integrationMs !== undefined;
  add(samples.eventType === 'CONNECT' ? 'ConnectCount' : 'MessageCount', 1);
  add('ClientError', !reached && samples.status >= 400 && samples.status < 500 ? 1 : 0);
  add('ExecutionError', !reached && samples.status >= 500 ? 1 : 0);
  add('IntegrationError', reached && samples.status >= 400 ? 1 : 0);
}

function addSample(sampled: SampledSeries | undefined, minuteMs: number, value: number): void {
  if (sampled === undefined) return;
  const minute = sampled.minutes.get(minuteMs);
  if (minute === undefined) {
    sampled.minutes.set(minuteMs, { values: [value], sorted: undefined });
    return;
  }
  minute.values.push(value);
  minute.sorted = undefined;
}

/** A statistic of ascending samples; at least one sample is there. */
type Statistic = (sorted: readonly number[]) => number;

const PLAIN: Readonly<Record<string, Statistic>> = {
  SampleCount: (sorted) => sorted.length,
  Sum: (sorted) => sumOf(sorted),
  Average: (sorted) => sumOf(sorted) / sorted.length,
  Minimum: (sorted) => sorted[0] ?? Number.NaN,
  Maximum: (sorted) => sorted.at(-1) ?? Number.NaN,
};

/** Throws for a statistic that the sandbox does not compute: an empty answer would look like an idle API. */
export function statisticOf(stat: string): Statistic {
  const plain = PLAIN[stat];
  if (plain !== undefined) return plain;
  const percent = /^p(\d{1,2}(?:\.\d{1,10})?|100)$/.exec(stat)?.[1];
  if (percent !== undefined) return (sorted) => percentile(sorted, Number(percent));
  throw new GatewatchError(
    'unknown_statistic',
    `Expected SampleCount, Sum, Average, Minimum, Maximum or a percentile such as p99, got \`${stat}\``,
  );
}

/**
 * Linear interpolation between the two nearest ranks (R-7, the default of spreadsheets and NumPy). CloudWatch does not
 * publish its own rule; any exact rule serves, as long as one sample gives that sample.
 */
export function percentile(sorted: readonly number[], percent: number): number {
  const rank = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(rank)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank)] ?? below;
  return below + (above - below) * (rank - Math.floor(rank));
}

function sumOf(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function pointsOf(
  entry: SampledSeries,
  statistic: Statistic,
  periodS: number,
  fromMs: number,
  toMs: number,
  nowMs: number,
): readonly WorldPoint[] {
  const periodMs = Math.max(MINUTE_MS, Math.ceil(periodS / 60) * MINUTE_MS);
  const points: WorldPoint[] = [];
  // From the asked minute on, not from a multiple of the period: that is how an alarm's windows slide.
  for (let atMs = Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS; atMs < toMs; atMs += periodMs) {
    const sorted =
      periodMs === MINUTE_MS ? visibleSorted(entry, atMs, nowMs) : gathered(entry, atMs, periodMs, nowMs);
    if (sorted.length > 0) points.push({ timestampMs: atMs, value: statistic(sorted) });
  }
  return points;
}

function gathered(entry: SampledSeries, fromMs: number, periodMs: number, nowMs: number): readonly number[] {
  const all: number[] = [];
  for (let atMs = fromMs; atMs < fromMs + periodMs; atMs += MINUTE_MS) {
    for (const value of visibleSorted(entry, atMs, nowMs)) all.push(value);
  }
  return all.sort((a, b) => a - b);
}

const NONE: readonly number[] = [];

function visibleSorted(entry: SampledSeries, minuteMs: number, nowMs: number): readonly number[] {
  const minute = entry.minutes.get(minuteMs);
  if (minute === undefined) return NONE;
  const visible = visibleCount(entry.salt, minuteMs, minute.values.length, nowMs);
  if (visible < minute.values.length) return minute.values.slice(0, visible).sort((a, b) => a - b);
  minute.sorted ??= [...minute.values].sort((a, b) => a - b);
  return minute.sorted;
}

/** When a minute's point first shows, when it looks complete, and when it really is. */
interface Arrival {
  readonly firstMs: number;
  readonly settledMs: number;
  /** Equal to `settledMs`, except for the few points that are restated minutes later. */
  readonly finalMs: number;
}

/** One minute in this many of a series is restated once more after it looked complete. */
const RESTATED = 40;

/** After the minute's start: nothing for 70 to 90 s, growing until 150 to 180 s, one in forty final only at 6 to 7 min. */
function arrivalOf(salt: number, minuteMs: number): Arrival {
  const dice = hash32(`${salt}/${minuteMs}`);
  const settledMs = minuteMs + 150_000 + (dice % 30) * 1_000;
  const isRestated = (dice >>> 8) % RESTATED === 0;
  return {
    firstMs: minuteMs + 70_000 + ((dice >>> 16) % 20) * 1_000,
    settledMs,
    finalMs: isRestated ? minuteMs + 360_000 + (dice % 60) * 1_000 : settledMs,
  };
}

/** How many of a minute's samples CloudWatch has taken in. It never forgets one. */
function visibleCount(salt: number, minuteMs: number, count: number, nowMs: number): number {
  const { firstMs, settledMs, finalMs } = arrivalOf(salt, minuteMs);
  if (nowMs >= finalMs) return count;
  const almost = finalMs > settledMs ? count - Math.ceil(count / 50) : count;
  if (nowMs >= settledMs) return almost;
  if (nowMs < firstMs) return 0;
  const share = 0.4 + (0.6 * (nowMs - firstMs)) / (settledMs - firstMs);
  return Math.min(almost, Math.ceil(count * share));
}

function* finalPointsOf(entries: Iterable<SampledSeries>, nowMs: number): Iterable<TruthMetric> {
  for (const entry of entries) {
    const { account, region, metricName, dimensions } = entry.series;
    const statistics = TRUTH_STATISTICS[entry.kind].map((name) => [name, statisticOf(name)] as const);
    for (const [timestampMs, minute] of entry.minutes) {
      if (nowMs < arrivalOf(entry.salt, timestampMs).finalMs) continue;
      const sorted = visibleSorted(entry, timestampMs, nowMs);
      const values = Object.fromEntries(statistics.map(([name, statistic]) => [name, statistic(sorted)]));
      if (minute.values.length > 0) {
        yield { type: 'metric', account, region, metricName, dimensions, timestampMs, values };
      }
    }
  }
}
