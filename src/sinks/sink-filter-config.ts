import { z } from 'zod';
import { glob } from '../core/config-fields.ts';

function list<T extends z.ZodType>(item: T, description: string, example: string) {
  return z
    .array(item)
    .min(1)
    .exactOptional()
    .meta({ description, examples: [[example]] });
}

const rule = z.strictObject({
  api: list(glob(), 'API names, as patterns.', 'orders-*'),
  stage: list(glob(), 'Stages, as patterns.', 'prod'),
  decision: list(
    z.enum(['allow', 'deny', 'refused_before', 'error', 'unknown']),
    'Decisions; a metric has none.',
    'deny',
  ),
  outcome: list(
    z.enum([
      'matched',
      'cached_decision',
      'connection_decision',
      'gateway_decision',
      'no_authorizer',
      'no_authorizer_call',
      'authorizer_error',
      'access_only',
      'authorizer_only',
      'ambiguous',
    ]),
    'Join outcomes; a metric has none.',
    'ambiguous',
  ),
});

/** What one sink is sent: what any `include` rule matches, less what any `exclude` rule does. */
export const sinkFilterConfig = z
  .strictObject({
    streams: list(z.enum(['records', 'metrics', 'alarms']), 'Streams to send.', 'records'),
    include: z
      .array(rule)
      .min(1)
      .exactOptional()
      .meta({
        description: 'Send only what one of these matches; within a rule everything named must match.',
        examples: [[{ api: ['orders-*'], stage: ['prod'] }]],
      }),
    exclude: z
      .array(rule)
      .min(1)
      .exactOptional()
      .meta({ description: 'Leave out what one of these matches.', examples: [[{ decision: ['allow'] }]] }),
  })
  .meta({ description: 'What this sink is sent. Empty: everything. What is left out is counted.' });

export type SinkFilterConfig = z.infer<typeof sinkFilterConfig>;
