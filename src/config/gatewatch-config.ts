import { z } from 'zod';
import { alarmsConfig } from '../alarms/config.ts';
import { accountConfig } from '../aws/config.ts';
import { entryName } from '../core/config-fields.ts';
import { inventoryConfig } from '../inventory/config.ts';
import { redactionConfig } from '../redact/config.ts';
import { scheduleConfig } from '../scheduler/config.ts';
import { dynatraceOtlpConfig } from '../sinks/dynatrace/config.ts';
import { splunkHecConfig } from '../sinks/splunk/config.ts';
import { accessLogsConfig, authorizersConfig, customersConfig, logsConfig } from '../sources/log-config.ts';
import { metricsConfig } from '../sources/metrics/config.ts';
import { journalConfig } from '../store/config.ts';
import { telemetryConfig } from '../telemetry/config.ts';
import { serverConfig } from '../web/config.ts';

/** One sink, told apart by `type`. A new kind of sink is one entry more. */
export const sinkConfig = z.discriminatedUnion('type', [splunkHecConfig, dynatraceOtlpConfig]);

/**
 * The sections of `gatewatch.yaml`. Each component owns its own; this only puts them together. The result keeps the
 * shape of the file: durations are milliseconds, sizes bytes, secrets `Secret`s, everything else as written.
 */
export const configSections = {
  version: z.literal(1).meta({ description: 'Version of the file format.', examples: [1] }),
  accounts: z.record(entryName(), accountConfig).meta({
    description: 'AWS accounts to read, by a name of your choice.',
    examples: [{ central: { accountId: '111122223333', regions: ['eu-west-1'] } }],
  }),
  inventory: inventoryConfig.prefault({}),
  accessLogs: accessLogsConfig.prefault({}),
  authorizers: authorizersConfig.prefault([]),
  customers: customersConfig.prefault({}),
  metrics: metricsConfig.prefault({}),
  logs: logsConfig.prefault({}),
  alarms: alarmsConfig.prefault({}),
  redaction: redactionConfig,
  journal: journalConfig.prefault({}),
  schedule: scheduleConfig.prefault({}),
  sinks: z.record(entryName(), sinkConfig).meta({
    description: 'Destinations, by a name of your choice; two of one type are possible.',
    examples: [
      {
        splunk: {
          type: 'splunk_hec',
          url: 'https://splunk.example.com:8088',
          token: '$' + '{file:hec.token}',
        },
      },
    ],
  }),
  server: serverConfig.prefault({}),
  telemetry: telemetryConfig.prefault({}),
} as const;

export const gatewatchConfig = z
  .strictObject(configSections)
  .meta({ title: 'Gatewatch configuration', description: 'The file gatewatch.yaml.' });

export type GatewatchConfig = z.output<typeof gatewatchConfig>;
export type SinkConfig = z.output<typeof sinkConfig>;
