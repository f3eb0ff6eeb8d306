import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Judgement } from '../../src/evaluate/alarm-state.ts';

const state = z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']);
const mode = z.enum(['missing', 'ignore', 'breaching', 'notBreaching']);
const suppressorEvent = z.tuple([z.number(), z.enum(['composite', 'suppressor']), state]);

const schema = z.object({
  published: z.array(
    z.object({
      N: z.number(),
      M: z.number(),
      cases: z.array(
        z.object({
          points: z.string(),
          fill: z.number(),
          expect: z.record(mode, z.union([state, z.literal('RETAIN')])),
        }),
      ),
    }),
  ),
  publishedText: z.array(
    z.object({
      N: z.number(),
      M: z.number(),
      points: z.string(),
      mode,
      not: state.optional(),
      is: state.optional(),
    }),
  ),
  unspecified: z.object({ M2: z.array(z.string()), M3: z.array(z.string()) }),
  lowSampleCount: z.array(z.object({ stat: z.string(), needs: z.number() })),
  suppressor: z.object({
    wait: z.number(),
    extension: z.number(),
    cases: z.array(
      z.object({
        id: z.number(),
        events: z.array(suppressorEvent),
        acts: z.array(z.tuple([z.number(), state])),
      }),
    ),
  }),
  hourly: z.object({ checks: z.array(z.tuple([z.string(), state])) }),
  localstackDiffers: z.array(
    z.object({ N: z.number(), M: z.number(), points: z.string(), aws: state, localstack: state }),
  ),
  slidingBuckets: z.object({
    nonZero: z.record(z.string(), z.number()),
    checks: z.array(z.tuple([z.string(), z.number()])),
  }),
});

/** What AWS publishes about alarm evaluation, as data: tables, texts, timelines. */
export const vectors = schema.parse(
  JSON.parse(readFileSync(new URL('published-vectors.json', import.meta.url), 'utf8')),
);

/** `0 X -`, oldest first. */
export function pointsOf(text: string): readonly Judgement[] {
  return text.split(' ').map((sign) => {
    if (sign === '0') return 'ok';
    return sign === 'X' ? 'breaching' : 'missing';
  });
}

/** `hh:mm` of one fixed day. */
export function at(clock: string): number {
  return Date.parse(`2026-11-20T${clock}:00Z`);
}
