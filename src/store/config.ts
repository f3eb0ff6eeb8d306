import { z } from 'zod';
import { byteSize, duration, text } from '../core/config-fields.ts';

const SMALLEST_BUDGET_BYTES = 10_000_000;

/** Where the journal lies and how much of the disk it may take. */
export const journalConfig = z
  .strictObject({
    path: text()
      .prefault('gatewatch.db')
      .meta({
        description:
          'File of the journal, relative to the configuration file, on a local disk that survives a restart and is not a network share.',
        examples: ['/var/lib/gatewatch/gatewatch.db'],
      }),
    queueBudget: byteSize({ minBytes: SMALLEST_BUDGET_BYTES })
      .prefault('10GB')
      .meta({
        description:
          'Most that may wait for delivery. When it is reached, reading pauses and delivery goes on; reading resumes by itself below 80 % of it.',
        examples: ['2GiB'],
      }),
    trailBudget: byteSize({ minBytes: SMALLEST_BUDGET_BYTES })
      .prefault('100GB')
      .meta({
        description:
          'Most that the trail may take of the disk it lies on, sealed segments included and archived ones not. `onTrailFull` says what happens then.',
        examples: ['500GB'],
      }),
    onTrailFull: z
      .enum(['stop', 'archive', 'drop'])
      .prefault('stop')
      .meta({
        description:
          'When the trail has reached its budget: `stop` reading until there is room; `archive` the oldest sealed segment into `archive`; or `drop` it, which leaves a gap record with its span, row count and hash. What is not delivered yet is never archived or dropped.',
        examples: ['archive'],
      }),
    archive: text()
      .exactOptional()
      .meta({
        description:
          'Folder for archived segments, relative to the configuration file, best on another file system; needed for `onTrailFull: archive`. Queries read them there.',
        examples: ['/mnt/archive/gatewatch'],
      }),
    sealAfter: duration({ minMs: 3_600_000 })
      .prefault('48h')
      .meta({
        description:
          'Age at which delivered records are sealed: moved, day by day, from the file that is written to into read-only segments beside it, in the folder PATH.segments. Longer than the last of `logs.rereads`.',
        examples: ['7d'],
      }),
    segmentSize: byteSize({ minBytes: 1_000_000 })
      .prefault('256MB')
      .meta({
        description: 'Most that goes into one segment; a day with more becomes several.',
        examples: ['1GB'],
      }),
    reserve: byteSize({ minBytes: 1_000_000 })
      .prefault('256MiB')
      .meta({
        description:
          'Room kept free beside the journal in the file PATH.reserve: on a full disk it is given up, so that what is delivered can still be acknowledged.',
        examples: ['64MiB'],
      }),
    scrubEvery: duration({ minMs: 3_600_000 })
      .prefault('24h')
      .meta({
        description:
          'How often the content of the whole trail is compared with its hashes, slowly, in the background.',
        examples: ['7d'],
      }),
  })
  .meta({ description: 'The journal: audit trail and delivery queue in one.' });

export type JournalConfig = z.infer<typeof journalConfig>;
