import { z } from 'zod';
import { messageOf, UserError } from '../../core/errors.ts';
import type { GivenSeries } from './test-series.ts';

/** Metrics of one stage as they were, minute by minute, for a test that no incident goes twice the same way. */
export interface Recording {
  readonly each: {
    readonly api: { readonly name: string; readonly id: string; readonly protocol: string };
    readonly stage: string;
  };
  /** Wall clock of the first minute. */
  readonly startMs: number;
  /** Milliseconds after the start. */
  readonly incidentMs: number;
  readonly series: readonly GivenSeries[];
}

const recordingFile = z.strictObject({
  version: z.literal(1),
  each: z.strictObject({
    api: z.strictObject({
      name: z.string(),
      id: z.string(),
      protocol: z.enum(['REST', 'HTTP', 'WEBSOCKET']),
    }),
    stage: z.string(),
  }),
  start: z.iso.datetime(),
  incident: z.iso.datetime(),
  series: z.array(
    z.strictObject({ series: z.string(), statistic: z.string(), samples: z.array(z.number().nullable()) }),
  ),
});

/** @throws {UserError} `alarm_recording` */
export function readRecording(text: string): Recording {
  try {
    const file = recordingFile.parse(JSON.parse(text));
    const startMs = Date.parse(file.start);
    return {
      each: file.each,
      startMs,
      incidentMs: Date.parse(file.incident) - startMs,
      series: file.series.map(({ series, statistic, samples }) => ({
        series,
        statistic,
        samples: samples.map((sample) => sample ?? undefined),
      })),
    };
  } catch (error) {
    throw new UserError(
      'alarm_recording',
      `Expected a recording made by \`gatewatch alarms record\`, got: ${messageOf(error).split('\n')[0]}`,
      { cause: error },
    );
  }
}

export function writeRecording(recording: Recording): string {
  const { each, startMs, incidentMs, series } = recording;
  const file = {
    version: 1,
    each,
    start: new Date(startMs).toISOString(),
    incident: new Date(startMs + incidentMs).toISOString(),
    series: series.map((one) => ({ ...one, samples: one.samples.map((sample) => sample ?? null) })),
  };
  return `${JSON.stringify(file)}\n`;
}
