import type { PutMetricAlarmCommandInput } from '@aws-sdk/client-cloudwatch';

/** What alarms on the P99 of stage `prod` of one API have in common; how slow and for how long is each test's own. */
export function latencyP99(apiName: string) {
  return {
    Namespace: 'AWS/ApiGateway',
    MetricName: 'Latency',
    Dimensions: [
      { Name: 'ApiName', Value: apiName },
      { Name: 'Stage', Value: 'prod' },
    ],
    ExtendedStatistic: 'p99',
    Period: 60,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  } satisfies Partial<PutMetricAlarmCommandInput>;
}
