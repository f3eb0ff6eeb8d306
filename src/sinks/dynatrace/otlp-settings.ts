import type { Secret } from '../../core/secret.ts';
import type { SinkFilterSettings } from '../sink-filter.ts';
import type { DynatraceOtlpConfig } from './config.ts';

export interface DynatraceOtlpSettings {
  /** Endpoint up to and without `/v1/…`. */
  readonly url: string;
  readonly token: Secret;
  /** Certificate authority to trust instead of the system's, PEM. */
  readonly ca?: string;
  readonly metrics: boolean;
  readonly logs: boolean;
  /** Alarms that fire are problems, too. */
  readonly problems: boolean;
  /** Where those go; absent: beside `url`. */
  readonly eventsUrl?: string;
  /** Metric keys are `<prefix>.<metric>.<statistic>`. Never `cloud.aws.*`: those belong to Dynatrace's own integration. */
  readonly metricPrefix: string;
  /** Dynatrace's published windows. Older points and records are `expired`: never sent, always counted. */
  readonly metricMaxAgeMs: number;
  readonly logMaxAgeMs: number;
  /** Beyond these, uncompressed, Dynatrace drops the whole request. */
  readonly maxMetricBodyBytes: number;
  readonly maxPointsPerBody: number;
  readonly maxLogBodyBytes: number;
  readonly maxLogsPerBody: number;
  /** Longest attribute value, bytes; what is longer is cut and marked with its length and SHA-256. */
  readonly maxAttributeBytes: number;
  /** Journal entries per `send`. */
  readonly maxBatchEntries: number;
  /** Bodies under way at once, per signal. */
  readonly maxInFlight: number;
  /** 0 = no compression. */
  readonly gzipLevel: number;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly filter: SinkFilterSettings;
}

/** `https://…/api/v2/otlp` → `https://…/api/v2/events/ingest`. */
export function eventsUrlOf({ url, eventsUrl }: Pick<DynatraceOtlpSettings, 'url' | 'eventsUrl'>): string {
  return eventsUrl ?? `${url.replace(/(\/otlp)?\/*$/, '')}/events/ingest`;
}

/** The published limits around a url and a token. OTLP logs: 2 MB, the stricter of two contradicting pages. */
export function createDynatraceOtlpSettings(
  given: Pick<DynatraceOtlpSettings, 'url' | 'token'> & Partial<DynatraceOtlpSettings>,
): DynatraceOtlpSettings {
  return {
    metrics: true,
    logs: true,
    problems: true,
    metricPrefix: 'gatewatch.apigateway',
    metricMaxAgeMs: 3_600_000,
    logMaxAgeMs: 86_400_000,
    maxMetricBodyBytes: 4_000_000,
    maxPointsPerBody: 15_000,
    maxLogBodyBytes: 2_000_000,
    maxLogsPerBody: 50_000,
    maxAttributeBytes: 32_000,
    maxBatchEntries: 2_000,
    maxInFlight: 4,
    gzipLevel: 1,
    connectTimeoutMs: 5_000,
    timeoutMs: 30_000,
    filter: {},
    ...given,
  };
}

/** What a user wrote, as the code passes it. `ca`: the text behind `caFile`. */
export function dynatraceOtlpSettingsFrom(
  config: DynatraceOtlpConfig,
  ca: string | undefined,
): DynatraceOtlpSettings {
  const { url, token, metrics, logs, problems, eventsUrl, metricPrefix, maxInFlight, filter } = config;
  return createDynatraceOtlpSettings({
    url,
    token,
    ...(ca === undefined ? {} : { ca }),
    metrics,
    logs,
    problems,
    ...(eventsUrl === undefined ? {} : { eventsUrl }),
    metricPrefix,
    metricMaxAgeMs: config.metricMaxAge,
    logMaxAgeMs: config.logMaxAge,
    maxBatchEntries: config.maxBatch,
    maxInFlight,
    timeoutMs: config.timeout,
    filter,
  });
}
