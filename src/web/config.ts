import { z } from 'zod';
import { text, wholeNumber } from '../core/config-fields.ts';

/** Where health, readiness and our own metrics are served. */
export const serverConfig = z
  .strictObject({
    host: text()
      .prefault('127.0.0.1')
      .meta({
        description:
          'Address to listen on. The pages have no log-in: another address than loopback shows them to the network.',
        examples: ['127.0.0.1'],
      }),
    port: wholeNumber(0, 65_535)
      .prefault(9_464)
      .meta({ description: 'Port to listen on; 0 takes a free one.', examples: [9_464] }),
  })
  .meta({ description: 'Health, readiness and metrics endpoint.' });

export type ServerConfig = z.infer<typeof serverConfig>;
