// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${scheme:target} is how the configuration file refers to secrets.
import { z } from 'zod';
import { duration, httpUrl, secret, text, wholeNumber } from '../../core/config-fields.ts';
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
      description: 'API token with `metrics.ingest` and `logs.ingest`.',
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
    maxBatch: wholeNumber(1, 10_000)
      .prefault(1_000)
      .meta({ description: 'Journal entries per batch, a count.', examples: [1_000] }),
    maxInFlight: wholeNumber(1, 64)
      .prefault(4)
      .meta({ description: 'Bodies under way at once, a count.', examples: [4] }),
    timeout: duration({ minMs: 1_000, maxMs: 300_000 })
      .prefault('30s')
      .meta({ description: 'Longest wait for one answer, a duration.', examples: ['30s'] }),
    caFile: text()
      .exactOptional()
      .meta({
        description: 'PEM file with the certificate authority to trust, relative to the configuration file.',
        examples: ['gateway-ca.pem'],
      }),
    filter: sinkFilterConfig.prefault({}),
  })
  .meta({ description: 'Delivery to Dynatrace over OTLP.' });

export type DynatraceOtlpConfig = z.infer<typeof dynatraceOtlpConfig>;
