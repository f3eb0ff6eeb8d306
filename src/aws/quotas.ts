/** Operations Gatewatch calls. API Gateway's control plane shares one allowance, so its calls share one bucket. */
export type QuotaName =
  | 'FilterLogEvents'
  | 'GetMetricData'
  | 'ListMetrics'
  | 'ApiGatewayControlPlane'
  | 'GetCallerIdentity';

/** Calls per second that replace the table's value, for accounts whose quota was raised. */
export type QuotaOverrides = Partial<Readonly<Record<QuotaName, number>>>;

/** CloudWatch Logs quotas: FilterLogEvents is not adjustable and differs by Region. */
const FILTER_LOG_EVENTS: Readonly<Record<string, number>> = {
  'us-east-1': 25,
  'eu-central-1': 5,
  'ap-northeast-3': 5,
  'ap-southeast-3': 5,
  'ca-west-1': 5,
  'il-central-1': 5,
};

/**
 * Calls per second by default. GetMetricData and ListMetrics: "CloudWatch service quotas". ApiGatewayControlPlane:
 * "Quotas for creating, deploying and managing an API" gives ten calls a second over all operations of an account.
 * GetCallerIdentity has no published quota; the value only keeps a loop from running wild.
 */
const PER_SECOND: Readonly<Record<Exclude<QuotaName, 'FilterLogEvents'>, number>> = {
  GetMetricData: 500,
  ListMetrics: 25,
  ApiGatewayControlPlane: 10,
  GetCallerIdentity: 10,
};

/** Calls per second that AWS allows one account in one Region. */
export function quotaPerSecond(name: QuotaName, region: string, overrides: QuotaOverrides = {}): number {
  const override = overrides[name];
  if (override !== undefined) return override;
  return name === 'FilterLogEvents' ? (FILTER_LOG_EVENTS[region] ?? 10) : PER_SECOND[name];
}

/** Calls that AWS takes at once on top of the rate, where it publishes such a number. */
const BURST: Partial<Readonly<Record<QuotaName, number>>> = { ApiGatewayControlPlane: 40 };

export interface LimiterRate {
  readonly ratePerSecond: number;
  readonly burst: number;
}

/**
 * Rate and burst of our own limiter: `share` of what AWS allows, because people in the console share it with us. Where
 * no burst is published, a full bucket plus one second of refill stays below the quota of that second (1.5 × `share`).
 */
export function limiterRate(
  name: QuotaName,
  region: string,
  share: number,
  overrides: QuotaOverrides = {},
): LimiterRate {
  const ratePerSecond = quotaPerSecond(name, region, overrides) * share;
  const published = overrides[name] === undefined ? BURST[name] : undefined;
  return {
    ratePerSecond,
    burst: Math.max(1, published === undefined ? ratePerSecond / 2 : published * share),
  };
}
