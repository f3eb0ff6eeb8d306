import { z } from 'zod';
import { httpUrl, secret } from '../core/config-fields.ts';

const otlpConfig = z
  .strictObject({
    url: httpUrl().meta({
      description: 'Base address of an OTLP/HTTP receiver; `/v1/traces` and `/v1/metrics` are appended.',
      examples: ['https://otel.example.com:4318'],
    }),
    headers: z
      .record(z.string().min(1), secret())
      .prefault({})
      .meta({
        description: 'Headers to send along, such as an authorization.',
        examples: [{ Authorization: '${file:otlp.token}' }],
      }),
    temporality: z
      .enum(['cumulative', 'delta'])
      .prefault('cumulative')
      .meta({
        description: 'How counters are sent; Dynatrace takes `delta` only.',
        examples: ['delta'],
      }),
  })
  .meta({ description: 'Where traces and metrics of Gatewatch itself go, beside /metrics.' });

/** Gatewatch's own telemetry. */
export const telemetryConfig = z
  .strictObject({ otlp: otlpConfig.exactOptional() })
  .meta({ description: 'Traces and metrics of Gatewatch itself.' });

export type TelemetryConfig = z.infer<typeof telemetryConfig>;
