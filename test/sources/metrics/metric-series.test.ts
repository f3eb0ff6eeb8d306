import { describe, expect, it } from 'vitest';
import { DEFAULT_STATISTICS } from '../../../src/catalog/metrics.ts';
import type { StageInventory } from '../../../src/model/inventory.ts';
import { metricsConfig } from '../../../src/sources/metrics/config.ts';
import { metricSeriesFor } from '../../../src/sources/metrics/metric-series.ts';
import { metricsSettingsOf } from '../../../src/sources/metrics/metrics-settings.ts';
import { stageOf } from './series-fixture.ts';

const settings = metricsSettingsOf(metricsConfig.parse({}));

function dimensionsOf(stage: StageInventory, metricName: string, levels = settings.levels) {
  return metricSeriesFor({ stages: [stage] }, { ...settings, levels })
    .filter((series) => series.metricName === metricName)
    .map(({ dimensions }) => dimensions);
}

describe('metricSeriesFor', () => {
  it('reads one series for each metric of a stage, with the statistics of its kind', () => {
    const series = metricSeriesFor({ stages: [stageOf('r1', 'orders', 'REST')] }, settings);
    expect(series.map(({ metricName, statistics, unit }) => [metricName, statistics, unit])).toEqual([
      ['Count', ['SampleCount'], '1'],
      ['4XXError', ['Sum', 'Average', 'SampleCount'], '1'],
      ['5XXError', ['Sum', 'Average', 'SampleCount'], '1'],
      ['Latency', ['p50', 'p95', 'p99', 'Average', 'SampleCount'], 'ms'],
      ['IntegrationLatency', DEFAULT_STATISTICS.latency, 'ms'],
    ]);
    expect(series[0]).toMatchObject({ apiId: 'r1', apiName: 'orders', stage: 'prod', periodS: 60 });
  });

  it('reads cache metrics only where there is a cache', () => {
    const cached = stageOf('r1', 'orders', 'REST', { cacheEnabled: true });
    expect(dimensionsOf(cached, 'CacheHitCount')).toEqual([{ ApiName: 'orders', Stage: 'prod' }]);
  });

  it('keys each protocol as it publishes', () => {
    expect(dimensionsOf(stageOf('r1', 'Orders Ä', 'REST'), 'Count')).toEqual([
      { ApiName: 'Orders ', Stage: 'prod' },
    ]);
    expect(dimensionsOf(stageOf('h1', 'shop', 'HTTP'), 'Count')).toEqual([{ ApiId: 'h1', Stage: 'prod' }]);
    expect(dimensionsOf(stageOf('w1', 'chat', 'WEBSOCKET'), 'MessageCount')).toEqual([
      { ApiId: 'w1', Stage: 'prod' },
    ]);
  });

  it('names no API id on the series that two APIs of one name share', () => {
    const stages = [stageOf('r1', 'orders', 'REST'), stageOf('r2', 'orders', 'REST')];
    const series = metricSeriesFor({ stages }, settings);
    expect(series).toHaveLength(5);
    for (const one of series) expect(one).not.toHaveProperty('apiId');
  });

  it('adds the API level once for all stages, and details only where they are published', () => {
    const routes = { 'GET /orders/{id}': 'none', 'ANY /x': 'none' };
    const detailed = stageOf('r1', 'orders', 'REST', { detailedMetrics: true, routes });
    const plain = stageOf('r1', 'orders', 'REST', { stage: 'test', routes });
    const all = { ...settings, levels: ['stage', 'api', 'detailed'] as const };
    const counts = metricSeriesFor({ stages: [detailed, plain] }, all).filter(
      ({ metricName }) => metricName === 'Count',
    );
    expect(counts.map(({ dimensions }) => dimensions)).toEqual([
      { ApiName: 'orders', Stage: 'prod' },
      { ApiName: 'orders' },
      { ApiName: 'orders', Method: 'GET', Resource: '/orders/{id}', Stage: 'prod' },
      { ApiName: 'orders', Method: 'ANY', Resource: '/x', Stage: 'prod' },
      { ApiName: 'orders', Stage: 'test' },
    ]);
    expect(counts[1]).not.toHaveProperty('stage');
    const chat = stageOf('w1', 'chat', 'WEBSOCKET', { detailedMetrics: true, routes: { $connect: 'none' } });
    expect(dimensionsOf(chat, 'MessageCount', ['detailed'])).toEqual([
      { ApiId: 'w1', Stage: 'prod', Route: '$connect' },
    ]);
  });
});
