/** Operations Gatewatch calls. API Gateway's control plane shares one allowance, so its calls share one bucket. */
export type QuotaName =
  | 'FilterLogEvents'
  | 'GetMetricData'
  | 'ListMetrics'
  | 'DescribeLogGroups'
  | 'ApiGatewayControlPlane'
  | 'GetCallerIdentity'
  | 'AlarmWrites'
  | 'DescribeAlarms'
  | 'DescribeAlarmHistory'
  | 'AlarmTags'
  | 'GetResources'
  | 'MetricFilters'
  | 'MuteRules'
  | 'Topics'
  | 'PutMetricData';

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
 * AlarmWrites: PutMetricAlarm, PutCompositeAlarm and DeleteAlarms each have three a second; one bucket keeps all of them
 * below that. GetCallerIdentity, MuteRules and Topics have no published quota; the value only keeps a loop from running wild.
 */
const PER_SECOND: Readonly<Record<Exclude<QuotaName, 'FilterLogEvents'>, number>> = {
  GetMetricData: 500,
  ListMetrics: 25,
  DescribeLogGroups: 10,
  ApiGatewayControlPlane: 10,
  GetCallerIdentity: 10,
  AlarmWrites: 3,
  DescribeAlarms: 9,
  DescribeAlarmHistory: 20,
  AlarmTags: 10,
  GetResources: 15,
  MetricFilters: 5,
  MuteRules: 3,
  Topics: 30,
  PutMetricData: 150,
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
 * no burst is published, a full bucket plus one second of refill stays within the quota of that second. Two calls at
 * once are wanted where that leaves room for them: re-reading takes one of them, and reading what is new the other.
 */
export function limiterRate(
  name: QuotaName,
  region: string,
  share: number,
  overrides: QuotaOverrides = {},
): LimiterRate {
  const quota = quotaPerSecond(name, region, overrides);
  const ratePerSecond = quota * share;
  const published = overrides[name] === undefined ? BURST[name] : undefined;
  const own = Math.max(ratePerSecond / 2, Math.min(2, quota - ratePerSecond));
  return { ratePerSecond, burst: Math.max(1, published === undefined ? own : published * share) };
}
