import type { Secret } from '../../core/secret.ts';
import { DEFAULT_GZIP_LEVEL } from '../../http/gzip.ts';
import type { SinkFilterSettings } from '../sink-filter.ts';
import type { SplunkHecConfig } from './config.ts';

/** The kinds of event, each with a sourcetype of its own: CIM's Web and Authentication models exclude each other. */
export type HecEventKind = 'access' | 'authentication' | 'metric' | 'alarm';

export const SOURCETYPES: Readonly<Record<HecEventKind, string>> = {
  access: 'gatewatch:access',
  authentication: 'gatewatch:authentication',
  metric: 'gatewatch:metric',
  alarm: 'gatewatch:alarm',
};

export interface SplunkHecSettings {
  /** Origin of the collector, with or without the path `/services/collector`. */
  readonly url: string;
  readonly token: Secret;
  /** Certificate authority to trust instead of the system's, PEM. */
  readonly ca?: string;
  /** Index of every event; absent: the token's default. */
  readonly index?: string;
  /** Index by kind of event, before `index`. */
  readonly indexes: Readonly<Partial<Record<HecEventKind, string>>>;
  /** `host` of every envelope. */
  readonly host: string;
  /** Kinds that are sent; `alarm` is unless it says false. */
  readonly events: Readonly<Record<Exclude<HecEventKind, 'alarm'>, boolean> & { alarm?: boolean }>;
  /** `event`: searchable JSON. `metric`: HEC's metrics form, which needs an index of metrics type. */
  readonly metricsAs: 'event' | 'metric';
  /**
   * When Splunk names event n as bad: true counts the events before n as indexed (proved for Enterprise 10.4.3),
   * false sends them again (another release was seen to index none).
   */
  readonly keepPrefix: boolean;
  /** Largest body before compression, bytes. */
  readonly maxBodyBytes: number;
  /** Journal entries per `send`. */
  readonly maxBatchEntries: number;
  /** Bodies under way at once. */
  readonly maxInFlight: number;
  /** 0 = no compression. */
  readonly gzipLevel: number;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly ack: { readonly enabled: boolean; readonly pollMs: number; readonly timeoutMs: number };
  readonly filter: SinkFilterSettings;
}

/** The published defaults around a url and a token. Bodies of 2 MiB: Splunk Cloud refuses somewhere above 5 MiB. */
export function createSplunkHecSettings(
  given: Pick<SplunkHecSettings, 'url' | 'token'> & Partial<SplunkHecSettings>,
): SplunkHecSettings {
  return {
    indexes: {},
    host: 'gatewatch',
    events: { access: true, authentication: true, metric: true, alarm: true },
    metricsAs: 'event',
    keepPrefix: false,
    maxBodyBytes: 2 * 1_024 * 1_024,
    maxBatchEntries: 2_000,
    maxInFlight: 4,
    gzipLevel: 1,
    connectTimeoutMs: 5_000,
    timeoutMs: 30_000,
    ack: { enabled: false, pollMs: 10_000, timeoutMs: 300_000 },
    filter: {},
    ...given,
  };
}

/** What a user wrote, as the code passes it. `ca`: the text behind `caFile`. */
export function splunkHecSettingsFrom(config: SplunkHecConfig, ca: string | undefined): SplunkHecSettings {
  const { url, token, index, indexes, host, metricsAs, keepPrefix, filter } = config;
  return createSplunkHecSettings({
    url,
    token,
    ...(ca === undefined ? {} : { ca }),
    ...(index === undefined ? {} : { index }),
    indexes,
    host,
    events: {
      access: config.access,
      authentication: config.authentication,
      metric: config.metrics,
      alarm: config.alarms,
    },
    metricsAs,
    keepPrefix,
    maxBodyBytes: config.maxBody,
    maxBatchEntries: config.maxBatch,
    maxInFlight: config.maxInFlight,
    gzipLevel: config.gzip ? DEFAULT_GZIP_LEVEL : 0,
    timeoutMs: config.timeout,
    ack: {
      enabled: config.acknowledgement,
      pollMs: config.acknowledgementPoll,
      timeoutMs: config.acknowledgementTimeout,
    },
    filter,
  });
}
