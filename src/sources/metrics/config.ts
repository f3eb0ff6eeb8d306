import { z } from 'zod';
import { DEFAULT_STATISTICS } from '../../catalog/metrics.ts';
import { duration } from '../../core/config-fields.ts';

const statistic = z.string().regex(/^(Average|Sum|Minimum|Maximum|SampleCount|p(100|\d{1,2})(\.\d{1,10})?)$/);

function statistics(defaults: readonly string[], what: string) {
  return z
    .array(statistic)
    .min(1)
    .prefault([...defaults])
    .meta({
      description: `Statistics read for ${what}. CloudWatch bills five per series as one request; more cost more.`,
      examples: [[...defaults]],
    });
}

/** Which points are read from CloudWatch and when they are believed. */
export const metricsConfig = z
  .strictObject({
    period: duration({ minMs: 60_000, maxMs: 86_400_000 })
      .prefault('60s')
      .meta({
        description: 'Length of one point, a duration, a multiple of 60 s.',
        examples: ['60s'],
      }),
    settle: duration()
      .prefault('3m')
      .meta({
        description: 'Age at which a point is believed and delivered, a duration, at least the period.',
        examples: ['3m'],
      }),
    revisit: duration()
      .prefault('15m')
      .meta({
        description: 'How far back settled points are read again for corrections, a duration.',
        examples: ['15m'],
      }),
    firstRead: duration()
      .prefault('3h')
      .meta({
        description: 'How far back metrics are read when a Region is read for the first time, a duration.',
        examples: ['24h'],
      }),
    statistics: z
      .strictObject({
        latency: statistics(DEFAULT_STATISTICS.latency, 'latencies'),
        count: statistics(DEFAULT_STATISTICS.count, 'counts'),
        error: statistics(DEFAULT_STATISTICS.error, 'error metrics'),
        cache: statistics(DEFAULT_STATISTICS.cache, 'cache hits and misses'),
        bytes: statistics(DEFAULT_STATISTICS.bytes, 'bytes processed'),
      })
      .prefault({})
      .meta({ description: 'Statistics per kind of metric.' }),
    levels: z
      .array(z.enum(['stage', 'api', 'detailed']))
      .min(1)
      .prefault(['stage'])
      .meta({
        description:
          'Which series are read: `stage`, `api` (all stages together), `detailed` (per method or route, where the stage publishes them). Each level costs as much again or more; `gatewatch cost` tells.',
        examples: [['stage', 'api']],
      }),
  })
  .meta({ description: 'CloudWatch metrics: period, settling, statistics.' });

export type MetricsConfig = z.infer<typeof metricsConfig>;
