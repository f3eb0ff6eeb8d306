import { z } from 'zod';
import { secret, wholeNumber } from '../core/config-fields.ts';
import { SHORTEST_CAP } from './truncate.ts';

/** Bytes below which a pseudonym key could be guessed. */
const MIN_KEY_BYTES = 16;

const pseudonymKey = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,32}$/)
      .meta({ description: 'Name of the key; it stands inside each pseudonym.', examples: ['k1'] }),
    secret: secret({ minBytes: MIN_KEY_BYTES }).meta({
      description: `The key itself, at least ${MIN_KEY_BYTES} bytes.`,
      examples: ['${file:pseudonym.key}'],
    }),
  })
  .meta({ description: 'One pseudonym key.' });

/** Which values become pseudonyms, and under which keys. */
export const redactionConfig = z
  .strictObject({
    keys: z
      .array(pseudonymKey)
      .min(1)
      .meta({
        description:
          'Pseudonym keys. The first makes new pseudonyms; all are tried when somebody is looked up.',
        examples: [[{ id: 'k1', secret: '${file:pseudonym.key}' }]],
      }),
    pseudonymise: z
      .array(z.enum(['principal', 'customer']))
      .prefault(['principal', 'customer'])
      .meta({
        description: 'What is replaced by a pseudonym before anything is written.',
        examples: [['principal', 'customer']],
      }),
    maxTextLength: wholeNumber(SHORTEST_CAP, 1_048_576)
      .exactOptional()
      .meta({
        description:
          'Longest text kept of one value or unread line, in characters; what is longer is cut and marked with its length and SHA-256. Absent: texts are kept whole.',
        examples: [32_768],
      }),
  })
  .meta({ description: 'Redaction and pseudonyms.' });

export type RedactionConfig = z.infer<typeof redactionConfig>;
