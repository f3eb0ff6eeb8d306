import type { Protocol } from './inventory.ts';

/** One series: an exact dimension set of one metric in one account and Region. */
export interface MetricSeries {
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
  /** CloudWatch statistics asked for, e.g. `p50`, `p99`, `Average`, `SampleCount`, `Sum`. */
  readonly statistics: readonly string[];
  /** Unit of latencies `ms`, of counts `1`, of `DataProcessed` `By`. */
  readonly unit: string;
}

/** One settled point of one series: all its statistics under CloudWatch's own timestamp (start of the period). */
export interface MetricRecord {
  readonly kind: 'metric';
  readonly recordId: string;
  readonly eventId: string;
  readonly revision: number;
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
  readonly unit: string;
  /** Start of the period, from CloudWatch. */
  readonly eventMs: number;
  readonly readMs: number;
  /** Statistic → finite value. A statistic CloudWatch did not return is absent, never 0. */
  readonly values: Readonly<Record<string, number>>;
}
