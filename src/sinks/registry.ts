import type { Clock } from '../core/clock.ts';
import { assertNever } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Meter } from '../core/meter.ts';
import type { Sink } from '../model/sink.ts';
import type { DynatraceOtlpConfig } from './dynatrace/config.ts';
import { createDynatraceOtlpSink } from './dynatrace/dynatrace-otlp-sink.ts';
import { dynatraceOtlpSettingsFrom } from './dynatrace/otlp-settings.ts';
import type { SplunkHecConfig } from './splunk/config.ts';
import { splunkHecSettingsFrom } from './splunk/hec-settings.ts';
import { createSplunkHecSink } from './splunk/splunk-hec-sink.ts';
import { createSplunkLoggingTransport } from './splunk/splunk-logging-transport.ts';

/** A new sink: its folder, its config here, and its line in `createSink`. */
export type SinkConfig = SplunkHecConfig | DynatraceOtlpConfig;

export interface SinkDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly random: () => number;
  /** Reads a text file, for certificate authorities. Throws a `UserError` when it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** One sink per entry of `sinks:`, in its order. Connects nowhere yet. */
export function createSinks(configs: Readonly<Record<string, SinkConfig>>, deps: SinkDeps): Sink[] {
  return Object.entries(configs).map(([name, config]) => createSink(name, config, deps));
}

function createSink(name: string, config: SinkConfig, deps: SinkDeps): Sink {
  const ca = config.caFile === undefined ? undefined : deps.readFile(config.caFile);
  switch (config.type) {
    case 'splunk_hec':
      return createSplunk(name, config, ca, deps);
    case 'dynatrace_otlp':
      return createDynatraceOtlpSink({ ...deps, name, settings: dynatraceOtlpSettingsFrom(config, ca) });
    default:
      return assertNever(config, 'type of sink');
  }
}

function createSplunk(name: string, config: SplunkHecConfig, ca: string | undefined, deps: SinkDeps): Sink {
  const settings = splunkHecSettingsFrom(config, ca);
  if (config.client === 'own') return createSplunkHecSink({ ...deps, name, settings });
  return createSplunkHecSink({ ...deps, name, settings, transport: createSplunkLoggingTransport(settings) });
}
