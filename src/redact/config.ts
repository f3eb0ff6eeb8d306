import { z } from 'zod';
import { secret } from '../core/config-fields.ts';

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
  })
  .meta({ description: 'Redaction and pseudonyms.' });

export type RedactionConfig = z.infer<typeof redactionConfig>;
