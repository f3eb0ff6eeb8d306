import { describe, expect, it } from 'vitest';
import { METRICS, publishedApiName } from '../../src/catalog/metrics.ts';

describe('the metric table', () => {
  it('spells every metric as its protocol publishes it', () => {
    const names = (protocol: string) =>
      METRICS.filter((row) => row.protocol === protocol).map(({ name }) => name);
    expect(names('REST')).toEqual([
      'Count',
      '4XXError',
      '5XXError',
      'Latency',
      'IntegrationLatency',
      'CacheHitCount',
      'CacheMissCount',
    ]);
    expect(names('HTTP')).toEqual(['Count', '4xx', '5xx', 'Latency', 'IntegrationLatency', 'DataProcessed']);
    expect(names('WEBSOCKET')).toEqual([
      'ConnectCount',
      'MessageCount',
      'IntegrationError',
      'ClientError',
      'ExecutionError',
      'IntegrationLatency',
    ]);
  });

  it('keys REST by API name and the others by API id', () => {
    for (const { protocol, dimensions } of METRICS) {
      expect(dimensions.stage).toEqual([protocol === 'REST' ? 'ApiName' : 'ApiId', 'Stage']);
    }
  });

  it('asks for no more statistics than CloudWatch bills as one, and for the count beside every percentile', () => {
    for (const { defaultStatistics } of METRICS) {
      expect(defaultStatistics.length).toBeLessThanOrEqual(5);
      expect(defaultStatistics).toContain('SampleCount');
    }
  });

  it.each([
    ['orders', 'orders'],
    ['Bestellungen-Ä', 'Bestellungen-'],
    ['注文', 'r1'],
  ])('publishes the API name %s as %s', (name, published) => {
    expect(publishedApiName(name, 'r1')).toBe(published);
  });
});
