import { z } from 'zod';
import { duration, glob } from '../core/config-fields.ts';

const stageRule = z
  .strictObject({
    name: glob()
      .exactOptional()
      .meta({ description: 'API name, as a pattern with `*` and `?`.', examples: ['orders-*'] }),
    stage: glob()
      .exactOptional()
      .meta({ description: 'Stage name, as a pattern.', examples: ['prod'] }),
    tags: z
      .record(z.string(), glob())
      .exactOptional()
      .meta({
        description: 'Stage or API tags, key to value pattern; all must match.',
        examples: [{ team: 'pay*' }],
      }),
  })
  .refine((rule) => rule.name !== undefined || rule.stage !== undefined || rule.tags !== undefined, {
    params: {
      expected: 'at least one of name, stage, tags',
      remedy: 'an empty rule would match every stage',
    },
  })
  .meta({ description: 'A rule matches a stage when everything it names matches.' });

/** Which APIs and stages are watched, and how often the listing is read again. */
export const inventoryConfig = z
  .strictObject({
    include: z
      .array(stageRule)
      .prefault([])
      .meta({
        description: 'Stages to watch: those that match any rule. Empty: every stage.',
        examples: [[{ name: 'orders-*' }]],
      }),
    exclude: z
      .array(stageRule)
      .prefault([])
      .meta({ description: 'Stages to leave out, even when included.', examples: [[{ stage: 'test' }]] }),
    refresh: duration({ minMs: 60_000 })
      .prefault('10m')
      .meta({
        description: 'Longest time a listing is trusted before it is read again, a duration.',
        examples: ['10m'],
      }),
  })
  .meta({ description: 'Which APIs and stages are watched.' });

export type StageRuleConfig = z.infer<typeof stageRule>;
export type InventoryConfig = z.infer<typeof inventoryConfig>;
