import type { Operation } from './operation.ts';

/** Calls a second per account and Region. FilterLogEvents and GetLogEvents differ by Region. */
const CALLS_PER_SECOND: Readonly<Record<string, number>> = {
  GetMetricData: 500,
  ListMetrics: 25,
  DescribeLogGroups: 10,
  DescribeLogStreams: 25,
  PutMetricAlarm: 3,
  PutCompositeAlarm: 3,
  DeleteAlarms: 3,
  DescribeAlarms: 9,
  DescribeAlarmHistory: 20,
  ListTagsForResource: 10,
  TagResource: 10,
  UntagResource: 10,
  GetResources: 15,
  PutMetricFilter: 5,
  DescribeMetricFilters: 5,
  DeleteMetricFilter: 5,
  AssumeRole: 600,
  GetCallerIdentity: 600,
};

const FILTER_LOG_EVENTS: Readonly<Record<string, number>> = {
  'us-east-1': 25,
  'eu-central-1': 5,
  'ap-northeast-3': 5,
  'ap-southeast-3': 5,
  'ca-west-1': 5,
  'il-central-1': 5,
};

const GET_LOG_EVENTS: Readonly<Record<string, number>> = {
  'eu-west-3': 30,
  'us-west-2': 10,
  'eu-west-1': 10,
  'eu-central-1': 10,
  'ap-northeast-3': 10,
  'ap-southeast-3': 10,
  'ca-west-1': 10,
  'il-central-1': 10,
};

/** API Gateway's control plane: 10 a second over all operations, bursts of 40. */
const API_GATEWAY = { rate: 10, burst: 40 };

/** GetMetricData datapoints a second: for the last three hours, and older. */
const RECENT_POINTS = 180_000;
const OLDER_POINTS = 396_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** AWS's quotas as token buckets that hold one second. Refuses instead of waiting, as AWS does. */
export class Quotas {
  readonly #monotonic: () => number;
  readonly #overrides: Readonly<Record<string, number>>;
  readonly #buckets = new Map<string, Bucket>();

  /** `overrides` sets calls per second by operation name. */
  constructor(options: { monotonic: () => number; overrides?: Readonly<Record<string, number>> }) {
    this.#monotonic = options.monotonic;
    this.#overrides = options.overrides ?? {};
  }

  /** Takes what the call costs, or returns false: the caller is throttled. */
  admits(operation: Operation): boolean {
    const { rate, burst, name } = this.#callQuota(operation);
    const place = `${operation.caller.account}\n${operation.caller.region}`;
    if (!this.#take(`${place}\n${name}`, rate, burst, 1)) return false;
    const points = operation.datapoints;
    if (points === undefined) return true;
    const pointRate = points.recent ? RECENT_POINTS : OLDER_POINTS;
    return this.#take(`${place}\npoints ${points.recent}`, pointRate, pointRate, points.count);
  }

  #callQuota({ name, protocol, caller }: Operation): { rate: number; burst: number; name: string } {
    const override = this.#overrides[name];
    if (override !== undefined) return { rate: override, burst: Math.max(1, override), name };
    if (protocol.startsWith('api-gateway')) return { ...API_GATEWAY, name: 'api-gateway' };
    const rate = rateOf(name, caller.region);
    return { rate, burst: rate, name };
  }

  #take(key: string, rate: number, burst: number, cost: number): boolean {
    const nowMs = this.#monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * rate) / 1_000);
    bucket.atMs = nowMs;
    this.#buckets.set(key, bucket);
    if (bucket.tokens < Math.min(cost, burst)) return false;
    bucket.tokens -= cost;
    return true;
  }
}

function rateOf(name: string, region: string): number {
  if (name === 'FilterLogEvents') return FILTER_LOG_EVENTS[region] ?? 10;
  if (name === 'GetLogEvents') return GET_LOG_EVENTS[region] ?? 25;
  return CALLS_PER_SECOND[name] ?? 25;
}
