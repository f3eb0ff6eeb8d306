import type { FaultInjector } from '../faults.ts';
import type { Reply } from '../http-exchange.ts';
import type { World } from '../world.ts';
import type { AlarmEngine } from './alarm-engine.ts';
import type { AlarmStore } from './alarm-store.ts';
import type { AwsProtocol } from './aws-protocol.ts';
import type { Caller } from './caller.ts';
import type { MetricFilters } from './metric-filter-store.ts';
import type { MuteRules } from './mute-rule-store.ts';
import type { PublishedMetrics } from './published-metrics.ts';
import type { SnsLog } from './sns.ts';

/** What every AWS operation may use. Sizes are the real ones by default; tests and faults make them smaller. */
export interface AwsContext {
  readonly world: World;
  readonly now: () => number;
  /** The host's time: credentials expire by it, since the SDK compares with its own clock. */
  readonly hostNow: () => number;
  readonly faults: FaultInjector;
  readonly limits: AwsLimits;
  /** External id a role asks for, by account id. Absent: none is asked for. */
  readonly externalIds: Readonly<Record<string, string>>;
  readonly alarms: AlarmStore;
  readonly alarmEngine: AlarmEngine;
  readonly metricFilters: MetricFilters;
  readonly publishedMetrics: PublishedMetrics;
  readonly muteRules: MuteRules;
  readonly sns: SnsLog;
}

export interface AwsLimits {
  /** Datapoints on one page of GetMetricData. Smaller than AWS's 100,800, so that paging happens at all. */
  readonly metricPagePoints: number;
  readonly listMetricsPage: number;
  readonly logPageEvents: number;
  readonly logPageBytes: number;
  readonly describePage: number;
  readonly apiPage: number;
  readonly tokenLifeMs: number;
}

export const awsLimits: AwsLimits = {
  metricPagePoints: 10_000,
  listMetricsPage: 500,
  logPageEvents: 10_000,
  logPageBytes: 1_048_576,
  describePage: 50,
  apiPage: 25,
  tokenLifeMs: 24 * 3_600_000,
};

export interface Operation {
  readonly protocol: AwsProtocol;
  readonly name: string;
  readonly caller: Caller;
  readonly run: () => Reply;
  /** Datapoints the call asks for, where the quota counts them. */
  readonly datapoints?: { readonly count: number; readonly recent: boolean };
}
