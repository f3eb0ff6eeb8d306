import type { DimensionLevel, MetricKind } from '../../catalog/metrics.ts';
import type { MetricsConfig } from './config.ts';

export interface MetricsSettings {
  readonly periodMs: number;
  /** Age at which a point is believed. */
  readonly settleMs: number;
  /** How far back settled points are read again. */
  readonly revisitMs: number;
  readonly statistics: Readonly<Record<MetricKind, readonly string[]>>;
  /** Which dimension sets are read. */
  readonly levels: readonly DimensionLevel[];
}

export function metricsSettingsOf(config: MetricsConfig): MetricsSettings {
  return {
    periodMs: config.period,
    settleMs: config.settle,
    revisitMs: config.revisit,
    statistics: config.statistics,
    levels: config.levels,
  };
}
