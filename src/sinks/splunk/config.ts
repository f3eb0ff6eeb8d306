import { z } from 'zod';
import { byteSize, duration, httpUrl, secret, text } from '../../core/config-fields.ts';
import { deliveryOptions } from '../delivery-config.ts';
import { sinkFilterConfig } from '../sink-filter-config.ts';

function onOff(value: boolean, description: string) {
  return z
    .boolean()
    .prefault(value)
    .meta({ description, examples: [value] });
}

/** A Splunk HTTP Event Collector. */
export const splunkHecConfig = z
  .strictObject({
    type: z.literal('splunk_hec').meta({ description: 'Splunk HTTP Event Collector.' }),
    url: httpUrl().meta({
      description: 'Address of the collector without a path; https unless it is this machine.',
      examples: ['https://splunk.example.com:8088'],
    }),
    allowInsecure: onOff(
      false,
      'Allow plain http to another machine. The token then crosses the network readable.',
    ),
    token: secret().meta({ description: 'HEC token.', examples: ['${file:hec.token}'] }),
    index: text()
      .exactOptional()
      .meta({ description: 'Index of every event; absent: the default of the token.', examples: ['apigw'] }),
    indexes: z
      .strictObject({
        access: text()
          .exactOptional()
          .meta({ description: 'Index of requests.', examples: ['apigw'] }),
        authentication: text()
          .exactOptional()
          .meta({ description: 'Index of decisions.', examples: ['apigw_auth'] }),
        metric: text()
          .exactOptional()
          .meta({ description: 'Index of metric points.', examples: ['apigw_metrics'] }),
        alarm: text()
          .exactOptional()
          .meta({ description: 'Index of changes of alarms.', examples: ['apigw_alarms'] }),
      })
      .prefault({})
      .meta({
        description: 'Index by kind of event, before `index`.',
        examples: [{ metric: 'apigw_metrics' }],
      }),
    host: text()
      .prefault('gatewatch')
      .meta({ description: 'Field `host` of every event.', examples: ['gatewatch'] }),
    access: onOff(true, 'Send requests as `gatewatch:access` (Web data model).'),
    authentication: onOff(true, 'Send decisions as `gatewatch:authentication` (Authentication data model).'),
    metrics: onOff(true, 'Send metric points as `gatewatch:metric`.'),
    alarms: onOff(true, 'Send changes of alarms as `gatewatch:alarm`.'),
    metricsAs: z
      .enum(['event', 'metric'])
      .prefault('event')
      .meta({
        description:
          'Form of metric points: `event` is searchable JSON, `metric` needs an index of metrics type.',
        examples: ['event'],
      }),
    acknowledgement: onOff(false, 'Wait for indexer acknowledgement; the token must have it enabled.'),
    acknowledgementPoll: duration({ minMs: 100, maxMs: 300_000 })
      .prefault('10s')
      .meta({
        description: 'Time between two questions for acknowledgements, a duration.',
        examples: ['10s'],
      }),
    acknowledgementTimeout: duration({ minMs: 1_000, maxMs: 3_600_000 })
      .prefault('5m')
      .meta({
        description: 'Events not acknowledged by then are sent again, a duration.',
        examples: ['5m'],
      }),
    keepPrefix: onOff(
      false,
      'When Splunk names one event as bad, count the events before it as indexed instead of sending them again.',
    ),
    client: z
      .enum(['own', 'splunk_logging'])
      .prefault('own')
      .meta({
        description:
          'HTTP client: our own, or the optional package `splunk-logging`, which cannot compress or acknowledge.',
        examples: ['own'],
      }),
    gzip: onOff(true, 'Compress bodies.'),
    maxBody: byteSize({ minBytes: 65_536, maxBytes: 8_388_608 })
      .prefault('2MiB')
      .meta({ description: 'Largest body before compression, a size.', examples: ['2MiB'] }),
    ...deliveryOptions,
    filter: sinkFilterConfig.prefault({}),
  })
  .meta({ description: 'Delivery to a Splunk HTTP Event Collector.' });

export type SplunkHecConfig = z.infer<typeof splunkHecConfig>;
