import type { Incidents } from './incidents.ts';

/**
 * The seam between the generated fleet and the servers that show it. The generator knows nothing of HTTP; the servers
 * know nothing of how traffic is made. Nothing here is shared with the code that reads the fleet.
 */

/** Milliseconds since the epoch throughout, unless a name says seconds. */
export interface WorldEvent {
  readonly logStream: string;
  readonly eventId: string;
  readonly timestampMs: number;
  /** An event can be read only once the sandbox clock has reached this. */
  readonly ingestionMs: number;
  readonly message: string;
}

export interface WorldLogGroup {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  /** Sorted by `timestampMs`, then `ingestionMs`, then `eventId`. Grows at the end and, for late events, inside. */
  readonly events: readonly WorldEvent[];
  /** Days that events are kept; absent: for ever. Older ones cannot be read. */
  readonly retentionInDays?: number;
  /** Absent: as old as the world. */
  readonly createdMs?: number;
  /** True: encrypted with a key that the caller may not use. */
  readonly kmsDenied?: boolean;
  /** Absent: `STANDARD`, or what the fault `infrequent-access` makes of it. */
  readonly logGroupClass?: string;
}

export interface WorldSeries {
  readonly account: string;
  readonly region: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

export interface WorldPoint {
  readonly timestampMs: number;
  readonly value: number;
}

export interface WorldAccount {
  readonly accountId: string;
  readonly regions: readonly string[];
}

/** Shapes as API Gateway's control plane returns them, ready to be serialised (camelCase as on the wire). */
export interface WorldRestApi {
  readonly account: string;
  readonly region: string;
  readonly api: Readonly<Record<string, unknown>> & { readonly id: string; readonly name: string };
  readonly stages: readonly Readonly<Record<string, unknown>>[];
  readonly authorizers: readonly Readonly<Record<string, unknown>>[];
  /** As `GetResources?embed=methods` returns them. */
  readonly resources: readonly Readonly<Record<string, unknown>>[];
}

export interface WorldV2Api {
  readonly account: string;
  readonly region: string;
  readonly api: Readonly<Record<string, unknown>> & { readonly apiId: string; readonly name: string };
  readonly stages: readonly Readonly<Record<string, unknown>>[];
  readonly authorizers: readonly Readonly<Record<string, unknown>>[];
  readonly routes: readonly Readonly<Record<string, unknown>>[];
  readonly integrations?: readonly Readonly<Record<string, unknown>>[];
}

/** What is true of one request, written down when it was made. */
export interface TruthRequest {
  readonly type: 'request';
  readonly account: string;
  readonly region: string;
  readonly apiId: string;
  readonly apiName: string;
  readonly stage: string;
  /** The scenario that made it, e.g. `cache_hit`, `waf_block`, `forged_request_id`. */
  readonly scenario: string;
  readonly extendedRequestId: string;
  readonly requestId: string;
  readonly eventMs: number;
  readonly status: number;
  /** Event of the access line; absent for an invocation without a request (console test). */
  readonly access?: TruthEvent;
  /** Events of the authorizer invocation that this request caused (a miss); empty on a hit. */
  readonly authorizer: readonly TruthEvent[];
  /** Lambda request id of the invocation that decided, where the logs name it. */
  readonly decisionRequestId?: string;
  readonly decision: 'allow' | 'deny' | 'refused_before' | 'error' | 'unknown';
  readonly outcome: string;
  readonly joinKey: string;
  /** Clear text; `unknown` when nothing says. */
  readonly customer: string;
  readonly principal?: string;
}

export interface TruthEvent {
  readonly account: string;
  readonly region: string;
  readonly logGroup: string;
  readonly logStream: string;
  readonly eventId: string;
  readonly ingestionMs: number;
}

/** A line that no format or preset reads, or one that carries nothing (a platform line outside any invocation). */
export interface TruthLine {
  readonly type: 'unparsed' | 'filtered';
  readonly of: 'access' | 'authorizer';
  readonly event: TruthEvent;
}

/** One final metric point: every statistic the raw samples give for that minute. */
export interface TruthMetric {
  readonly type: 'metric';
  readonly account: string;
  readonly region: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly values: Readonly<Record<string, number>>;
}

export type TruthRow = TruthRequest | TruthLine | TruthMetric;

export interface World {
  readonly accounts: readonly WorldAccount[];
  readonly restApis: readonly WorldRestApi[];
  readonly v2Apis: readonly WorldV2Api[];
  readonly logGroups: readonly WorldLogGroup[];
  readonly series: readonly WorldSeries[];
  /** Longest ingestion lag the generator ever uses. */
  readonly longestLagMs: number;
  /** First and last moment of the history made at start-up. */
  readonly historyFromMs: number;
  readonly historyToMs: number;
  /** Secrets planted in lines: none of them may appear in any output of the product. */
  readonly plantedSecrets: readonly string[];
  /** Absent: this world's backends are always well. */
  readonly incidents?: Incidents;
  /** Makes live traffic up to `nowMs`. Deterministic: the same seed gives the same fleet and the same requests. */
  advanceTo(nowMs: number): void;
  /**
   * Points of one series and statistic as CloudWatch would show them at `nowMs`: the newest minutes absent or partial,
   * restated later. `stat` as in GetMetricData (`p99`, `Average`, `SampleCount`, `Sum`, `Minimum`, `Maximum`).
   */
  points(
    series: WorldSeries,
    stat: string,
    periodS: number,
    fromMs: number,
    toMs: number,
    nowMs: number,
  ): readonly WorldPoint[];
  /** Everything true at `nowMs`: requests and lines readable by then, metric points final by then. */
  truth(nowMs: number): Iterable<TruthRow>;
}
