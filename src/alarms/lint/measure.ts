import type { AwsClients } from '../../aws/aws-clients.ts';
import type { MetricPoint, MetricQuery } from '../../aws/metric-data.ts';
import { HeldError, IncompleteReadError } from '../../core/errors.ts';
import { percentileOf } from '../../evaluate/low-samples.ts';
import type { AlarmInstance } from '../alarm-instance.ts';
import type { Scope } from '../observe-alarms.ts';
import { type MetricRef, metricOf } from '../portable-metrics.ts';
import { SIGNAL_NAMESPACE } from '../signal-rule.ts';
import { type LintFacts, metricKey } from './finding.ts';
import { watchedInputs } from './watched-inputs.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;
const QUERIES_PER_CALL = 500;

export interface Measuring {
  readonly aws: Pick<AwsClients, 'listMetrics' | 'getMetricData'>;
  readonly scopes: readonly Scope[];
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/**
 * What the measured rules need: which metrics are alive (ListMetrics, free) and how many requests a minute each stage or
 * route with a percentile alarm had over the last day (GetMetricData, one metric each, 500 in a call). What cannot be read
 * is in `unread`, and the rules that need it stay silent.
 */
export async function measureFor(
  instances: readonly AlarmInstance[],
  measuring: Measuring,
): Promise<{ readonly facts: LintFacts; readonly unread: readonly string[] }> {
  const unread: string[] = [];
  const orUnread = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof IncompleteReadError || error instanceof HeldError)) throw error;
      unread.push(error.message);
      return undefined;
    }
  };
  const alive = await orUnread(aliveMetrics(instances, measuring));
  const requestsPerMinute = await orUnread(measuredTraffic(instances, measuring));
  const facts = {
    ...(alive === undefined ? {} : { alive }),
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
  };
  return { facts, unread };
}

/** ListMetrics tells of metrics with a point in the last two weeks. Our own signals have none while nothing is wrong. */
export async function aliveMetrics(
  instances: readonly AlarmInstance[],
  { aws, scopes, signal }: Measuring,
): Promise<NonNullable<LintFacts['alive']>> {
  const named = instances.flatMap((instance) =>
    watchedInputs(instance).map(({ metric }) => metric.namespace),
  );
  const namespaces = new Set(['AWS/ApiGateway', ...named.filter((name) => name !== SIGNAL_NAMESPACE)]);
  const keys = new Set<string>();
  for (const scope of scopes) {
    for (const namespace of namespaces) {
      for await (const page of aws.listMetrics({ ...scope, namespace, signal })) {
        for (const metric of page) keys.add(metricKey(scope.account, scope.region, metric));
      }
    }
  }
  return { namespaces, keys };
}

async function measuredTraffic(
  instances: readonly AlarmInstance[],
  measuring: Measuring,
): Promise<ReadonlyMap<string, number>> {
  const perMinute = new Map<string, number>();
  for (const { scope, counts } of countsOfPercentiles(instances)) {
    for (let start = 0; start < counts.length; start += QUERIES_PER_CALL) {
      const asked = counts.slice(start, start + QUERIES_PER_CALL);
      for (const [key, value] of await askTraffic(asked, scope, measuring)) perMinute.set(key, value);
    }
  }
  return perMinute;
}

interface Count {
  readonly key: string;
  readonly metric: MetricRef;
}

/** The request counts of stages and routes that have an alarm on a percentile, each once. */
function countsOfPercentiles(
  instances: readonly AlarmInstance[],
): readonly { readonly scope: Scope; readonly counts: readonly Count[] }[] {
  const judged = instances.filter((instance) =>
    watchedInputs(instance).some(({ statistic }) => percentileOf(statistic) !== undefined),
  );
  const scopes = Map.groupBy(judged, ({ resource }) => `${resource.key.account}/${resource.key.region}`);
  return [...scopes.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { account, region } = first.resource.key;
    const counts = new Map<string, Count>();
    for (const { each } of group) {
      const metric = metricOf('requests', each.stage, each.route);
      if (metric === undefined) continue;
      const key = metricKey(account, region, metric);
      counts.set(key, { key, metric });
    }
    return [{ scope: { account, region }, counts: [...counts.values()] }];
  });
}

async function askTraffic(
  counts: readonly Count[],
  scope: Scope,
  { aws, nowMs, signal }: Measuring,
): Promise<readonly (readonly [string, number])[]> {
  const toMs = Math.ceil(nowMs / HOUR_MS) * HOUR_MS;
  const queries = counts.map(({ metric }, index): MetricQuery => {
    return { id: `q${index}`, ...metric, stat: 'SampleCount', periodS: HOUR_MS / 1_000 };
  });
  const answer = await aws.getMetricData({ ...scope, queries, fromMs: toMs - DAY_MS, toMs, signal });
  if (answer.failure !== undefined) throw answer.failure;
  return answer.results.map((result, index) => {
    if (result.status !== 'complete') {
      throw new IncompleteReadError(`GetMetricData did not answer whole: ${result.statusCode}`);
    }
    return [counts[index]?.key ?? '', perMinute(result.points, nowMs)] as const;
  });
}

/** Over the time since the first point: an API that is an hour old has not been idle for the rest of the day. */
function perMinute(points: readonly MetricPoint[], nowMs: number): number {
  const [first] = points;
  if (first === undefined) return 0;
  const requests = points.reduce((sum, { value }) => sum + value, 0);
  return (requests * MINUTE_MS) / Math.max(MINUTE_MS, nowMs - first.timestampMs);
}
