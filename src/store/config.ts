import { z } from 'zod';
import { text } from '../core/config-fields.ts';

/** Where the journal lies. */
export const journalConfig = z
  .strictObject({
    path: text()
      .prefault('gatewatch.db')
      .meta({
        description:
          'File of the journal, relative to the configuration file, on a local disk that survives a restart and is not a network share.',
        examples: ['/var/lib/gatewatch/gatewatch.db'],
      }),
  })
  .meta({ description: 'The journal: audit trail and delivery queue in one.' });

export type JournalConfig = z.infer<typeof journalConfig>;
