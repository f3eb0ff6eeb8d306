import type { Protocol } from './inventory.ts';

/** Which series: an exact dimension set of one metric in one account and Region. */
interface SeriesIdentity {
  readonly account: string;
  readonly region: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly protocol: Protocol;
  readonly apiId?: string;
  readonly apiName?: string;
  readonly stage?: string;
  readonly periodS: number;
  /** Unit of latencies `ms`, of counts `1`, of `DataProcessed` `By`. */
  readonly unit: string;
}

/** One series as it is asked for. */
export interface MetricSeries extends SeriesIdentity {
  /** CloudWatch statistics asked for, e.g. `p50`, `p99`, `Average`, `SampleCount`, `Sum`. */
  readonly statistics: readonly string[];
}

/** One settled point of one series: all its statistics under CloudWatch's own timestamp (start of the period). */
export interface MetricRecord extends SeriesIdentity {
  readonly kind: 'metric';
  readonly recordId: string;
  readonly eventId: string;
  readonly revision: number;
  /** Start of the period, from CloudWatch. */
  readonly eventMs: number;
  readonly readMs: number;
  /** Statistic → finite value. A statistic CloudWatch did not return is absent, never 0. */
  readonly values: Readonly<Record<string, number>>;
}
