import type { Protocol, StageInventory } from '../../../src/model/inventory.ts';
import type { MetricSeries } from '../../../src/model/metric-record.ts';

export const CENTRAL = '111122223333';
export const REGION = 'eu-west-1';

export function stageOf(
  apiId: string,
  apiName: string,
  protocol: Protocol,
  more: Partial<StageInventory> = {},
): StageInventory {
  return {
    account: CENTRAL,
    region: REGION,
    apiId,
    apiName,
    stage: 'prod',
    protocol,
    tags: {},
    earlierFormats: [],
    detailedMetrics: false,
    authorizers: {},
    routes: {},
    ...more,
  };
}

export function seriesOf(
  name: string,
  statistics: readonly string[],
  more: Partial<MetricSeries> = {},
): MetricSeries {
  return {
    account: CENTRAL,
    region: REGION,
    namespace: 'AWS/ApiGateway',
    metricName: name,
    dimensions: { ApiName: 'orders', Stage: 'prod' },
    protocol: 'REST',
    apiId: 'r1',
    apiName: 'orders',
    stage: 'prod',
    periodS: 60,
    statistics,
    unit: 'ms',
    ...more,
  };
}
