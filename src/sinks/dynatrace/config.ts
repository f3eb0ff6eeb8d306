import { z } from 'zod';
import { duration, httpUrl, secret } from '../../core/config-fields.ts';
import { deliveryOptions } from '../delivery-config.ts';
import { sinkFilterConfig } from '../sink-filter-config.ts';

/** A Dynatrace environment's OTLP endpoint. */
export const dynatraceOtlpConfig = z
  .strictObject({
    type: z.literal('dynatrace_otlp').meta({ description: 'Dynatrace OTLP endpoint, HTTP with protobuf.' }),
    url: httpUrl().meta({
      description: 'OTLP address up to and without `/v1/…`; https unless it is this machine.',
      examples: ['https://abc12345.live.dynatrace.com/api/v2/otlp'],
    }),
    allowInsecure: z
      .boolean()
      .prefault(false)
      .meta({
        description: 'Allow plain http to another machine. The token then crosses the network readable.',
        examples: [false],
      }),
    token: secret().meta({
      description:
        'API token with `metrics.ingest` and `logs.ingest`; with `events.ingest` where alarms are followed.',
      examples: ['${env:DT_TOKEN}'],
    }),
    metrics: z
      .boolean()
      .prefault(true)
      .meta({ description: 'Send settled metric points.', examples: [true] }),
    logs: z
      .boolean()
      .prefault(true)
      .meta({ description: 'Send requests as log records.', examples: [true] }),
    problems: z
      .boolean()
      .prefault(true)
      .meta({
        description:
          'Open, refresh and close a problem for each alarm that fires (Events API v2), beside its log record. Only with `alarms.follow`; the token needs `events.ingest`.',
        examples: [true],
      }),
    eventsUrl: httpUrl()
      .exactOptional()
      .meta({
        description: 'Address of the Events API, where it cannot be told from `url` (`…/api/v2/otlp`).',
        examples: ['https://abc12345.live.dynatrace.com/api/v2/events/ingest'],
      }),
    metricPrefix: z
      .string()
      .regex(/^[a-z][a-z0-9._-]{0,99}$/)
      .prefault('gatewatch.apigateway')
      .meta({
        description: 'Beginning of every metric key; the rest is the metric and its statistic.',
        examples: ['gatewatch.apigateway'],
      }),
    metricMaxAge: duration({ minMs: 60_000, maxMs: 86_400_000 })
      .prefault('1h')
      .meta({
        description: 'Metric points older than this are counted as expired and not sent, a duration.',
        examples: ['1h'],
      }),
    logMaxAge: duration({ minMs: 60_000, maxMs: 604_800_000 })
      .prefault('24h')
      .meta({
        description: 'Log records older than this are counted as expired and not sent, a duration.',
        examples: ['24h'],
      }),
    ...deliveryOptions,
    filter: sinkFilterConfig.prefault({}),
  })
  .meta({ description: 'Delivery to Dynatrace over OTLP.' });

export type DynatraceOtlpConfig = z.infer<typeof dynatraceOtlpConfig>;
